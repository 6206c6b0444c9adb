"""How far verdicts can be trusted: positions, repeats, and judges that do or do not agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from fusion_eval.judging.rows import invalid, share
from fusion_eval.judging.verdicts import CODES, Verdict, by_repeat, consistent, label
from fusion_eval.runs.judging_summary import JudgeAgreement, JudgeReport
from fusion_eval.stats.agreement import agreement


def judge_report(name: str, verdicts: Sequence[Verdict]) -> JudgeReport:
    """One judge over all pairs that it was asked for."""
    orders = [order for verdict in verdicts for order in verdict.orders]
    winners = [
        (order.first == "candidate") == (order.verdict == "win")
        for order in orders
        if order.verdict in ("win", "loss")
    ]
    repeats = [
        [score for score in by_repeat(verdict.orders) if score is not None]
        for verdict in verdicts
        if verdict.score is not None
    ]
    retests = [label(one) == label(other) for scores in repeats for one, other in combinations(scores, 2)]
    return JudgeReport(
        name=name,
        pairs=len(verdicts),
        invalid=invalid(verdicts),
        position_consistency=share([same for verdict in verdicts for same in consistent(verdict.orders)]),
        first_wins=share(winners),
        retest_agreement=share(retests),
        noise=_noise(repeats),
    )


def _noise(repeats: Sequence[Sequence[float]]) -> float | None:
    """Standard error of the mean score that is the judge's own, from the scores of each pair's repeats: the pair's
    variance over their number. Pairs that nobody was asked about, as their answers are equal, have none.

    It is part of what the interval of the win rate holds, whose spread is that of the pairs' means as they came out; more
    repeats take it down, more pairs both.
    """
    spread = [float(np.var(scores, ddof=1)) / len(scores) for scores in repeats if len(scores) > 1]
    if not spread:
        return None
    asked = sum(bool(scores) for scores in repeats)
    return math.sqrt(asked * sum(spread) / len(spread)) / len(repeats)


def judges_agree(judges: Sequence[Sequence[Verdict]]) -> JudgeAgreement | None:
    """Of several judges on the same pairs, in the same order; None for one."""
    if len(judges) < 2:
        return None
    found = agreement([[CODES[verdict.verdict] for verdict in verdicts] for verdicts in judges])
    return JudgeAgreement(found.share, found.cohen, found.fleiss, found.alpha, found.items)
