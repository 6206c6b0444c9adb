"""New answers of fusors to parts of the pools, and to pools with bad candidates."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from contributing import scored_pools, strategy_answers

from fusion_eval.analysis.fused_curves import FusedAnswers, fused_differences, fused_points, fusor_rows
from fusion_eval.analysis.pools import ScoredPools
from fusion_eval.analysis.robustness import CorruptedAnswers, key_of, robustness_rows
from fusion_eval.analysis.units import units


def random_pools(*, items: int, n: int, **fields: Any) -> ScoredPools:
    """Return pools with values from 0 to 1."""
    return scored_pools(np.random.default_rng(4).random((items, n)).tolist(), **fields)


def answers_of(pools: ScoredPools, values: list[float], fusor: str = "f", k: int = 2) -> FusedAnswers:
    """Return what a fusor made of the first k candidates."""
    return FusedAnswers(fusor, k, {key_of(pools): strategy_answers(f"fusion@{k}", values)})


def test_fusion_is_compared_with_others_of_the_same_k_by_brute_force() -> None:
    # given
    pools = random_pools(items=8, n=4, scores={"chrf": np.random.default_rng(4).random((8, 4))})
    random = np.random.default_rng(6)
    values = random.random(8)

    # when
    found = units([pools])
    [point] = fused_points(found, [answers_of(pools, list(values))], 0.05)
    differences = {
        row.against: row.delta for row in fused_differences(found, [answers_of(pools, list(values))], 0.05)
    }

    # then
    best = [
        np.mean(
            [
                pools.values[row, max(pair, key=lambda c: pools.scores["chrf"][row, c])]
                for pair in combinations(range(4), 2)
            ]
        )
        for row in range(8)
    ]
    assert point.value == pytest.approx(values.mean())
    assert differences == {
        "mean": pytest.approx(np.mean(values - pools.values.mean(axis=1))),
        "best_of": pytest.approx(np.mean(values - best)),
    }


def test_fusors_are_compared_with_the_first_at_each_k() -> None:
    # given
    pools = random_pools(items=3, n=5)
    fused = [
        answers_of(pools, [0.1, 0.2, 0.3]),
        answers_of(pools, [0.4, 0.2, 0.6], "g"),
        answers_of(pools, [0.0] * 3, "g", 4),
    ]

    # when
    rows = list(fusor_rows(units([pools]), fused, 0.05))

    # then
    assert [(row.fusor, row.k, row.against) for row in rows] == [
        ("f", 2, None),
        ("g", 2, "f"),
        ("g", 4, None),
    ]
    assert rows[1].delta == pytest.approx(0.2)


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_a_loss_is_positive_where_answers_get_worse(higher_is_better: bool) -> None:
    # given
    pools = scored_pools([[1.0, 0.0]] * 4, higher_is_better=higher_is_better)
    better, worse = np.array([0.9, 0.8, 0.7, 0.9]), np.array([0.5, 0.8, 0.6, 0.1])
    clean, bad = (better, worse) if higher_is_better else (worse, better)
    key = key_of(pools)
    leaked = np.array([True, False, False, True])

    # when
    [row] = robustness_rows(
        units([pools]), [CorruptedAnswers("fusion", "cut", 1, {key: clean}, {key: bad}, {key: leaked})], 0.05
    )

    # then
    assert row.loss == pytest.approx((better - worse).mean())
    assert row.leak_rate == 0.5
    assert row.leak_low is not None and row.leak_high is not None
    assert 0 < row.leak_low < 0.5 < row.leak_high < 1
