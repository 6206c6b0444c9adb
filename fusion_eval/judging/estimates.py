"""Estimates that a judging gives beside its rows: style-adjusted win rates, rates against an opponent, strengths."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.judging.job import Job, PlannedPairs
from fusion_eval.judging.pair_verdicts import LABEL_CODES
from fusion_eval.judging.panel import JudgedPair, SystemPair
from fusion_eval.judging.style import FEATURES, style_differences
from fusion_eval.runs.judging_summary import AgainstOpponent, RankedSystem, StyleAdjusted, StyleEffect
from fusion_eval.stats.bradley_terry import strengths
from fusion_eval.stats.style_control import Coefficient, style_controlled
from fusion_eval.stats.win_rate import win_rate

UNBOUNDED = 10.0
"""A style effect of more log-odds than this means that style alone decides. Its size is then not estimable."""
RESAMPLES = 1_000
"""Bootstrap resamples for strengths. There are few, since each resample needs a model fit."""


def style_adjusted(
    job: Job, planned: PlannedPairs, judged: Sequence[JudgedPair], systems: SystemPair, confidence: float
) -> StyleAdjusted | None:
    """Return the style-adjusted win rate of two systems. None if style cannot be told apart from quality."""
    own = [
        one
        for one in judged
        if (one.pair.baseline, one.pair.candidate) == systems and one.verdict.score is not None
    ]
    if not own:
        return None
    found = style_controlled(
        [one.verdict.score or 0.0 for one in own],
        style_differences([one.pair for one in own]),
        FEATURES,
        [planned.cluster(one.pair) for one in own],
        confidence,
    )
    if found is None or not found.coefficients:
        return None
    effects = tuple(_style_effect(coefficient) for coefficient in found.coefficients)
    return StyleAdjusted(*systems, found.raw, found.adjusted, found.low, found.high, effects)


def _style_effect(found: Coefficient) -> StyleEffect:
    if found.low is None or abs(found.value) > UNBOUNDED:
        return StyleEffect(found.name, found.value, None, None)
    return StyleEffect(found.name, found.value, found.low, found.high)


def rates_against_opponent(
    job: Job, planned: PlannedPairs, judged: Sequence[JudgedPair], confidence: float
) -> tuple[AgainstOpponent, ...]:
    """Return each run's win rate against the opponent, over all pairs that have a verdict."""
    rates = []
    for run in job.runs if planned.opponent else ():
        own = [one for one in judged if one.pair.candidate == run.name and one.verdict.score is not None]
        if own:
            outcomes = [LABEL_CODES[one.verdict.verdict] for one in own]
            clusters = [planned.cluster(one.pair) for one in own]
            rate = win_rate(outcomes, clusters, None, confidence, seed=job.statistics.seed)
            rates.append(AgainstOpponent(run.name, len(own), rate.rate, rate.low, rate.high))
    return tuple(rates)


def ranked_systems(
    job: Job, planned: PlannedPairs, judged: Sequence[JudgedPair], confidence: float
) -> tuple[RankedSystem, ...]:
    """Return the Bradley–Terry strengths of three systems or more, an opponent included."""
    scored = [one for one in judged if one.verdict.score is not None]
    names = list(dict.fromkeys(name for systems in planned.by_systems for name in systems))
    if len(names) < 3:
        return ()
    try:
        found = strengths(
            [(names.index(one.pair.candidate), names.index(one.pair.baseline)) for one in scored],
            [one.verdict.score or 0.0 for one in scored],
            len(names),
            [planned.cluster(one.pair) for one in scored],
            confidence,
            RESAMPLES,
            job.statistics.seed,
        )
    except ValueError:  # All verdicts between two groups of systems are invalid: nothing connects the groups.
        return ()
    ranked = [
        RankedSystem(name, s.rank, s.value, s.low, s.high, s.win_rate)
        for name, s in zip(names, found, strict=True)
        if s is not None
    ]
    return tuple(sorted(ranked, key=lambda system: system.rank))
