"""One row of a check: the candidate's loss against its margin, from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fusion_eval.compare.rows import pair
from fusion_eval.compare.units import Unit
from fusion_eval.gate.checked import CheckedRow, Verdict
from fusion_eval.stats.bootstrap import jackknife_error
from fusion_eval.stats.equivalence import inferiority, non_inferiority
from fusion_eval.stats.multiplicity import holm
from fusion_eval.stats.paired import Paired
from fusion_eval.stats.paired_proportions import not_worse_p_value, worse_p_value
from fusion_eval.stats.power import items_needed, minimal_detectable_effect
from fusion_eval.stats.strata import strata

_FEW = 20
"""Clusters below which a t test of skewed values is a poor guide."""


def row_of(unit: Unit, margin: float, scale: float | None, alpha: float, rows: int) -> CheckedRow:
    """Two runs on a unit; the verdict is still to be made, over all rows."""
    first = unit.cells[0]
    paired = pair(unit, 0, 1)
    clusters = paired.n_clusters - len(strata(paired)) + 1  # each stratum's mean costs one
    error = jackknife_error(paired)
    unchanged = bool((unit.statistics[0] == unit.statistics[1]).all())
    sign = 1 if first.higher_is_better else -1
    gain = sign * paired.delta
    largest = max(scale or 0.0, float(np.ptp(unit.items)), margin)
    test, bound, not_worse, worse = _tested(unit, paired, gain, error, clusters, margin, largest, alpha)
    strict = alpha / rows  # Holm's first step
    detects = minimal_detectable_effect(error, clusters, 2 * strict) if error and clusters > 1 else None
    needed = None
    if error and clusters > 1:
        level = 2 * (alpha if gain > -margin else strict)  # one-sided tests, in functions of two-sided ones
        needed = items_needed(gain + margin, error, unit.items.shape[1], clusters, level)
    missing = sum(cell.missing for cell in unit.cells)
    said = [f"{missing} items have no value in one of the two"] if missing else []
    if clusters < _FEW and not unchanged:
        said.append(f"{clusters} independent items: the test is rough")
    return CheckedRow(
        task=unit.task,
        language=unit.language,
        metric=first.metric,
        filter=first.filter,
        n=unit.items.shape[1],
        clusters=paired.n_clusters,
        baseline_value=paired.baseline_value,
        candidate_value=paired.candidate_value,
        delta=paired.delta,
        bound=None if bound is None or unchanged else sign * max(bound, -largest),
        margin=margin,
        test="none" if unchanged else test,
        p_not_worse=not_worse,
        p_worse=worse,
        p_worse_adjusted=worse,
        verdict="inconclusive",
        higher_is_better=first.higher_is_better,
        unchanged=unchanged,
        detects=None if detects is None or margin + detects > largest else margin + detects,
        items_needed=needed,
        note="; ".join(said) or None,
    )


def _tested(
    unit: Unit,
    paired: Paired,
    gain: float,
    error: float | None,
    clusters: int,
    margin: float,
    largest: float,
    alpha: float,
) -> tuple[str, float | None, float, float]:
    """(Test, the worst gain that is allowed, p of 'not worse', p of 'worse')."""
    if error is None or clusters < 2:
        return "none", None, 1.0, 1.0
    not_worse = non_inferiority(gain, error, clusters, margin, alpha, largest)
    if _independent_answers(unit, paired) and margin < 1:
        differences = unit.items[1] - unit.items[0]
        gains, losses = int((differences > 0).sum()), int((differences < 0).sum())
        if not unit.cells[0].higher_is_better:
            gains, losses = losses, gains
        counts = gains, losses, len(differences)
        return "score", not_worse.low, not_worse_p_value(*counts, margin), worse_p_value(*counts, margin)
    worse = inferiority(gain, error, clusters, margin, alpha, largest)
    return "t", not_worse.low, not_worse.p_value, worse.p_value


def _independent_answers(unit: Unit, paired: Paired) -> bool:
    """Values of 0 and 1 of one task, each item for itself."""
    return not unit.several and unit.cells[0].binary and paired.n_clusters == unit.items.shape[1]


def decided(rows: Sequence[CheckedRow], alpha: float) -> list[CheckedRow]:
    """The rows with their verdicts."""
    adjusted = holm([row.p_worse for row in rows])
    return [_decided(row, float(p), alpha) for row, p in zip(rows, adjusted, strict=True)]


def _decided(row: CheckedRow, adjusted: float, alpha: float) -> CheckedRow:
    verdict: Verdict = "inconclusive"
    if adjusted <= alpha:
        verdict = "regression"
    elif row.unchanged or row.p_not_worse <= alpha:
        verdict = "pass"
    needed = row.items_needed if verdict == "inconclusive" else None
    return replace(row, p_worse_adjusted=adjusted, verdict=verdict, items_needed=needed)
