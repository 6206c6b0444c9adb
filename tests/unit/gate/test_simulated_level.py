"""Does the gate keep its promises? Checks of many pairs of runs whose true difference is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from gate_sides import side

from fusion_eval.gate.check import check
from fusion_eval.gate.result import Verdict
from fusion_eval.stats.power import power_of

Values = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, float], tuple[Values, Values]]
"""(Baseline, candidate) of so many items with a true difference of so much."""
REPEATS = 300
SLACK = 3 * np.sqrt(0.05 * 0.95 / REPEATS)
"""Three standard errors of a share that is 5% in truth."""


def answers(random: np.random.Generator, items: int, shift: float) -> tuple[Values, Values]:
    """Right or wrong: one in ten is answered otherwise the second time."""
    one = random.random(items) < 0.7
    chance = 0.05
    lost, won = (
        random.random(items) < (chance - shift / 2) / 0.7,
        random.random(items) < (chance + shift / 2) / 0.3,
    )
    return one.astype(float), np.where(one, ~lost, won).astype(float)


def rare(random: np.random.Generator, items: int, shift: float) -> tuple[Values, Values]:
    """Right nearly always, and what changes is lost."""
    one = np.ones(items)
    return one, np.where(random.random(items) < -shift, 0.0, one)


def scores(random: np.random.Generator, items: int, shift: float) -> tuple[Values, Values]:
    """Sentence chrF: spread widely, and alike in both runs; from 0 to 100."""
    one = 20 + 60 * random.beta(2, 2, items)
    return one, np.clip(one + 100 * shift + random.normal(0, 6, items), 0, 100)


def rare_scores(random: np.random.Generator, items: int, shift: float) -> tuple[Values, Values]:
    """From 0 to 100: one item in fifty changes, and loses whatever makes up the shift."""
    one = 60 + 40 * random.beta(2, 2, items)
    return one, np.where(random.random(items) < 0.02, one + 100 * shift / 0.02, one)


def verdicts(draw: Draw, items: int, shift: float, tasks: int = 1, metric: str = "acc") -> Counter[Verdict]:
    random = np.random.default_rng(7)
    found: Counter[Verdict] = Counter()
    for _ in range(REPEATS):
        pairs = {f"task{number}": draw(random, items, shift) for number in range(tasks)}
        sides = [side({task: pair[which] for task, pair in pairs.items()}, metric=metric) for which in (0, 1)]
        found[check(*sides).verdict] += 1
    return found


@pytest.mark.parametrize("draw", [answers, scores])
def test_no_shift_gives_no_alarm(draw: Draw) -> None:
    """Given five tasks of one system run twice, then an alarm anywhere is rarer than alpha."""
    assert verdicts(draw, 200, 0.0, tasks=5)["regression"] / REPEATS <= 0.05


def test_no_shift_passes_where_items_are_enough() -> None:
    """Items by which a run as good as its baseline passes in 95% of cases: 2 x 1.645 standard errors to a margin."""
    error = np.sqrt(0.1)
    items = int((2 * 1.645 * error / 0.01) ** 2)
    assert verdicts(answers, items, 0.0)["pass"] / REPEATS >= 0.95 - SLACK


@pytest.mark.parametrize(("draw", "items"), [(answers, 1000), (rare, 1000), (scores, 300)])
def test_a_loss_of_the_margin_passes_at_most_as_often_as_alpha_says(draw: Draw, items: int) -> None:
    assert verdicts(draw, items, -0.01)["pass"] / REPEATS <= 0.05 + SLACK


@pytest.mark.parametrize("tasks", [1, 3])
def test_a_loss_that_few_items_make_up_passes_no_more_often(tasks: int) -> None:
    """Given 154 items of which about three lose 50 points each; samples in which none of them is are not tested."""
    random, passed = np.random.default_rng(11), 0
    for _ in range(REPEATS):
        pairs = {f"task{number}": rare_scores(random, 154, -0.01) for number in range(tasks)}
        sides = [
            side(
                {task: pair[which] for task, pair in pairs.items()}, metric="chrf", family="t", language=None
            )
            for which in (0, 1)
        ]
        row = check(*sides).rows[-1]
        passed += row.verdict == "pass" and not row.unchanged
    assert passed / REPEATS <= 0.05 + SLACK


@pytest.mark.parametrize(("draw", "items"), [(answers, 1000), (rare, 1000), (scores, 300)])
@pytest.mark.parametrize("tasks", [1, 3])
def test_a_loss_of_the_margin_is_no_regression_but_for_alpha(draw: Draw, items: int, tasks: int) -> None:
    """Over all tasks together: that is what Holm's correction is for."""
    assert verdicts(draw, items, -0.01, tasks)["regression"] / REPEATS <= 0.05 + SLACK


def test_one_bad_row_among_good_ones_never_passes_by_chance() -> None:
    """Given three tasks that gain and one that loses the margin, then all pass together no more often than alpha."""
    random, passed = np.random.default_rng(3), 0
    for _ in range(REPEATS):
        pairs = {f"good{number}": answers(random, 500, 0.05) for number in range(3)}
        pairs["bad"] = answers(random, 1000, -0.01)
        sides = [side({task: pair[which] for task, pair in pairs.items()}) for which in (0, 1)]
        found = check(*sides)
        passed += all(row.verdict == "pass" for row in found.rows if row.task != "all")
    assert passed / REPEATS <= 0.05 + SLACK


@pytest.mark.parametrize("draw", [answers, scores, rare])
def test_a_shift_of_two_points_at_1000_items_is_caught_with_the_power_of_its_test(draw: Draw) -> None:
    random = np.random.default_rng(1)
    one, other = draw(random, 200_000, -0.02)
    error = float((other - one).std()) / np.sqrt(1000)
    margin = 0.01 * (100 if draw is scores else 1)
    expected = power_of(margin, error, 1000, alpha=0.1)  # two-sided at 0.1 is one-sided at 0.05
    found = verdicts(draw, 1000, -0.02)["regression"] / REPEATS
    assert (
        expected - 0.08 <= found <= expected + 0.15
    )  # the score test finds rare losses better than a t test


@pytest.mark.parametrize(("draw", "metric"), [(answers, "acc"), (scores, "chrf")])
def test_the_loss_that_a_row_says_it_detects_is_found_in_four_of_five_runs(draw: Draw, metric: str) -> None:
    random = np.random.default_rng(2)
    one, other = draw(random, 1000, 0.0)
    (row,) = check(side({"task": one}, metric=metric), side({"task": other}, metric=metric)).rows
    assert row.detects is not None
    shift = -row.detects / (100 if metric == "chrf" else 1)
    assert verdicts(draw, 1000, shift, metric=metric)["regression"] / REPEATS == pytest.approx(0.8, abs=0.08)


def test_the_items_that_an_undecided_row_asks_for_decide_it() -> None:
    """Given a difference that is truly what a row shows, then the items it asks for show it in four of five runs."""
    shift = 0.0
    random = np.random.default_rng(4)
    while True:
        one, other = answers(random, 1000, shift)
        (row,) = check(side({"task": one}), side({"task": other})).rows
        if row.delta == pytest.approx(shift, abs=1e-12):
            break
    assert row.verdict == "inconclusive"
    assert row.items_needed is not None
    assert verdicts(answers, row.items_needed, shift)["pass"] / REPEATS == pytest.approx(0.8, abs=0.08)
