"""Simulations of the gate on metrics that are no means: ratios of sums, and scores of labels.

Each item has a chance to change. The true difference is that of the totals of very many items.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from fusion_eval.comparison.aggregations import Aggregation, aggregation_named
from fusion_eval.comparison.cells import build_cell
from fusion_eval.comparison.task_families import Family
from fusion_eval.comparison.units import Unit, units
from fusion_eval.gate.rows import unit_tests, verdict_of
from fusion_eval.runs.values import Parts

REPEATS = 300
SLACK = 3 * np.sqrt(0.05 * 0.95 / REPEATS)
"""Three standard errors of a share that is truly 5%."""
ITEMS = 400
Sides = tuple[list[Parts], list[Parts]]
Draw = Callable[[np.random.Generator, int, float], Sides]
"""Draws both sides of so many items. The number says how much worse the candidate is."""


def likelihoods(random: np.random.Generator, items: int, loss: float) -> Sides:
    """Draw log-likelihoods and lengths of texts. Long texts are as hard as short ones."""
    words = random.integers(5, 200, items).astype(float)
    one = -words * random.normal(3.0, 0.4, items)
    other = one - words * (loss + random.normal(0, 0.1, items))
    return _parts(one, words), _parts(other, words)


def instructions(random: np.random.Generator, items: int, loss: float) -> Sides:
    """Draw one to three instructions for each item. The candidate loses some that the baseline followed."""
    counts = random.integers(1, 4, items)
    one = [random.random(count) < 0.7 for count in counts]
    other = [_changed(random, values, 0.05 + loss / 0.7, 0.05 * 0.7 / 0.3) for values in one]
    return [tuple(map(float, values)) for values in one], [tuple(map(float, values)) for values in other]


def labels(random: np.random.Generator, items: int, loss: float) -> Sides:
    """Draw three labels of different frequency. A share of the right predictions becomes wrong."""
    gold = random.choice(3, items, p=[0.6, 0.3, 0.1])
    one = np.where(random.random(items) < 0.75, gold, random.choice(3, items))
    kept = random.random(items) >= 0.05 + loss
    other = np.where(kept, one, random.choice(3, items))
    regained = (one != gold) & (random.random(items) < 0.12)
    other = np.where(regained, gold, other)
    return [tuple(map(str, pair)) for pair in zip(gold, one, strict=True)], [
        tuple(map(str, pair)) for pair in zip(gold, other, strict=True)
    ]


def _parts(*columns: np.ndarray) -> list[Parts]:
    return [tuple(map(float, item)) for item in zip(*columns, strict=True)]


def _changed(random: np.random.Generator, values: np.ndarray, lost: float, won: float) -> np.ndarray:
    return np.where(values, random.random(len(values)) >= lost, random.random(len(values)) < won)


CASES: dict[str, tuple[Draw, float]] = {
    "weighted_perplexity": (likelihoods, -1.0),
    "bits_per_byte": (likelihoods, -1.0),
    "mean_of_parts": (instructions, 1.0),
    "micro_f1": (labels, 1.0),
    "macro_f1": (labels, 1.0),
    "mcc": (labels, 1.0),
}
"""How to draw items for an aggregation, and 1 if higher is better."""


def values_of(name: str, sides: Sides) -> tuple[Aggregation, np.ndarray, np.ndarray]:
    """Return the aggregation, and the statistics and the value of each side."""
    aggregation = aggregation_named(name, [*sides[0], *sides[1]])
    statistics = np.stack([aggregation.statistics(side) for side in sides])
    return aggregation, statistics, aggregation.score(statistics.sum(axis=1))


@cache
def true_loss(name: str, loss: float) -> float:
    draw, sign = CASES[name]
    _, _, values = values_of(name, draw(np.random.default_rng(1), 100_000, loss))
    return sign * float(values[0] - values[1])


@cache
def simulated(name: str, loss: float, repeats: int) -> list[Unit]:
    """Draw so many pairs of runs, and return the only row of each."""
    draw, sign = CASES[name]
    random, rows = np.random.default_rng(2), []
    clusters = np.arange(ITEMS).astype(object)
    for _ in range(repeats):
        aggregation, statistics, _ = values_of(name, draw(random, ITEMS, loss))
        cell = build_cell(
            ("t", "m", "none"),
            Family("t", None),
            statistics,
            clusters,
            aggregation,
            higher_is_better=sign > 0,
        )
        ((row,), _) = units([cell])
        rows.append(row)
    return rows


def share(verdict: str, rows: list[Unit], margin: float) -> float:
    """Return the share of rows with the verdict."""
    tested = [unit_tests(row, margin, 1.0) for row in rows]
    verdicts = [
        verdict_of(row.p_worse(margin), row.p_not_worse(margin), row.unchanged, 0.05) for row in tested
    ]
    return verdicts.count(verdict) / len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_at_a_true_loss_of_the_margin_both_verdicts_are_as_rare_as_alpha(name: str) -> None:
    # given a loss that is exactly the margin
    rows, margin = simulated(name, 0.05, REPEATS), true_loss(name, 0.05)
    # then
    assert share("regression", rows, margin) <= 0.05 + SLACK
    assert share("pass", rows, margin) <= 0.05 + SLACK


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_loss_of_many_margins_is_found(name: str) -> None:
    assert share("regression", simulated(name, 0.2, REPEATS // 3), true_loss(name, 0.2) / 4) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_loss_far_below_the_margin_passes(name: str) -> None:
    assert share("pass", simulated(name, 0.05, REPEATS), 6 * true_loss(name, 0.05)) >= 0.8
