"""One row of a check: the candidate's loss against its margin, from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fusion_eval.compare.rows import pair_runs
from fusion_eval.compare.units import Unit
from fusion_eval.gate.margin_tests import MarginTests, detected, largest_loss, margin_tests
from fusion_eval.gate.result import CheckedRow, Verdict
from fusion_eval.stats.bootstrap import jackknife_error
from fusion_eval.stats.multiplicity import holm
from fusion_eval.stats.power import items_needed
from fusion_eval.stats.strata import units_of

_FEW = 20
"""Clusters below which a t test of skewed values is a poor guide."""


def row_of(unit: Unit, margin: float, scale: float | None, alpha: float, rows: int) -> CheckedRow:
    """Two runs on a unit; the verdict is still to be made, over all rows."""
    first, paired = unit.cells[0], pair_runs(unit, 0, 1)
    clusters = units_of(paired)
    error = jackknife_error(paired) if clusters > 1 else None
    unchanged = bool((unit.statistics[0] == unit.statistics[1]).all())
    sign = 1 if first.higher_is_better else -1
    largest = max(scale or 0.0, float(np.ptp(unit.items)), margin)
    tests = None if error is None else margin_tests(unit, paired, error, clusters, largest, sign)
    worse = tests.worse(margin) if tests else 1.0
    loss, detects, needed = None, None, None
    if tests and not unchanged:
        loss = largest_loss(tests, alpha, largest)
        detects = detected(tests, clusters, margin, alpha / rows, largest)  # Holm's first step
        needed = _needed(tests, sign * paired.delta, unit.items.shape[1], clusters, margin, alpha, rows)
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
        largest_loss=loss,
        margin=margin,
        test="none" if unchanged or tests is None else tests.name,
        p_not_worse=tests.not_worse(margin) if tests else 1.0,
        p_worse=worse,
        p_worse_adjusted=worse,
        verdict="inconclusive",
        higher_is_better=first.higher_is_better,
        unchanged=unchanged,
        detects=detects,
        items_needed=needed,
        note=_note(unit, clusters, unchanged),
    )


def _needed(
    tests: MarginTests, gain: float, items: int, clusters: int, margin: float, alpha: float, rows: int
) -> int | None:
    """The items that would decide with a power of 80%, were the truth what is seen; more than there are, as these do not."""
    level = alpha if gain > -margin else alpha / rows
    found = items_needed(
        gain + margin, tests.error_at(margin), items, clusters, 2 * level
    )  # of two-sided tests
    return None if found is None else max(found, items + 1)


def _note(unit: Unit, clusters: int, unchanged: bool) -> str | None:
    missing = sum(cell.missing for cell in unit.cells)
    said = [f"{missing} items have no value in one of the two"] if missing else []
    if clusters < _FEW and not unchanged:
        said.append(f"{clusters} independent items: the test is rough")
    return "; ".join(said) or None


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
