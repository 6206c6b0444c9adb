"""Prediction-powered inference: unbiased for any judge, more precise with a good one, and valid for clusters."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from fusion_eval.stats.prediction_powered import PredictionPowered, Rate, judge_agreement, prediction_powered

Floats = npt.NDArray[np.float64]
VERDICTS = st.sampled_from([0.0, 0.5, 1.0])
PAIRS = st.lists(st.tuples(VERDICTS, VERDICTS), min_size=2, max_size=30)


def draw_human_scores(random: np.random.Generator, n: int) -> Floats:
    """Draw human scores (n,) with a mean of 0.45."""
    return random.choice([1, 0.5, 0], size=n, p=[0.35, 0.2, 0.45])


def draw_judge_scores(
    random: np.random.Generator, human: Floats, favour: float, noise: float = 0.0
) -> Floats:
    """Draw the scores of a judge who favours the candidate in a share of pairs, and answers at random in another."""
    judged = np.where(random.random(len(human)) < favour, 1.0, human)
    return np.where(random.random(len(human)) < noise, random.choice([0.0, 1.0], size=len(human)), judged)


def minimal_coverage(runs: int) -> float:
    """Return the coverage that a valid 95% interval reaches in almost any simulation of so many runs."""
    return 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


class TestAgainstOtherImplementations:
    @pytest.mark.parametrize(("n", "others"), [(20, 30), (200, 1_000)])
    def test_estimate_and_interval_equal_those_of_ppi_py(self, n: int, others: int) -> None:
        ppi_py = pytest.importorskip("ppi_py")
        random = np.random.default_rng(0)
        human = draw_human_scores(random, n + others)
        judged = draw_judge_scores(random, human, 0.3, 0.2)
        data = human[:n], judged[:n], judged[n:]
        result = prediction_powered(*data)
        assert result.powered.rate == pytest.approx(ppi_py.ppi_mean_pointestimate(*data, lam=result.lam)[0])
        for rate, lam in ((result.powered, result.lam), (result.human, 0)):
            low, high = (float(end[0]) for end in ppi_py.ppi_mean_ci(*data, alpha=0.05, lam=lam))
            # theirs use a normal quantile, and divide variances by n
            few = scipy.stats.t.ppf(0.975, n - 1) / scipy.stats.norm.ppf(0.975) * math.sqrt(n / (n - 1))
            assert (rate.high - rate.low) / (high - low) == pytest.approx(few)

    def test_power_tuning_equals_that_of_ppi_plus_plus(self) -> None:
        # given many pairs of both kinds, whose variances are then the same
        ppi_py = pytest.importorskip("ppi_py")
        random = np.random.default_rng(1)
        human = draw_human_scores(random, 20_000)
        judged = draw_judge_scores(random, human, 0.3, 0.2)
        data = human[:5_000], judged[:5_000], judged[5_000:]
        result = prediction_powered(*data)
        assert 0.2 < result.lam < 0.8
        assert result.powered.rate == pytest.approx(ppi_py.ppi_mean_pointestimate(*data)[0], abs=5e-4)

    def test_labels_alone_have_students_interval(self) -> None:
        human = np.array([1, 0, 0.5, 1, 1, 0, 0, 1, 0.5, 1, 0, 1] * 2)
        result = prediction_powered(human, human, []).human
        theirs = scipy.stats.t.interval(0.95, len(human) - 1, human.mean(), scipy.stats.sem(human))
        assert (result.low, result.high) == pytest.approx(theirs)

    def test_agreement_has_wilsons_interval(self) -> None:
        # given graded scores; only win, tie or loss counts
        result = judge_agreement([1, 0.5, 0, 0.9, 0.2], [0.7, 0.5, 0.1, 0.3, 0.0])
        assert result == Rate(0.8, *(pytest.approx(end) for end in proportion_confint(4, 5, method="wilson")))

    def test_copies_do_not_narrow_the_interval_of_agreement(self) -> None:
        human, judged = [1, 0, 1, 0], [1, 0, 0, 0]
        often = judge_agreement(np.repeat(human, 5), np.repeat(judged, 5), np.repeat(np.arange(4), 5))
        assert often == judge_agreement(human, judged)


class TestCoverage:
    @pytest.mark.parametrize("n", [10, 25, 100])
    def test_the_interval_covers_with_a_strongly_biased_judge(self, n: int) -> None:
        random, runs = np.random.default_rng(2), 400
        covered, judge_alone = 0, []
        for _ in range(runs):
            human = draw_human_scores(random, n + 500)
            judged = draw_judge_scores(random, human, 0.4, 0.1)
            result = prediction_powered(human[:n], judged[:n], judged[n:])
            covered += result.powered.low <= 0.45 <= result.powered.high
            judge_alone.append(result.judge_rate)
        assert covered >= runs * minimal_coverage(runs)
        assert np.mean(judge_alone) > 0.6

    def test_the_interval_covers_with_a_judge_whom_the_labels_hardly_contradict(self) -> None:
        # given 8% of wrong verdicts, of which half of all samples of 20 labels show at most one
        random, runs = np.random.default_rng(3), 400
        covered = 0
        for _ in range(runs):
            human = draw_human_scores(random, 2_000)
            judged = draw_judge_scores(random, human, 0.12)
            result = prediction_powered(human[:20], judged[:20], judged[20:])
            covered += result.powered.low <= 0.45 <= result.powered.high
        assert covered >= runs * minimal_coverage(runs)

    @pytest.mark.parametrize("copies", [1, 4])
    def test_the_interval_covers_with_copies_of_items(self, copies: int) -> None:
        # given questions with several equal pairs each; every second pair of a third of them is labelled
        random, runs, questions = np.random.default_rng(4), 400, 120
        covered = single_covered = 0
        for _ in range(runs):
            once = draw_human_scores(random, questions)
            human = np.repeat(once, 2 * copies)
            judged = np.repeat(draw_judge_scores(random, once, 0.3), 2 * copies)
            question = np.repeat(np.arange(questions), 2 * copies)
            shown = (question < questions / 3) & (np.arange(len(human)) % 2 == 0)
            data = human[shown], judged[shown], judged[~shown]
            result = prediction_powered(*data, question[shown], question[~shown]).powered
            single = prediction_powered(*data).powered
            covered += result.low <= 0.45 <= result.high
            single_covered += single.low <= 0.45 <= single.high
        assert covered >= runs * minimal_coverage(runs)
        assert copies == 1 or single_covered < 0.8 * runs


class TestPrecision:
    def widths(self, favour: float, noise: float) -> tuple[float, float]:
        random = np.random.default_rng(5)
        ratios, gains = [], []
        for _ in range(100):
            human = draw_human_scores(random, 1_100)
            judged = draw_judge_scores(random, human, favour, noise)
            result = prediction_powered(human[:100], judged[:100], judged[100:])
            ratios.append((result.powered.high - result.powered.low) / (result.human.high - result.human.low))
            gains.append(result.gain)
        return float(np.mean(ratios)), float(np.mean(gains))

    def test_a_good_judge_saves_labels(self) -> None:
        ratio, gain = self.widths(0.1, 0.05)
        assert ratio < 0.7 and gain > 2
        assert gain == pytest.approx(1 / ratio**2, rel=0.1)

    def test_a_useless_judge_does_no_harm(self) -> None:
        ratio, _ = self.widths(0.0, 1.0)
        assert 0.97 < ratio <= 1

    def test_a_judge_who_contradicts_the_labels_gets_no_weight(self) -> None:
        # given a judge who always says the opposite
        human = np.array([1.0, 0.0] * 20)
        result = prediction_powered(human, 1 - human, np.zeros(500))
        assert result.lam == 0 and result.powered == result.human


class TestClusters:
    @given(PAIRS, st.lists(VERDICTS, max_size=30))
    def test_clusters_of_one_pair_change_nothing(
        self, pairs: list[tuple[float, float]], others: list[float]
    ) -> None:
        human, judged = zip(*pairs, strict=True)
        names, more = [f"a{n}" for n in range(len(pairs))], [f"b{n}" for n in range(len(others))]
        assert prediction_powered(human, judged, others, names, more) == prediction_powered(
            human, judged, others
        )

    def test_clusters_of_copies_count_as_one_pair_each(self) -> None:
        random = np.random.default_rng(6)
        human = draw_human_scores(random, 200)
        judged = draw_judge_scores(random, human, 0.3, 0.1)
        data, names = (human[:50], judged[:50], judged[50:]), (np.arange(50), np.arange(50, 200))
        once = prediction_powered(*data)
        often = prediction_powered(*(np.repeat(x, 3) for x in data), *(np.repeat(x, 3) for x in names))
        assert often.lam == pytest.approx(once.lam)
        assert (often.powered.low, often.powered.high) == pytest.approx((once.powered.low, once.powered.high))

    def test_the_error_equals_that_of_the_jackknife(self) -> None:
        # given clusters with pairs of both kinds, which are left out one at a time with a fixed lam
        random = np.random.default_rng(7)
        human = np.repeat(draw_human_scores(random, 100), 6)
        judged = draw_judge_scores(random, human, 0.2, 0.2)
        name, shown = np.repeat(np.arange(100), 6), np.arange(600) % 6 < 2
        result = prediction_powered(human[shown], judged[shown], judged[~shown], name[shown], name[~shown])

        def estimate(kept: npt.NDArray[np.bool_]) -> float:
            seen, unseen = judged[shown & kept].mean(), judged[~shown & kept].mean()
            return float(human[shown & kept].mean() + result.lam * (unseen - seen))

        without = np.array([estimate(name != one) for one in range(100)])
        error = math.sqrt(99 / 100 * ((without - without.mean()) ** 2).sum())
        reach = scipy.stats.t.ppf(0.975, 99) * error
        assert result.powered.high - result.powered.low == pytest.approx(2 * reach, rel=0.02)


@given(PAIRS, st.lists(VERDICTS, max_size=30))
def test_swapping_candidate_and_baseline_mirrors_the_result(
    pairs: list[tuple[float, float]], others: list[float]
) -> None:
    human, judged = np.array(pairs).T
    one = prediction_powered(human, judged, others)
    other = prediction_powered(1 - human, 1 - judged, 1 - np.array(others))
    for rate, mirrored in ((one.powered, other.powered), (one.human, other.human)):
        assert 0 <= rate.low <= rate.rate <= rate.high <= 1
        assert (rate.low, rate.high) == pytest.approx((1 - mirrored.high, 1 - mirrored.low))
    assert (one.lam, one.gain, one.judge_rate) == pytest.approx((other.lam, other.gain, 1 - other.judge_rate))
    assert one.agreement == other.agreement and 0 <= one.lam <= 1


class TestEdges:
    def test_no_pairs_show_nothing(self) -> None:
        unknown = Rate(0.5, 0.0, 1.0)
        assert prediction_powered([], [], []) == PredictionPowered(unknown, unknown, 0.5, unknown, 0.0, 1.0)

    def test_verdicts_without_labels_give_no_estimate(self) -> None:
        result = prediction_powered([], [], [1, 1, 0, 1])
        assert result.powered == Rate(0.5, 0.0, 1.0) and result.judge_rate == 0.75

    @pytest.mark.parametrize("clusters", [None, ["a"]])
    def test_one_label_gives_no_bounds(self, clusters: list[str] | None) -> None:
        result = prediction_powered([1], [1], [0, 0], clusters, clusters and ["b", "c"])
        assert result.powered == result.human == Rate(1.0, 0.0, 1.0) and result.lam == 0

    def test_labels_of_one_cluster_give_no_bounds(self) -> None:
        assert prediction_powered([1, 0, 1], [1, 1, 1], [], ["a"] * 3, []).powered == Rate(
            pytest.approx(2 / 3), 0, 1
        )

    def test_a_judge_with_constant_verdicts_gets_no_weight(self) -> None:
        # given a constant whose mean differs from it by rounding, and clusters of different sizes
        human, clusters = [1, 1, 0, 1, 1, 0, 0.5, 0.5, 0, 0.5, 0.5], [3, 3, 1, 1, 1, 3, 0, 1, 0, 1, 3]
        result = prediction_powered(human, [0.6] * 11, [0.6] * 11, clusters, [9] * 11)
        assert result.powered == result.human and (result.lam, result.gain) == (0.0, 1.0)
        assert result.judge_rate == pytest.approx(0.6)

    def test_a_perfect_judge_gets_nearly_full_weight(self) -> None:
        human = np.array([1.0, 0.0] * 50)
        result = prediction_powered(human, human, np.array([1.0, 1.0, 0.0] * 600))
        assert result.lam == pytest.approx(1800 / 1900, abs=0.01) and result.gain > 4
        assert result.agreement.rate == 1 and result.agreement.low < 0.97
        # some disagreement may be missing from one hundred labels
        assert result.powered.high - result.powered.low >= 2 * (1 - 0.025 ** (1 / 100))

    def test_equal_labels_leave_an_interval(self) -> None:
        result = prediction_powered([1] * 10, [1] * 9 + [0.5], [1, 0.5] * 100)
        lowest = scipy.stats.binomtest(10, 10).proportion_ci(method="exact").low
        assert result.human == result.powered == Rate(1.0, pytest.approx(lowest), 1.0)

    @pytest.mark.parametrize("bad", [[1.5, 0], [-1, 0], [float("nan"), 0], [[1, 0]]])
    def test_anything_but_scores_is_refused(self, bad: list[float]) -> None:
        with pytest.raises(ValueError, match="Scores"):
            prediction_powered(bad, [1, 0], [1])

    def test_scores_of_different_lengths_are_refused(self) -> None:
        with pytest.raises(ValueError, match="one shape"):
            prediction_powered([1, 0], [1], [1])

    @pytest.mark.parametrize("labels", [(["a", "b"], None), (["a"], ["c"]), (["a", "b"], ["c", "d"])])
    def test_cluster_labels_of_some_pairs_only_are_refused(
        self, labels: tuple[list[str], list[str] | None]
    ) -> None:
        with pytest.raises(ValueError, match="Clusters need labels"):
            prediction_powered([1, 0], [1, 0], [1], *labels)
