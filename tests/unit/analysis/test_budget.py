"""What systems cost and give, and what they give at equal cost."""

from __future__ import annotations

import dataclasses
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from contributing import scored_pools, strategy_answers
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_eval.analysis.budget import BudgetRow, budget_rows, mixture
from fusion_eval.analysis.costs import call_costs, pool_costs, prompt_prices, request_sizes
from fusion_eval.analysis.fused_curves import FusedAnswers
from fusion_eval.analysis.pools import Calls, ScoredPools
from fusion_eval.analysis.robustness import key_of
from fusion_eval.analysis.units import units
from fusion_eval.errors import ConfigError
from fusion_eval.report.further_tables import budget_tables

ALL_UNITS = ("calls", "tokens", "usd", "seconds")
PRICES = np.array([[2e-6, 5e-6], [1e-6, 3e-6]])
"""US dollars for a token read and a token written, of two models."""


def random_pools(seed: int, items: int = 3, n: int = 5, **fields: Any) -> ScoredPools:
    """Return pools of two models; each request has one to three candidates."""
    random = np.random.default_rng(seed)
    model = random.integers(2, size=(items, n))
    prompts = np.zeros((items, n), dtype=np.int64)
    for row in range(items):
        for number in range(2):
            own = np.flatnonzero(model[row] == number)
            for place in range(0, len(own), int(random.integers(1, 4))):
                prompts[row, own[place]] = random.integers(5, 50)
    written = random.integers(1, 40, size=(items, n))
    cost = PRICES[model, 0] * prompts + PRICES[model, 1] * written
    columns = {
        "model": model,
        "models": ("a", "b"),
        "prompt_tokens": prompts,
        "completion_tokens": written,
        "cost": cost,
        "seconds": random.random((items, n)),
    }
    return scored_pools(random.random((items, n)), **(columns | fields))


def cost_of_subset(pools: ScoredPools, row: int, subset: tuple[int, ...], unit: str) -> float:
    """Return what a subset of one pool costs, request by request."""
    if unit == "calls":
        return len(subset)
    if unit == "seconds":
        return float(pools.seconds[row, list(subset)].max())
    read, written = PRICES[pools.model[row]].T if unit == "usd" else np.ones((2, pools.n_candidates))
    total = sum(written[place] * pools.completion_tokens[row, place] for place in subset)
    paid = set()
    for place in subset:
        same = [c for c in range(place + 1) if pools.model[row, c] == pools.model[row, place]]
        first = max(c for c in same if pools.prompt_tokens[row, c] > 0)
        paid.add(first)
    return float(total + sum(read[first] * pools.prompt_tokens[row, first] for first in paid))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(ALL_UNITS))
def test_the_cost_of_k_candidates_is_the_mean_over_all_subsets(seed: int, unit: Any) -> None:
    # given: enough items that prices can be told from costs
    pools = random_pools(seed, items=6, n=4)

    # when
    costs = pool_costs(pools, unit)

    # then
    for k in range(1, 5):
        for row in range(6):
            brute = [cost_of_subset(pools, row, subset, unit) for subset in combinations(range(4), k)]
            assert costs[row, k - 1] == pytest.approx(np.mean(brute))


@pytest.mark.parametrize("unit", ALL_UNITS)
def test_the_fusion_of_k_candidates_pays_for_the_first_k_and_its_own_calls(unit: Any) -> None:
    # given
    pools = random_pools(11, items=6, n=4)
    made = strategy_answers("fusion@3", [0.5] * 6, prompt_tokens=40, completion_tokens=9, calls=1)
    fused = FusedAnswers("f", 3, {key_of(pools): made})

    # when
    [whole] = units([pools])
    system = fused.system(whole, unit)

    # then
    own = {"calls": 1, "tokens": 49, "usd": 0, "seconds": 0}[unit]
    brute = [cost_of_subset(pools, row, (0, 1, 2), unit) + own for row in range(6)]
    assert system.costs == pytest.approx(brute)
    assert (system.k, system.scorer) == (3, "f")


def test_free_calls_compare_nothing_by_dollars() -> None:
    with pytest.raises(ConfigError, match="are free, so --budget usd compares nothing"):
        list(budget_rows(units([random_pools(1, cost=np.zeros((3, 5)))]), "usd"))


def test_what_is_free_never_costs_as_much() -> None:
    assert mixture(5, [0, 0, 0]) == (3, True)


def test_prices_are_found_from_costs() -> None:
    assert prompt_prices(random_pools(3, items=9)) == pytest.approx(PRICES[:, 0])


def test_a_request_ends_where_the_next_one_of_its_model_begins() -> None:
    # given: models a a b a b, and three requests
    pools = scored_pools(
        [[1.0] * 5],
        model=np.array([[0, 0, 1, 0, 1]]),
        models=("a", "b"),
        prompt_tokens=np.array([[9, 0, 9, 9, 0]]),
    )

    # then
    assert request_sizes(pools).tolist() == [[2, 0, 2, 1, 0]]


@pytest.mark.parametrize(
    ("unit", "fields", "message"),
    [
        ("tokens", {"completion_tokens": np.zeros((3, 5), dtype=np.int64)}, "reported no tokens"),
        (
            "tokens",
            {
                "model": np.tile([0, 1, 1, 1, 1], (3, 1)),
                "completion_tokens": np.tile([0, 1, 1, 1, 1], (3, 1)),
            },
            "server of a reported no tokens",
        ),
        ("usd", {"cost": np.full((3, 5), np.nan)}, "No price is known"),
    ],
)
def test_a_cost_that_is_not_known_is_one_sentence(unit: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        pool_costs(random_pools(1, **fields), unit)


def test_calls_whose_server_reports_no_tokens_are_not_free() -> None:
    # given
    fusion = strategy_answers("fusion", [1.0] * 3, calls=1)
    fell_back = dataclasses.replace(fusion, fallback=np.ones(3, dtype=bool))
    scored = dataclasses.replace(fusion, scoring=Calls(fusion.calls, *[np.zeros(3)] * 4))

    # then
    with pytest.raises(ConfigError, match="the calls of fusion reported no tokens"):
        call_costs(fusion, "tokens")
    assert call_costs(fusion, "calls").tolist() == [1, 1, 1]
    # and calls that failed, or that only scored, may have none
    assert not call_costs(fell_back, "tokens").any() and not call_costs(scored, "tokens").any()


# Equal cost


@pytest.mark.parametrize(
    ("cost", "k", "limited"),
    [
        (10, 1, False),
        (15, 1.5, False),
        (20, 2, False),
        (36, 3.6, False),
        (40, 4, False),
        (55, 5.5, True),
        (9, 1, False),
    ],
)
def test_the_mixture_costs_what_it_should(cost: float, k: float, limited: bool) -> None:
    assert mixture(cost, [10, 20, 30, 40]) == (pytest.approx(k), limited)


@pytest.mark.parametrize(
    ("cost", "costs", "k", "limited"),
    [
        (10, [10, 10, 10], 3, False),  # candidates that are drawn at the same time
        (10, [10, 10, 20], 2, False),
        (15, [10, 10, 20], 2.5, False),
        (25, [10, 10, 20], 4, True),
        (0.1 + 0.2, [0.3, 0.6], 1, False),
        (0.6, [0.3, 0.1 + 0.2 + 0.3], 2, False),
    ],
)
def test_of_what_costs_the_same_the_mixture_takes_the_most(
    cost: float, costs: list[float], k: float, limited: bool
) -> None:
    assert mixture(cost, costs) == (pytest.approx(k), limited)


def pools_with_fusion(*, tokens: int, items: int = 40) -> ScoredPools:
    """Return pools of six candidates with a score, and a strategy whose calls cost `tokens`."""
    random = np.random.default_rng(5)
    values = (random.random((items, 6)) < 0.4).astype(float)
    return scored_pools(
        values,
        scores={"chrf": values + random.random((items, 6))},
        completion_tokens=np.full((items, 6), 10),
        strategies=(
            strategy_answers(
                "fusion", (random.random(items) < 0.7).astype(float), completion_tokens=tokens, calls=1
            ),
        ),
    )


def equal_cost_row(rows: list[BudgetRow]) -> BudgetRow:
    [row] = [row for row in rows if row.against == "best_of"]
    return row


def test_at_equal_cost_best_of_takes_more_candidates_as_an_exact_mixture() -> None:
    # given: fusion of two candidates costs 20 + 25 tokens, as much as best-of-4.5
    pools = pools_with_fusion(tokens=-15)  # six candidates cost 60

    # when
    rows = list(budget_rows(units([pools]), "tokens"))

    # then
    row = equal_cost_row(rows)
    best = {one.k: one.value for one in rows if one.estimator == "best_of"}
    assert (row.cost, row.against_k, row.limited) == (45, 4.5, False)
    assert row.against_cost == pytest.approx(45)
    assert row.against_value == pytest.approx((best[4] + best[5]) / 2)
    assert row.delta == pytest.approx(row.value - (best[4] + best[5]) / 2)
    assert row.p_value is not None


def test_a_pool_that_is_too_small_is_told_and_the_k_that_would_be_needed() -> None:
    # when: fusion costs 60 + 20, which would be best-of-8
    row = equal_cost_row(list(budget_rows(units([pools_with_fusion(tokens=20)]), "tokens")))

    # then
    assert (row.against_k, row.limited) == (8, True)
    assert row.against_cost == 60


def test_the_front_holds_what_nothing_else_beats() -> None:
    # when
    rows = [
        row for row in budget_rows(units([pools_with_fusion(tokens=20)]), "tokens") if row.against is None
    ]

    # then
    for row in rows:
        better = [
            other
            for other in rows
            if other.cost <= row.cost
            and other.value >= row.value
            and (other.cost, other.value) != (row.cost, row.value)
        ]
        assert row.on_front == (not better)
    assert {row.estimator for row in rows} == {"mean", "best_of", "strategy"}


def test_scores_are_paid_by_the_calls_that_scored_whatever_the_run_is_called() -> None:
    # given: a strategy whose calls cost 90 tokens, of which 60 scored six candidates
    pools = pools_with_fusion(tokens=0)
    each = np.ones(40, dtype=np.int64)
    scoring = Calls(6 * each, 0 * each, 60 * each, np.zeros(40), np.zeros(40))
    judged = strategy_answers("any name", [1.0] * 40, completion_tokens=90, calls=7)
    judged = dataclasses.replace(judged, scorer="chrf", scoring=scoring)
    pools = dataclasses.replace(pools, strategies=(judged,))

    # when
    rows = list(budget_rows(units([pools]), "tokens"))

    # then: best-of-k costs k candidates and k verdicts
    assert {row.k: row.cost for row in rows if row.estimator == "best_of"} == {k: 20 * k for k in range(2, 7)}


def test_a_strategy_cheaper_than_one_sample_is_compared_with_one_sample() -> None:
    # given: six candidates for 60 tokens, and a strategy that gives 55 of them back
    row = equal_cost_row(list(budget_rows(units([pools_with_fusion(tokens=-55)]), "tokens")))

    # then
    assert (row.cost, row.against_k, row.against_cost, row.limited) == (5, 1, 10, False)
    assert row.p_adjusted == row.p_value
    [_, _, caption, table] = budget_tables(
        [dataclasses.asdict(row), dataclasses.asdict(row) | {"against": None}]
    )
    assert "5.0 < 10.0" in table.lines[0] and "cheaper than a single sample" in caption


def test_a_first_candidate_without_calls_is_no_system_of_its_own() -> None:
    # given
    single = strategy_answers("single", [1.0] * 40)
    fields = {name: getattr(single, name) for name in single.__slots__} | {
        "chosen": np.zeros(40, dtype=np.int64)
    }
    pools = scored_pools([[1.0, 0.0]] * 40, strategies=(type(single)(**fields),))

    # when
    rows = list(budget_rows(units([pools]), "calls"))

    # then
    assert [row.estimator for row in rows] == ["mean"]


def test_languages_share_the_systems_that_all_of_them_have() -> None:
    # given English with votes and a score, French with another score and no votes
    english = random_pools(1, task="t_en", answers=np.zeros((3, 5)), scores={"reward": np.ones((3, 5))})
    french = random_pools(2, task="t_fr", language="fr", scores={"judge": np.ones((3, 5))})
    # and a strategy that takes the first candidate on all items of English only
    first, other = (strategy_answers("bon", [0.5] * 3) for _ in range(2))
    first = dataclasses.replace(first, chosen=np.array([0, 0, 0]))
    other = dataclasses.replace(other, chosen=np.array([0, 1, 0]))
    english, french = (
        dataclasses.replace(pools, strategies=(own,)) for pools, own in ((english, first), (french, other))
    )

    # when
    rows = budget_rows(units([english, french]), "calls")

    # then
    both = [row for row in rows if row.language == "all"]
    assert [(row.estimator, row.strategy) for row in both] == [("mean", None), ("strategy", "bon")]
    assert both[0].value == pytest.approx((english.values.mean() + french.values.mean()) / 2)
