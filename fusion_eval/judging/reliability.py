"""Measure how far verdicts can be trusted: position consistency, repeats, and agreement between judges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fusion_eval.judging.pair_verdicts import LABEL_CODES, label_of, position_consistency, scores_by_repeat
from fusion_eval.judging.rows import invalid_share, share
from fusion_eval.runs.judging_summary import JudgeAgreement, JudgeReport
from fusion_eval.runs.verdicts import Judgement, Verdict
from fusion_eval.stats.agreement import agreement


@dataclass(frozen=True, slots=True)
class JudgingUsage:
    """What a judging used: tokens, US dollars (None if no price is known), and calls without a known price."""

    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    unpriced: int


def usage_of(judgements: Sequence[Judgement]) -> JudgingUsage:
    """Add up the tokens and costs of judgements."""
    costs = [judgement.cost for judgement in judgements if judgement.cost is not None]
    return JudgingUsage(
        sum(judgement.prompt_tokens for judgement in judgements),
        sum(judgement.completion_tokens for judgement in judgements),
        sum(costs) if costs else None,
        sum(judgement.cost is None and judgement.error is None for judgement in judgements),
    )


def judge_report(name: str, verdicts: Sequence[Verdict]) -> JudgeReport:
    """Summarize how reliable one judge was over all pairs that it was asked about."""
    judgements = [judgement for verdict in verdicts for judgement in verdict.orders]
    first_won = [
        (judgement.first == "candidate") == (judgement.verdict == "win")
        for judgement in judgements
        if judgement.verdict in ("win", "loss")
    ]
    repeats = [
        [score for score in scores_by_repeat(verdict.orders) if score is not None]
        for verdict in verdicts
        if verdict.score is not None
    ]
    retests = [
        label_of(one) == label_of(other) for scores in repeats for one, other in combinations(scores, 2)
    ]
    consistent = [same for verdict in verdicts for same in position_consistency(verdict.orders)]
    return JudgeReport(
        name=name,
        pairs=len(verdicts),
        invalid=invalid_share(verdicts),
        position_consistency=share(consistent),
        first_wins=share(first_won),
        retest_agreement=share(retests),
        noise=_noise(repeats),
    )


def _noise(repeats: Sequence[Sequence[float]]) -> float | None:
    """Estimate the judge's part of the standard error of the mean score.

    A pair's part is the variance of its repeats over their number. Pairs with equal answers have none, since no judge was
    asked about them. The interval of the win rate already includes this part. More repeats make it smaller.

    Args:
        repeats: The scores of each pair's repeats; empty for a pair that no judge was asked about.

    Returns:
        The standard error, or None if no pair has two scores.
    """
    variances = [float(np.var(scores, ddof=1)) / len(scores) for scores in repeats if len(scores) > 1]
    if not variances:
        return None
    asked = sum(bool(scores) for scores in repeats)
    return math.sqrt(asked * sum(variances) / len(variances)) / len(repeats)


def panel_agreement(judges: Sequence[Sequence[Verdict]]) -> JudgeAgreement | None:
    """Measure how far judges agree on the same pairs in the same order. Return None for a single judge."""
    if len(judges) < 2:
        return None
    found = agreement([[LABEL_CODES[verdict.verdict] for verdict in verdicts] for verdicts in judges])
    return JudgeAgreement(found.share, found.cohen, found.fleiss, found.alpha, found.items)
