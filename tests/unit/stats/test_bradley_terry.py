"""Bradley–Terry strengths: equal to other implementations, with intervals that cover, and defined at every edge."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from fusion_eval.stats.bradley_terry import Strength, strengths

TRUE_VALUES = np.array([-0.9, -0.3, 0.2, 1.0])


def round_robin(
    random: np.random.Generator, values: np.ndarray, items: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare every system with every other one on each item: pairs, scores, and the item of each."""
    once = np.array([(one, other) for one in range(len(values)) for other in range(one)])
    pairs = np.tile(once, (items, 1))
    chance = 1 / (1 + np.exp(values[pairs[:, 1]] - values[pairs[:, 0]]))
    return pairs, (random.random(len(pairs)) < chance).astype(float), np.repeat(np.arange(items), len(once))


def all_known(estimates: tuple[Strength | None, ...]) -> list[Strength]:
    assert None not in estimates
    return [each for each in estimates if each is not None]


def values_of(estimates: tuple[Strength | None, ...]) -> np.ndarray:
    return np.array([each.value for each in all_known(estimates)])


class TestAgainstOtherImplementations:
    @pytest.mark.parametrize("ties", [False, True])
    def test_logistic_regression_on_the_players_gives_the_same_values(self, ties: bool) -> None:
        pairs, scores, _ = round_robin(np.random.default_rng(0), TRUE_VALUES, 60)
        if ties:
            scores[::4] = 0.5
        design = np.zeros((len(pairs), 4))
        design[np.arange(len(pairs)), pairs[:, 0]] = 1
        design[np.arange(len(pairs)), pairs[:, 1]] = -1
        # the first system's strength is fixed at 0, since only differences count
        theirs = sm.GLM(scores, design[:, 1:], family=sm.families.Binomial()).fit().params
        expected = np.concatenate([[0], theirs])
        estimated = values_of(strengths(pairs, scores, 4, resamples=10))
        assert estimated == pytest.approx(expected - expected.mean(), abs=1e-3)
        assert estimated.sum() == pytest.approx(0, abs=1e-9)

    @pytest.mark.parametrize(
        "wins",
        [
            [[0, 10, 20], [10, 0, 20], [0, 0, 0]],  # the third system never wins
            [[0, 5, 0, 0], [0, 0, 5, 0], [0, 0, 0, 5], [0, 0, 0, 0]],  # a chain
            [[0, 199, 1], [1, 0, 0], [0, 0, 0]],  # the third one met only the strongest, once
            [[0, 9000], [1, 0]],
            [[0, 7, 2, 1], [3, 0, 5, 9], [8, 5, 0, 2], [9, 1, 8, 0]],
        ],
    )
    def test_a_general_optimizer_gives_the_same_values_with_the_same_prior(
        self, wins: list[list[int]]
    ) -> None:
        counts = np.array(wins, dtype=float)
        m = len(counts)
        pairs = [(i, j) for i in range(m) for j in range(m) for _ in range(int(counts[i, j]))]
        weights = counts + 1e-3 * (1 - np.eye(m))

        def gradient(values: np.ndarray) -> np.ndarray:
            surprise = weights / (1 + np.exp(values[:, None] - values))
            return surprise.sum(axis=0) - surprise.sum(axis=1) + 2e-12 * values

        def loss(values: np.ndarray) -> float:
            return float(
                (weights * np.logaddexp(0, values - values[:, None])).sum() + 1e-12 * values @ values
            )

        theirs = minimize(loss, np.zeros(m), jac=gradient, method="BFGS", options={"gtol": 1e-9}).x
        estimated = values_of(strengths(pairs, [1.0] * len(pairs), m, resamples=1))
        assert estimated == pytest.approx(theirs - theirs.mean(), abs=1e-3)

    def test_two_systems_have_the_log_odds_of_their_wins(self) -> None:
        first, second = all_known(strengths([[0, 1]] * 40, [1] * 30 + [0] * 10, 2, resamples=10))
        assert first.value - second.value == pytest.approx(np.log(3), abs=1e-3)
        assert (first.win_rate, second.win_rate) == pytest.approx((0.75, 0.25), abs=1e-3)


def test_intervals_cover_the_true_values_and_miss_some() -> None:
    random = np.random.default_rng(2)
    trials, covered = 40, np.zeros(4, dtype=int)
    for trial in range(trials):
        pairs, scores, items = round_robin(random, TRUE_VALUES, 60)
        estimates = all_known(strengths(pairs, scores, 4, items, confidence=0.9, resamples=60, seed=trial))
        covered += [
            each.low is not None and each.high is not None and each.low <= true <= each.high
            for each, true in zip(estimates, TRUE_VALUES - TRUE_VALUES.mean(), strict=True)
        ]
    assert (covered >= scipy.stats.binom.ppf(0.001, trials, 0.9)).all()
    assert covered.sum() < 4 * trials


class TestRanks:
    def test_better_systems_rank_first(self) -> None:
        pairs, scores, _ = round_robin(np.random.default_rng(4), TRUE_VALUES, 300)
        estimates = all_known(strengths(pairs, scores, 4, resamples=10))
        assert [each.rank for each in estimates] == [4, 3, 2, 1]
        assert [each.win_rate for each in estimates] == sorted(each.win_rate for each in estimates)

    def test_systems_that_always_tie_share_the_first_rank(self) -> None:
        for each in all_known(strengths([[0, 1], [1, 2], [2, 0]] * 10, [0.5] * 30, 3, resamples=10)):
            assert (each.rank, each.win_rate, each.value) == (
                1,
                pytest.approx(0.5),
                pytest.approx(0, abs=1e-6),
            )

    def test_equal_systems_share_a_rank_whatever_the_rounding(self) -> None:
        # given a best system, and six that lose to it and to each other alike
        behind = [(one, other) for one in range(1, 7) for other in range(1, one)]
        pairs = [(0, other) for other in range(1, 7)] * 3 + behind
        scores = [1] * 12 + [0.3] * 6 + [0.5] * len(behind)
        assert [each.rank for each in all_known(strengths(pairs, scores, 7, resamples=10))] == [1] + [2] * 6


def test_a_graded_score_counts_as_that_part_of_a_win() -> None:
    graded = strengths([[0, 1]] * 4, [0.75] * 4, 2)
    assert values_of(graded) == pytest.approx(values_of(strengths([[0, 1]] * 4, [1, 1, 1, 0], 2)))


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(4)), st.integers(0, 1_000))
def test_neither_the_numbers_of_systems_nor_their_order_in_a_pair_matter(
    numbers: list[int], seed: int
) -> None:
    pairs, scores, items = round_robin(np.random.default_rng(seed), TRUE_VALUES, 12)
    scores[::7] = 0.5
    estimates = all_known(strengths(pairs, scores, 4, items, resamples=10))
    renumbered = all_known(strengths(np.array(numbers)[pairs], scores, 4, items, resamples=10))
    reversed_pairs = all_known(strengths(pairs[:, ::-1], 1 - scores, 4, items, resamples=10))
    for system, each in enumerate(estimates):
        for other in (renumbered[numbers[system]], reversed_pairs[system]):
            assert (other.value, other.win_rate) == pytest.approx((each.value, each.win_rate), abs=1e-5)
            assert other.rank == each.rank
            assert (other.low is None) == (each.low is None)
            if each.low is not None:
                assert (other.low, other.high) == pytest.approx((each.low, each.high), abs=1e-4)


def test_copies_of_an_item_do_not_narrow_the_intervals() -> None:
    pairs, scores, items = round_robin(np.random.default_rng(5), TRUE_VALUES, 40)
    copies = np.tile(pairs, (4, 1)), np.tile(scores, 4)
    once = all_known(strengths(pairs, scores, 4, items, resamples=300))
    clustered = all_known(strengths(*copies, 4, np.tile(items, 4), resamples=300))
    single = all_known(strengths(*copies, 4, resamples=300))

    def width(estimates: list[Strength]) -> float:
        return sum((each.high or 0.0) - (each.low or 0.0) for each in estimates)

    assert width(clustered) == pytest.approx(width(once), rel=0.05)
    assert width(single) < 0.7 * width(clustered)


def test_the_seed_determines_the_intervals_and_nothing_else() -> None:
    pairs, scores, _ = round_robin(np.random.default_rng(9), TRUE_VALUES, 20)
    first, again, other = (strengths(pairs, scores, 4, resamples=20, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert values_of(first) == pytest.approx(values_of(other))


class TestSystemsThatNeverWin:
    def test_such_a_system_is_last_and_finite_and_does_not_change_the_others(self) -> None:
        # given a fifth system that loses to each of the others on every item
        pairs, scores, _ = round_robin(np.random.default_rng(6), TRUE_VALUES, 50)
        lost = np.array([(4, other) for other in range(4)] * 50)
        estimates = all_known(
            strengths(np.concatenate([pairs, lost]), np.append(scores, np.zeros(200)), 5, resamples=10)
        )
        assert estimates[4].rank == 5 and np.isfinite(estimates[4].value)
        assert estimates[4].value < min(each.value for each in estimates[:4]) - 5
        assert estimates[4].win_rate < 1e-3
        without = values_of(strengths(pairs, scores, 4, resamples=10))
        rest = np.array([each.value for each in estimates[:4]])
        assert rest - rest.mean() == pytest.approx(without, abs=0.01)

    def test_it_is_last_even_if_it_met_only_the_strongest_once(self) -> None:
        # given that the weaker of the other two wins one game of two hundred
        estimates = all_known(strengths([[1, 0]] * 200 + [[2, 0]], [1] + [0] * 200, 3, resamples=10))
        assert [each.rank for each in estimates] == [1, 2, 3]

    def test_there_are_no_intervals(self) -> None:
        estimates = all_known(strengths([[0, 1]] * 20 + [[1, 2]] * 20, [1, 0] * 10 + [1] * 20, 3))
        assert estimates[2].rank == 3
        assert all(each.low is None and each.high is None for each in estimates)

    def test_a_chain_of_wins_keeps_its_order(self) -> None:
        estimates = all_known(strengths([[0, 1], [1, 2], [2, 3], [3, 4]] * 5, [1] * 20, 5))
        assert [each.rank for each in estimates] == [1, 2, 3, 4, 5]
        assert np.isfinite([each.value for each in estimates]).all()


class TestEdges:
    def test_a_system_without_a_comparison_has_no_strength(self) -> None:
        pairs, scores, _ = round_robin(np.random.default_rng(7), TRUE_VALUES[:3], 30)
        without_system_1 = np.where(pairs >= 1, pairs + 1, pairs)
        estimates = strengths(without_system_1, scores, 4, resamples=10)
        assert estimates[1] is None
        rest = all_known(estimates[:1] + estimates[2:])
        assert rest == all_known(strengths(pairs, scores, 3, resamples=10))

    def test_systems_that_never_met_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"\[0, 2\] and \[1, 3\]"):
            strengths([[0, 2], [2, 0], [1, 3], [3, 1]], [1, 1, 1, 1], 4)

    def test_fewer_than_five_clusters_give_no_intervals(self) -> None:
        pairs, scores, _ = round_robin(np.random.default_rng(8), np.zeros(3), 40)
        estimates = all_known(strengths(pairs, scores, 3, np.arange(120) // 30, resamples=50))
        assert all(each.low is None and each.high is None for each in estimates)

    @pytest.mark.parametrize(
        ("pairs", "scores", "labels", "message"),
        [
            ([], [], None, "n > 0"),
            ([[0, 1]], [1, 0], None, "scores"),
            ([[0, 1, 2]], [1], None, r"\(n, 2\)"),
            ([[0, 3]], [1], None, "0 to 2"),
            ([[-1, 0]], [1], None, "0 to 2"),
            ([[0.0, 1.0]], [1], None, "numbers"),
            ([[1, 1]], [1], None, "itself"),
            ([[0, 1]], [float("nan")], None, "from 0 to 1"),
            ([[0, 1]], [1], ["a", "b"], "cluster label"),
        ],
    )
    def test_misuse_is_refused(self, pairs: list, scores: list, labels: list | None, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            strengths(pairs, scores, 3, labels)
