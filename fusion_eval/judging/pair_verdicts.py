"""A pair of answers, and the verdict that follows from the judges' replies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fusion_eval.runs.verdicts import Judgement, Verdict, VerdictLabel
from fusion_eval.types import Message

PairKey = tuple[str, str, str, str]
"""Task, item, baseline and candidate."""
LABEL_CODES = {"win": 1.0, "tie": 0.0, "loss": -1.0, "invalid": float("nan")}
"""Verdicts as numbers, for coefficients of agreement."""


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """Two systems' answers to one prompt.

    `item` identifies the document within the comparison. `doc_id` is the document's number in the baseline's run.
    """

    task: str
    language: str | None
    doc_id: int
    item: str
    baseline: str
    candidate: str
    prompt: tuple[Message, ...]
    answers: tuple[str, str]
    """The baseline's answer and the candidate's."""
    reference: str = ""
    source: str = ""
    against_opponent: bool = False
    """Whether `baseline` is a fixed opponent that all runs are judged against."""

    @property
    def key(self) -> PairKey:
        """What identifies the pair within a job."""
        return self.task, self.item, self.baseline, self.candidate


def label_of(score: float | None) -> VerdictLabel:
    """Return the verdict that a score stands for. None is invalid."""
    if score is None:
        return "invalid"
    return "win" if score > 0.5 else "loss" if score < 0.5 else "tie"


def verdict_of(pair: AnswerPair, judge: str, judgements: Sequence[Judgement]) -> Verdict:
    """Return a judge's verdict on a pair."""
    score = score_of(judgements)
    return Verdict(
        pair.task, pair.language, pair.doc_id, pair.item, pair.baseline, pair.candidate, judge,
        label_of(score), score, tuple(judgements), pair.against_opponent,
    )  # fmt: skip


def score_of(judgements: Sequence[Judgement]) -> float | None:
    """Return a pair's score by one judge: the mean over the repeats that have a score. None if none has one."""
    scores = [score for score in scores_by_repeat(judgements) if score is not None]
    return sum(scores) / len(scores) if scores else None


def scores_by_repeat(judgements: Sequence[Judgement]) -> list[float | None]:
    """Return the candidate's score in each repeat, in the order of the repeats."""
    return [_score_of_orders(orders) for orders in _repeats(judgements)]


def position_consistency(judgements: Sequence[Judgement]) -> list[bool]:
    """For each repeat in which both orders can be read, tell whether both name the same winner."""
    return [
        orders[0].verdict == orders[1].verdict
        for orders in _repeats(judgements)
        if len(orders) == 2 and all(order.score is not None for order in orders)
    ]


def majority(verdicts: Sequence[Verdict], judges: Sequence[str]) -> Verdict:
    """Combine the judges' verdicts on one pair into the panel's verdict.

    More than half of all named judges have to agree, whether or not their replies could be read. Otherwise a judge that
    fails would decide by its absence.

    Args:
        verdicts: One verdict for each judge.
        judges: The names of all judges of the panel.

    Returns:
        The panel's verdict. Its score is the mean score of the judges that agree.
    """
    name = "|".join(judges)
    counts: Counter[VerdictLabel] = Counter(
        verdict.verdict for verdict in verdicts if verdict.score is not None
    )
    winner, votes = max(counts.items(), key=lambda vote: vote[1], default=("invalid", 0))
    if 2 * votes <= len(judges):
        return replace(verdicts[0], judge=name, verdict="invalid", score=None, orders=())
    scores = [
        verdict.score for verdict in verdicts if verdict.verdict == winner and verdict.score is not None
    ]
    return replace(verdicts[0], judge=name, verdict=winner, score=sum(scores) / len(scores), orders=())


def _repeats(judgements: Sequence[Judgement]) -> list[list[Judgement]]:
    numbers = sorted({judgement.repeat for judgement in judgements})
    return [[judgement for judgement in judgements if judgement.repeat == number] for number in numbers]


def _score_of_orders(orders: Sequence[Judgement]) -> float | None:
    """Orders that disagree on the winner are a tie. If one order cannot be read, there is no score."""
    scores = [order.score for order in orders]
    readable = [score for score in scores if score is not None]
    if len(readable) < len(scores) or not readable:
        return None
    return sum(readable) / len(readable) if len({label_of(score) for score in readable}) == 1 else 0.5
