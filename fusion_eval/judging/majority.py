"""Several judges: what the strict majority of them says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from fusion_eval.judging.verdicts import Label, Verdict


def majority(verdicts: Sequence[Verdict], judges: Sequence[str]) -> Verdict:
    """One pair's verdict from one of each judge.

    More than half of the judges that were configured have to say the same, whoever of them could be read: else a judge
    that fails would decide by its absence. The score is the mean of the agreeing judges'.
    """
    name = "|".join(judges)
    counted: Counter[Label] = Counter(verdict.verdict for verdict in verdicts if verdict.score is not None)
    said, votes = max(counted.items(), key=lambda vote: vote[1], default=("invalid", 0))
    if 2 * votes <= len(judges):
        return replace(verdicts[0], judge=name, verdict="invalid", score=None, orders=())
    scores = [verdict.score for verdict in verdicts if verdict.verdict == said and verdict.score is not None]
    return replace(verdicts[0], judge=name, verdict=said, score=sum(scores) / len(scores), orders=())
