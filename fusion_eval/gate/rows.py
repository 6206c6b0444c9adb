"""One row of a check: test the candidate's loss against the margin, from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fusion_eval.comparison.rows import pair_runs
from fusion_eval.comparison.units import Unit
from fusion_eval.gate.margin_tests import MarginTests, detected_loss, largest_loss, margin_tests
from fusion_eval.gate.result import CheckedRow, CheckVerdict
from fusion_eval.stats.bootstrap import jackknife_error
from fusion_eval.stats.multiplicity import holm
from fusion_eval.stats.power import items_needed
from fusion_eval.stats.strata import units_of

_FEW = 20
"""With fewer clusters, a t test of skewed values is only rough."""


def check_unit(unit: Unit, margin: float, scale: float | None, alpha: float, rows: int) -> CheckedRow:
    """Test the second run of a unit against the first. The verdict is made later, over all rows.

    Args:
        unit: The unit, with two runs.
        margin: The largest loss to tolerate, in the metric's units.
        scale: The range of the metric, if it is known.
        alpha: The level of the tests.
        rows: How many rows the check has.
    """
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
        # alpha / rows is the level of the first step of Holm's method.
        detects = detected_loss(tests, clusters, margin, alpha / rows, largest)
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
    """Return how many items decide with a power of 80% if the true gain is the observed one. It is more than `items`."""
    level = alpha if gain > -margin else alpha / rows
    # `items_needed` takes the level of a two-sided test.
    needed = items_needed(gain + margin, tests.error_at(margin), items, clusters, 2 * level)
    return None if needed is None else max(needed, items + 1)


def _note(unit: Unit, clusters: int, unchanged: bool) -> str | None:
    missing = sum(cell.missing for cell in unit.cells)
    notes = [f"{missing} items have no value in one of the two"] if missing else []
    if clusters < _FEW and not unchanged:
        notes.append(f"{clusters} independent items: the test is rough")
    return "; ".join(notes) or None


def decide_rows(rows: Sequence[CheckedRow], alpha: float) -> list[CheckedRow]:
    """Return the rows with their adjusted p-values and verdicts."""
    adjusted = holm([row.p_worse for row in rows])
    return [_decide(row, float(p), alpha) for row, p in zip(rows, adjusted, strict=True)]


def _decide(row: CheckedRow, adjusted: float, alpha: float) -> CheckedRow:
    verdict: CheckVerdict = "inconclusive"
    if adjusted <= alpha:
        verdict = "regression"
    elif row.unchanged or row.p_not_worse <= alpha:
        verdict = "pass"
    needed = row.items_needed if verdict == "inconclusive" else None
    return replace(row, p_worse_adjusted=adjusted, verdict=verdict, items_needed=needed)
