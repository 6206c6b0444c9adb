"""One row of a check: test the candidate's loss against the margin, from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fusion_eval.comparison.rows import pair_runs
from fusion_eval.comparison.units import Unit
from fusion_eval.gate.checked_rows import CheckedRow, CheckVerdict
from fusion_eval.gate.margin_tests import MarginTests, detected_loss, largest_loss, margin_tests
from fusion_eval.stats.bootstrap import jackknife_error
from fusion_eval.stats.multiplicity import holm
from fusion_eval.stats.paired import Paired, independent_units
from fusion_eval.stats.power import items_needed

_FEW = 20
"""With fewer clusters, a t test of skewed values is only rough."""


@dataclass(frozen=True, slots=True)
class UnitTests:
    """The second run of a unit against the first, with the tests of its loss."""

    paired: Paired
    clusters: int
    """How many independent clusters there are."""
    unchanged: bool
    """Whether no item differs at all."""
    largest: float
    """The largest loss that one item can have."""
    tests: MarginTests | None
    """None if there is only one cluster, which shows nothing."""

    def p_not_worse(self, margin: float) -> float:
        """Return the p-value of H0: the loss is the margin or more."""
        return self.tests.not_worse(margin) if self.tests else 1.0

    def p_worse(self, margin: float) -> float:
        """Return the p-value of H0: the loss is at most the margin."""
        return self.tests.worse(margin) if self.tests else 1.0


def unit_tests(unit: Unit, margin: float, scale: float | None) -> UnitTests:
    """Pair the two runs of a unit and choose their tests; `scale` is the range of the metric, if it is known."""
    paired = pair_runs(unit, 0, 1)
    clusters = independent_units(paired)
    unchanged = bool((unit.statistics[0] == unit.statistics[1]).all())
    largest = max(scale or 0.0, float(np.ptp(unit.items)), margin)
    error = jackknife_error(paired) if clusters > 1 else None
    sign = 1 if unit.cells[0].higher_is_better else -1
    tests = None if error is None else margin_tests(unit, paired, error, clusters, largest, sign)
    return UnitTests(paired, clusters, unchanged, largest, tests)


def check_unit(unit: Unit, margin: float, scale: float | None, alpha: float, rows: int) -> CheckedRow:
    """Test the second run of a unit against the first. The verdict is made later, over all rows.

    Args:
        unit: The unit, with two runs.
        margin: The largest loss to tolerate, in the metric's units.
        scale: The range of the metric, if it is known.
        alpha: The level of the tests.
        rows: How many rows the check has.
    """
    first, tested = unit.cells[0], unit_tests(unit, margin, scale)
    paired, tests = tested.paired, None if tested.unchanged else tested.tests
    loss, detects, needed = None, None, None
    if tests:
        loss = largest_loss(tests, alpha, tested.largest)
        # alpha / rows is the level of the first step of Holm's method.
        detects = detected_loss(tests, tested.clusters, margin, alpha / rows, tested.largest)
        gain = paired.delta if first.higher_is_better else -paired.delta
        needed = _needed(tests, gain, unit.items.shape[1], tested.clusters, margin, alpha, rows)
    p_worse = tested.p_worse(margin)
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
        test=tests.name if tests else "none",
        p_not_worse=tested.p_not_worse(margin),
        p_worse=p_worse,
        p_worse_adjusted=p_worse,
        verdict="inconclusive",
        higher_is_better=first.higher_is_better,
        unchanged=tested.unchanged,
        detects=detects,
        items_needed=needed,
        note=_note(unit, tested.clusters, tested.unchanged),
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
    adjusted = [float(p_value) for p_value in holm([row.p_worse for row in rows])]
    decided = []
    for row, p_worse in zip(rows, adjusted, strict=True):
        verdict = verdict_of(p_worse, row.p_not_worse, row.unchanged, alpha)
        needed = row.items_needed if verdict == "inconclusive" else None
        decided.append(replace(row, p_worse_adjusted=p_worse, verdict=verdict, items_needed=needed))
    return decided


def verdict_of(p_worse_adjusted: float, p_not_worse: float, unchanged: bool, alpha: float) -> CheckVerdict:
    """Return the verdict of a row from its p-values."""
    if p_worse_adjusted <= alpha:
        return "regression"
    return "pass" if unchanged or p_not_worse <= alpha else "inconclusive"
