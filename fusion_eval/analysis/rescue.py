"""Rescue and harm: what each strategy makes of pools with few and with many right candidates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fusion_eval.analysis.curves import interval
from fusion_eval.analysis.pools import NO_ANSWER, Booleans, Floats, ScoredPools, StrategyAnswers
from fusion_eval.analysis.units import Unit
from fusion_eval.runs.analysis import OutcomeRow, RescueRow
from fusion_eval.stats.cluster_means import Sample, cluster_means, proportion_interval

_TIE = 1e-9
"""Relative difference below which two values differ by rounding only."""


def answers_of(part: ScoredPools, strategy: str) -> StrategyAnswers:
    """Return the answers of a strategy, which the pools have."""
    return next(one for one in part.strategies if one.name == strategy)


def is_right(part: ScoredPools, values: Floats) -> Booleans:
    """Return which 0/1 values are right: 1, or 0 if lower is better."""
    return np.asarray(values == (1.0 if part.higher_is_better else 0.0))


def rescue_rows(unit: Unit, strategy: str, alpha: float) -> Iterator[RescueRow]:
    """Yield how often a strategy is right by the number of right candidates, for a 0/1 metric."""
    right = np.concatenate([is_right(part, answers_of(part, strategy).values) for part in unit.parts])
    count = np.concatenate([is_right(part, part.values).sum(axis=1) for part in unit.parts])
    for c in range(unit.parts[0].n_candidates + 1):
        at = count == c
        low, high = proportion_interval(right[at], unit.cluster[at], 1 - alpha) if at.any() else (0.0, 1.0)
        yield RescueRow(
            **unit.head,
            strategy=strategy,
            right_candidates=c,
            items=int(at.sum()),
            right=int(right[at].sum()),
            ci_low=low,
            ci_high=high,
        )


def outcome_row(unit: Unit, strategy: str, alpha: float) -> OutcomeRow:
    """Return how many items a strategy rescued and harmed, and where its answers stand within their pools."""
    parts = [(part, answers_of(part, strategy)) for part in unit.parts]
    if unit.binary:
        rescued, harmed = zip(*(_of_shares(part, own) for part, own in parts), strict=True)
    else:
        rescued, harmed = zip(*(_of_grades(part, own) for part, own in parts), strict=True)
    gained, lost = int(np.concatenate(rescued).sum()), int(np.concatenate(harmed).sum())
    share, low, high = (None, None, None) if unit.binary else _range_share(unit, strategy, alpha)
    return OutcomeRow(
        **unit.head,
        strategy=strategy,
        items=unit.n_items,
        rescued=gained,
        harmed=lost,
        net=gained - lost,
        new_texts=sum(int((own.chosen == NO_ANSWER).sum()) for _, own in parts),
        fallbacks=sum(int(own.fallback.sum()) for _, own in parts),
        range_share=share,
        range_low=low,
        range_high=high,
        scale="0/1" if unit.binary else "graded",
    )


def _of_shares(part: ScoredPools, own: StrategyAnswers) -> tuple[Booleans, Booleans]:
    """Return which items are right although no candidate is, and which are wrong although most candidates are right."""
    count, right = is_right(part, part.values).sum(axis=1), is_right(part, own.values)
    return right & (count == 0), ~right & (2 * count > part.n_candidates)


def _of_grades(part: ScoredPools, own: StrategyAnswers) -> tuple[Booleans, Booleans]:
    """Return which items are better than their best candidate, and which are worse than their worst."""
    values, answer = part.sign * part.values, part.sign * own.values
    best, worst = values.max(axis=1), values.min(axis=1)
    tolerance = _TIE * np.maximum(np.abs(values).max(axis=1), np.abs(answer))
    return answer > best + tolerance, answer < worst - tolerance


def _range_share(unit: Unit, strategy: str, alpha: float) -> tuple[float | None, float | None, float | None]:
    """Return the mean place of the answers between the worst (0) and the best candidate (1), with its interval."""
    places = []
    for part in unit.parts:
        values, answer = part.sign * part.values, part.sign * answers_of(part, strategy).values
        worst, best = values.min(axis=1), values.max(axis=1)
        spread = best - worst > _TIE * np.abs(values).max(axis=1)
        places.append(np.where(spread, (answer - worst) / np.where(spread, best - worst, 1.0), np.nan))
    share = np.concatenate(places)
    known = ~np.isnan(share)
    if not known.any():
        return None, None, None
    means = cluster_means(share[known], Sample(unit.cluster[known], unit.group[known]))
    low, high = interval(means, alpha, shares=False)
    return float(means.mean[0]), low[0], high[0]
