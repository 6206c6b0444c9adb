"""Strengths of systems: as other implementations find them, with intervals that cover, and an answer for every edge."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_eval.stats.bradley_terry import Strength, strengths

PLANTED = np.array([-0.9, -0.3, 0.2, 1.0])


def round_robin(
    random: np.random.Generator, planted: np.ndarray, items: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every system against every other one on each item: pairs, scores, and the item of each."""
    systems = len(planted)
    once = np.array([(one, other) for one in range(systems) for other in range(one)])
    pairs = np.tile(once, (items, 1))
    chance = 1 / (1 + np.exp(planted[pairs[:, 1]] - planted[pairs[:, 0]]))
    return pairs, (random.random(len(pairs)) < chance).astype(float), np.repeat(np.arange(items), len(once))


def known(found: tuple[Strength | None, ...]) -> list[Strength]:
    assert None not in found
    return [each for each in found if each is not None]


def values(found: tuple[Strength | None, ...]) -> np.ndarray:
    return np.array([each.value for each in known(found)])


class TestAgainstOtherImplementations:
    @pytest.mark.parametrize("ties", [False, True])
    def test_logistic_regression_on_who_plays_finds_the_same(self, ties: bool) -> None:
        pairs, scores, _ = round_robin(np.random.default_rng(0), PLANTED, 60)
        if ties:
            scores[::4] = 0.5
        design = np.zeros((len(pairs), 4))
        design[np.arange(len(pairs)), pairs[:, 0]] = 1
        design[np.arange(len(pairs)), pairs[:, 1]] = -1
        # the first system's strength is zero there, as only differences count
        theirs = sm.GLM(scores, design[:, 1:], family=sm.families.Binomial()).fit().params
        expected = np.concatenate([[0], theirs])
        found = values(strengths(pairs, scores, 4, resamples=10))
        assert found == pytest.approx(expected - expected.mean(), abs=1e-3)
        assert found.sum() == pytest.approx(0, abs=1e-9)

    def test_evalica_finds_the_same_where_each_has_won(self) -> None:
        evalica = pytest.importorskip("evalica")
        pairs, scores, _ = round_robin(np.random.default_rng(1), PLANTED, 60)
        scores[::5] = 0.5
        winners = [
            {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y}.get(score, evalica.Winner.Draw) for score in scores
        ]
        result = evalica.bradley_terry(*pairs.T.tolist(), winners, tolerance=1e-10, limit=10_000)
        theirs = np.log(result.scores.sort_index().to_numpy())
        assert values(strengths(pairs, scores, 4, resamples=10)) == pytest.approx(
            theirs - theirs.mean(), abs=1e-3
        )

    def test_two_systems_have_the_log_odds_of_their_wins(self) -> None:
        first, second = known(strengths([[0, 1]] * 40, [1] * 30 + [0] * 10, 2))
        assert first.value - second.value == pytest.approx(np.log(3), abs=1e-3)
        assert (first.win_rate, second.win_rate) == (
            pytest.approx(0.75, abs=1e-3),
            pytest.approx(0.25, abs=1e-3),
        )


def test_planted_strengths_are_covered_as_often_as_promised() -> None:
    random = np.random.default_rng(2)
    trials, covered = 40, np.zeros(4, dtype=int)
    for trial in range(trials):
        pairs, scores, items = round_robin(random, PLANTED, 60)
        found = known(strengths(pairs, scores, 4, items, confidence=0.9, resamples=100, seed=trial))
        covered += [
            each.low is not None and each.high is not None and each.low <= planted <= each.high
            for each, planted in zip(found, PLANTED - PLANTED.mean(), strict=True)
        ]
    assert (covered >= scipy.stats.binom.ppf(0.001, trials, 0.9)).all()
    assert covered.sum() < 4 * trials  # nor are they so wide that they always do


def test_equals_are_told_apart_no_more_often_than_promised() -> None:
    random = np.random.default_rng(3)
    trials, apart = 40, 0
    for trial in range(trials):
        found = known(strengths(*round_robin(random, np.zeros(3), 40)[:2], 3, resamples=80, seed=trial))
        apart += (
            found[0].low is not None and found[0].high is not None and not found[0].low <= 0 <= found[0].high
        )
    assert apart <= scipy.stats.binom.ppf(0.999, trials, 0.05)


def test_better_systems_rank_first() -> None:
    found = known(strengths(*round_robin(np.random.default_rng(4), PLANTED, 300)[:2], 4, resamples=10))
    assert [each.rank for each in found] == [4, 3, 2, 1]
    assert [each.win_rate for each in found] == sorted(each.win_rate for each in found)


def test_all_ties_are_equals_who_share_the_first_rank() -> None:
    found = known(strengths([[0, 1], [1, 2], [2, 0]] * 10, [0.5] * 30, 3, resamples=50))
    for each in found:
        assert (each.rank, each.win_rate, each.value) == (1, pytest.approx(0.5), pytest.approx(0, abs=1e-6))


def test_equals_share_a_rank_whatever_rounding_says() -> None:
    # given a best system, and six that lose to it and to each other alike
    behind = [(one, other) for one in range(1, 7) for other in range(1, one)]
    pairs = [(0, other) for other in range(1, 7)] * 3 + behind
    found = known(strengths(pairs, [1] * 12 + [0.3] * 6 + [0.5] * len(behind), 7, resamples=10))
    assert [each.rank for each in found] == [1] + [2] * 6


def test_a_graded_score_counts_as_that_part_of_a_win() -> None:
    graded = strengths([[0, 1]] * 4, [0.75] * 4, 2)
    assert values(graded) == pytest.approx(values(strengths([[0, 1]] * 4, [1, 1, 1, 0], 2)))


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(4)), st.integers(0, 1_000))
def test_renaming_systems_and_telling_each_pair_the_other_way_round_change_nothing(
    names: list[int], seed: int
) -> None:
    pairs, scores, items = round_robin(np.random.default_rng(seed), PLANTED, 12)
    scores[::7] = 0.5
    found = known(strengths(pairs, scores, 4, items, resamples=20))
    renamed = known(strengths(np.array(names)[pairs], scores, 4, items, resamples=20))
    turned = known(strengths(pairs[:, ::-1], 1 - scores, 4, items, resamples=20))
    for system, each in enumerate(found):
        for other in (renamed[names[system]], turned[system]):
            assert other.value == pytest.approx(each.value, abs=1e-5)
            assert other.rank == each.rank
            assert other.win_rate == pytest.approx(each.win_rate, abs=1e-5)
            assert (other.low is None) == (each.low is None)
            if each.low is not None:
                assert (other.low, other.high) == (
                    pytest.approx(each.low, abs=1e-4),
                    pytest.approx(each.high, abs=1e-4),
                )


def test_items_that_repeat_each_other_do_not_make_one_surer() -> None:
    pairs, scores, items = round_robin(np.random.default_rng(5), PLANTED, 40)
    often = known(strengths(np.tile(pairs, (4, 1)), np.tile(scores, 4), 4, np.tile(items, 4), resamples=300))
    once = known(strengths(pairs, scores, 4, items, resamples=300))
    careless = known(strengths(np.tile(pairs, (4, 1)), np.tile(scores, 4), 4, resamples=300))

    def width(found: list[Strength]) -> float:
        return sum(each.high - each.low for each in found if each.low is not None and each.high is not None)

    assert width(often) == pytest.approx(width(once), rel=0.05)
    assert width(careless) < 0.7 * width(often)


def test_the_same_seed_gives_the_same_answer_and_another_one_another_interval() -> None:
    pairs, scores, _ = round_robin(np.random.default_rng(9), PLANTED, 20)
    first, again, other = (strengths(pairs, scores, 4, resamples=20, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert values(first) == pytest.approx(values(other))


class TestSystemsThatNeverWin:
    def test_one_is_last_and_finite_and_the_rest_as_without_it(self) -> None:
        # given a fifth system that loses to each of the others on every item
        pairs, scores, _ = round_robin(np.random.default_rng(6), PLANTED, 50)
        lost = np.array([(4, other) for other in range(4)] * 50)
        found = known(
            strengths(np.concatenate([pairs, lost]), np.append(scores, np.zeros(200)), 5, resamples=10)
        )
        assert found[4].rank == 5 and np.isfinite(found[4].value)
        assert found[4].value < min(each.value for each in found[:4]) - 5
        assert found[4].win_rate < 1e-3
        without = values(strengths(pairs, scores, 4, resamples=10))
        rest = np.array([each.value for each in found[:4]])
        assert rest - rest.mean() == pytest.approx(without, abs=0.01)

    def test_one_is_last_even_if_it_met_the_strongest_alone_and_once(self) -> None:
        # given that the weaker of two wins one game of two hundred
        found = known(strengths([[1, 0]] * 200 + [[2, 0]], [1] + [0] * 200, 3, resamples=10))
        assert [each.rank for each in found] == [1, 2, 3]

    def test_no_interval_says_how_far_it_lies_behind(self) -> None:
        found = known(strengths([[0, 1]] * 20 + [[1, 2]] * 20, [1, 0] * 10 + [1] * 20, 3))
        assert found[2].rank == 3
        assert all(each.low is None and each.high is None for each in found)

    def test_a_chain_of_wins_keeps_its_order(self) -> None:
        found = known(strengths([[0, 1], [1, 2], [2, 3], [3, 4]] * 5, [1] * 20, 5))
        assert [each.rank for each in found] == [1, 2, 3, 4, 5]
        assert np.isfinite([each.value for each in found]).all()


class TestEdges:
    def test_a_system_without_a_comparison_has_no_strength(self) -> None:
        pairs, scores, _ = round_robin(np.random.default_rng(7), PLANTED[:3], 30)
        shifted = np.where(pairs >= 1, pairs + 1, pairs)  # system 1 of four does not play
        found = strengths(shifted, scores, 4, resamples=10)
        assert found[1] is None
        assert known(found[:1] + found[2:]) == known(strengths(pairs, scores, 3, resamples=10))

    def test_systems_that_never_met_have_no_common_scale(self) -> None:
        with pytest.raises(ValueError, match=r"\[0, 2\] and \[1, 3\]"):
            strengths([[0, 2], [2, 0], [1, 3], [3, 1]], [1, 1, 1, 1], 4)

    def test_few_clusters_bound_nothing(self) -> None:
        pairs, scores, _ = round_robin(np.random.default_rng(8), np.zeros(3), 40)
        found = known(strengths(pairs, scores, 3, np.arange(120) // 30, resamples=50))
        assert all(each.low is None and each.high is None for each in found)

    @pytest.mark.parametrize(
        ("pairs", "scores", "labels", "complaint"),
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
    def test_misuse(self, pairs: list, scores: list, labels: list | None, complaint: str) -> None:
        with pytest.raises(ValueError, match=complaint):
            strengths(pairs, scores, 3, labels)
