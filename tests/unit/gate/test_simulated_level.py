"""Simulations of the gate's two promises: how often it gives a false alarm, and how often it misses a loss.

Each simulation checks many pairs of runs whose true difference is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from gate_sides import side

from fusion_eval.comparison.cells import Cell
from fusion_eval.comparison.units import units
from fusion_eval.gate.check import check
from fusion_eval.gate.checked_rows import CheckedRow
from fusion_eval.gate.rows import unit_tests, verdict_of
from fusion_eval.stats.multiplicity import holm
from fusion_eval.stats.paired import mean_score
from fusion_eval.stats.power import power_of

Values = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, float], tuple[Values, Values]]
"""Draws a baseline and a candidate of so many items, with a true difference that is a share of the scale."""
REPEATS = 300
SLACK = 3 * np.sqrt(0.05 * 0.95 / REPEATS)
"""Three standard errors of a share that is truly 5%."""


def right_or_wrong(random: np.random.Generator, items: int, shift: float) -> tuple[Values, Values]:
    """Draw 0/1 scores. One item in ten changes."""
    one = random.random(items) < 0.7
    lost = random.random(items) < (0.05 - shift / 2) / 0.7
    won = random.random(items) < (0.05 + shift / 2) / 0.3
    return one.astype(float), np.where(one, ~lost, won).astype(float)


def rare_losses(random: np.random.Generator, items: int, shift: float) -> tuple[Values, Values]:
    """Draw a baseline that is always right, and a candidate whose changes are all losses."""
    one = np.ones(items)
    return one, np.where(random.random(items) < -shift, 0.0, one)


def sentence_scores(random: np.random.Generator, items: int, shift: float) -> tuple[Values, Values]:
    """Draw scores from 0 to 100 that spread widely and are alike in both runs, as sentence chrF is."""
    one = 20 + 60 * random.beta(2, 2, items)
    return one, np.clip(one + 100 * shift + random.normal(0, 6, items), 0, 100)


def rare_large_losses(random: np.random.Generator, items: int, shift: float) -> tuple[Values, Values]:
    """Draw scores from 0 to 100. One item in fifty changes, and those items make up the whole shift."""
    one = 60 + 40 * random.beta(2, 2, items)
    return one, np.where(random.random(items) < 0.02, one + 100 * shift / 0.02, one)


@dataclass(frozen=True)
class Simulation:
    """What a simulated system is: its scores, their number, and the true difference in each task."""

    draw: Draw
    items: int
    shifts: tuple[float, ...]

    @property
    def scale(self) -> float:
        return 100.0 if self.draw in (sentence_scores, rare_large_losses) else 1.0


def cell(number: int, task: str, pair: tuple[Values, Values], family: str) -> Cell:
    values = np.stack(pair)
    first = number * 1_000_000  # each item is a cluster of its own
    return Cell(
        task=task,
        family=family,
        language=None,
        metric="metric",
        filter="none",
        statistics=np.stack([values, np.ones_like(values)], axis=-1),
        clusters=np.arange(first, first + values.shape[1]),
        score=mean_score,
        item_score=mean_score,
        higher_is_better=True,
        binary=bool(np.isin(values, (0.0, 1.0)).all()),
    )


def verdicts_of_rows(pairs: Mapping[str, tuple[Values, Values]], scale: float, family: str = "") -> list[str]:
    """Return the verdict of each row at a margin of one point; `unchanged` is a row without any change.

    These are the verdicts of `check`, without all else that it computes for each row.
    """
    margin = 0.01 * scale
    rows, _ = units(
        [cell(number, task, pair, family or task) for number, (task, pair) in enumerate(pairs.items())]
    )
    tested = [unit_tests(unit, margin, scale) for unit in rows]
    adjusted = holm([row.p_worse(margin) for row in tested])
    return [
        "unchanged"
        if row.unchanged
        else verdict_of(float(p_worse), row.p_not_worse(margin), row.unchanged, alpha=0.05)
        for row, p_worse in zip(tested, adjusted, strict=True)
    ]


@cache
def outcomes(simulation: Simulation) -> Counter[str]:
    """Simulate checks, and count how often all rows pass, and how often any is a regression."""
    random, counts = np.random.default_rng(7), Counter[str]()
    for _ in range(REPEATS):
        pairs = {
            f"task{number}": simulation.draw(random, simulation.items, shift)
            for number, shift in enumerate(simulation.shifts)
        }
        verdicts = verdicts_of_rows(pairs, simulation.scale)
        counts["regression"] += "regression" in verdicts
        counts["pass"] += set(verdicts) <= {"pass", "unchanged"}
    return counts


def share(outcome: str, draw: Draw, items: int, *shifts: float) -> float:
    return outcomes(Simulation(draw, items, shifts))[outcome] / REPEATS


def single_row(one: Values, other: Values, metric: str) -> CheckedRow:
    (row,) = check(side({"task": one}, metric=metric), side({"task": other}, metric=metric)).rows
    return row


@pytest.mark.parametrize("draw", [right_or_wrong, sentence_scores])
def test_the_simulated_verdicts_are_those_of_a_check(draw: Draw) -> None:
    # given a simulation that skips what does not matter for the verdicts
    random, scale = np.random.default_rng(5), Simulation(draw, 0, ()).scale
    metric = "chrf" if scale == 100 else "acc"
    for _ in range(20):
        pairs = {f"task{number}": draw(random, 300, -0.02) for number in range(2)}
        sides = [side({task: pair[which] for task, pair in pairs.items()}, metric=metric) for which in (0, 1)]
        assert verdicts_of_rows(pairs, scale) == [row.verdict for row in check(*sides).rows]


# False alarms


@pytest.mark.parametrize("draw", [right_or_wrong, pytest.param(sentence_scores, marks=pytest.mark.slow)])
def test_without_a_loss_a_check_of_five_tasks_fails_at_most_as_often_as_alpha(draw: Draw) -> None:
    assert share("regression", draw, 200, *[0.0] * 5) <= 0.05


@pytest.mark.parametrize(
    ("draw", "items"), [(right_or_wrong, 1000), (rare_losses, 1000), (sentence_scores, 300)]
)
@pytest.mark.parametrize("tasks", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_loss_of_exactly_the_margin_fails_at_most_as_often_as_alpha_over_all_tasks(
    draw: Draw, items: int, tasks: int
) -> None:
    # given tasks that are smaller if there are several
    items = items if tasks == 1 else items // 2
    # then
    assert share("regression", draw, items, *[-0.01] * tasks) <= 0.05 + SLACK


# Misses


@pytest.mark.parametrize(
    ("draw", "items"), [(right_or_wrong, 1000), (rare_losses, 1000), (sentence_scores, 300)]
)
def test_a_loss_of_the_margin_passes_at_most_as_often_as_alpha(draw: Draw, items: int) -> None:
    assert share("pass", draw, items, -0.01) <= 0.05 + SLACK


@pytest.mark.parametrize("tasks", [1, 3])
def test_a_loss_that_a_few_items_make_up_passes_at_most_as_often_as_alpha(tasks: int) -> None:
    # given 154 items, of which about three lose 50 points each
    random, passed = np.random.default_rng(11), 0
    for _ in range(REPEATS):
        pairs = {f"task{number}": rare_large_losses(random, 154, -0.01) for number in range(tasks)}
        # then the row over all tasks passes no more often, where any item changed
        passed += verdicts_of_rows(pairs, 100.0, family="t")[-1] == "pass"
    assert passed / REPEATS <= 0.05 + SLACK


def test_one_task_that_loses_among_tasks_that_gain_passes_at_most_as_often_as_alpha() -> None:
    random, passed = np.random.default_rng(3), 0
    for _ in range(REPEATS):
        pairs = {f"good{number}": right_or_wrong(random, 500, 0.05) for number in range(3)}
        pairs["bad"] = right_or_wrong(random, 1000, -0.01)
        *single_tasks, _ = verdicts_of_rows(pairs, 1.0)
        passed += set(single_tasks) == {"pass"}
    assert passed / REPEATS <= 0.05 + SLACK


# Power


def test_an_equally_good_run_passes_if_the_items_are_enough() -> None:
    # given the number of items at which the margin is 2 x 1.645 standard errors wide
    items = int((2 * 1.645 * np.sqrt(0.1) / 0.01) ** 2)
    assert share("pass", right_or_wrong, items, 0.0) >= 0.95 - SLACK


@pytest.mark.parametrize("draw", [right_or_wrong, sentence_scores, rare_losses])
def test_a_loss_of_two_points_on_1000_items_is_found_with_the_power_of_the_test(draw: Draw) -> None:
    one, other = draw(np.random.default_rng(1), 200_000, -0.02)
    error = float((other - one).std()) / np.sqrt(1000)
    margin = 0.01 * Simulation(draw, 0, ()).scale
    expected = power_of(margin, error, 1000, alpha=0.1)  # two-sided at 0.1 is one-sided at 0.05
    # The score test finds rare losses more often than a t test does.
    assert expected - 0.08 <= share("regression", draw, 1000, -0.02) <= expected + 0.15


@pytest.mark.parametrize(("draw", "metric"), [(right_or_wrong, "acc"), (sentence_scores, "chrf")])
def test_the_loss_that_a_row_says_it_detects_is_found_in_four_of_five_checks(draw: Draw, metric: str) -> None:
    row = single_row(*draw(np.random.default_rng(2), 1000, 0.0), metric)
    assert row.detects is not None
    shift = -row.detects / Simulation(draw, 0, ()).scale
    assert share("regression", draw, 1000, shift) == pytest.approx(0.8, abs=0.08)


def test_the_items_that_an_inconclusive_row_needs_decide_it_in_four_of_five_checks() -> None:
    # given a row whose observed difference is exactly the true one, which is 0
    random = np.random.default_rng(4)
    while True:
        row = single_row(*right_or_wrong(random, 1000, 0.0), "acc")
        if row.delta == pytest.approx(0.0, abs=1e-12):
            break
    assert row.verdict == "inconclusive"
    assert row.items_needed is not None
    assert share("pass", right_or_wrong, row.items_needed, 0.0) == pytest.approx(0.8, abs=0.08)
