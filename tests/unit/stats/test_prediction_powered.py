"""A few human labels and many verdicts: unbiased whatever the judge, narrower with a good one, and honest about clusters."""

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


def people(random: np.random.Generator, n: int) -> Floats:
    """(n,): verdicts of a rate of 0.45."""
    return random.choice([1, 0.5, 0], size=n, p=[0.35, 0.2, 0.45])


def partial(
    random: np.random.Generator, human: Floats, for_the_candidate: float, noise: float = 0.0
) -> Floats:
    """What a judge says: a share goes to the candidate whatever it is worth, another is drawn blindly."""
    judged = np.where(random.random(len(human)) < for_the_candidate, 1.0, human)
    return np.where(random.random(len(human)) < noise, random.choice([0.0, 1.0], size=len(human)), judged)


def least_covered(runs: int) -> float:
    return 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


class TestAgainstOthers:
    @pytest.mark.parametrize(("n", "others"), [(20, 30), (200, 1_000)])
    def test_estimate_and_interval_are_ppi_py_s(self, n: int, others: int) -> None:
        ppi_py = pytest.importorskip("ppi_py")
        random = np.random.default_rng(0)
        human = people(random, n + others)
        judged = partial(random, human, 0.3, 0.2)
        data = human[:n], judged[:n], judged[n:]
        found = prediction_powered(*data)
        assert found.powered.rate == pytest.approx(ppi_py.ppi_mean_pointestimate(*data, lam=found.lam)[0])
        for rate, lam in ((found.powered, found.lam), (found.human, 0)):
            low, high = (float(end[0]) for end in ppi_py.ppi_mean_ci(*data, alpha=0.05, lam=lam))
            # theirs has a normal quantile, and variances of n
            few = scipy.stats.t.ppf(0.975, n - 1) / scipy.stats.norm.ppf(0.975) * math.sqrt(n / (n - 1))
            assert (rate.high - rate.low) / (high - low) == pytest.approx(few)

    def test_power_tuning_is_ppi_plus_plus_s(self) -> None:
        # given many of both kinds, where the variance of either is that of both
        ppi_py = pytest.importorskip("ppi_py")
        random = np.random.default_rng(1)
        human = people(random, 20_000)
        judged = partial(random, human, 0.3, 0.2)
        data = human[:5_000], judged[:5_000], judged[5_000:]
        found = prediction_powered(*data)
        assert 0.2 < found.lam < 0.8
        assert found.powered.rate == pytest.approx(ppi_py.ppi_mean_pointestimate(*data)[0], abs=5e-4)

    def test_labels_alone_give_student_s_interval(self) -> None:
        human = np.array([1, 0, 0.5, 1, 1, 0, 0, 1, 0.5, 1, 0, 1] * 2)
        found = prediction_powered(human, human, []).human
        theirs = scipy.stats.t.interval(0.95, len(human) - 1, human.mean(), scipy.stats.sem(human))
        assert (found.low, found.high) == pytest.approx(theirs)

    def test_agreement_has_wilson_s_interval(self) -> None:
        # given graded scores, of which only the verdict counts
        found = judge_agreement([1, 0.5, 0, 0.9, 0.2], [0.7, 0.5, 0.1, 0.3, 0.0])
        assert found == Rate(0.8, *(pytest.approx(end) for end in proportion_confint(4, 5, method="wilson")))

    def test_agreement_of_copies_is_no_surer(self) -> None:
        human, judged = [1, 0, 1, 0], [1, 0, 0, 0]
        often = judge_agreement(np.repeat(human, 5), np.repeat(judged, 5), np.repeat(np.arange(4), 5))
        assert often == judge_agreement(human, judged)


class TestCoverage:
    @pytest.mark.parametrize("n", [10, 25, 100])
    def test_a_judge_that_is_far_off_does_not_mislead(self, n: int) -> None:
        random, runs = np.random.default_rng(2), 500
        covered, judge_alone = 0, []
        for _ in range(runs):
            human = people(random, n + 500)
            judged = partial(random, human, 0.4, 0.1)
            found = prediction_powered(human[:n], judged[:n], judged[n:])
            covered += found.powered.low <= 0.45 <= found.powered.high
            judge_alone.append(found.judge_rate)
        assert covered >= runs * least_covered(runs)
        assert np.mean(judge_alone) > 0.6

    def test_nor_does_one_that_no_label_has_contradicted_yet(self) -> None:
        # given 8% of verdicts turned, of which half of all draws of 20 labels show one at most
        random, runs = np.random.default_rng(3), 500
        covered = 0
        for _ in range(runs):
            human = people(random, 2_000)
            judged = partial(random, human, 0.12)
            found = prediction_powered(human[:20], judged[:20], judged[20:])
            covered += found.powered.low <= 0.45 <= found.powered.high
        assert covered >= runs * least_covered(runs)

    @pytest.mark.parametrize("copies", [1, 4])
    def test_items_that_are_copies_do_not_mislead(self, copies: int) -> None:
        # given questions of several pairs each that fall alike, a third of them labelled for one pair in two
        random, runs, questions = np.random.default_rng(4), 400, 120
        covered = ignoring = 0
        for _ in range(runs):
            once = people(random, questions)
            human = np.repeat(once, 2 * copies)
            judged = np.repeat(partial(random, once, 0.3), 2 * copies)
            question = np.repeat(np.arange(questions), 2 * copies)
            shown = (question < questions / 3) & (np.arange(len(human)) % 2 == 0)
            data = human[shown], judged[shown], judged[~shown]
            found = prediction_powered(*data, question[shown], question[~shown]).powered
            apart = prediction_powered(*data).powered
            covered += found.low <= 0.45 <= found.high
            ignoring += apart.low <= 0.45 <= apart.high
        assert covered >= runs * least_covered(runs)
        assert copies == 1 or ignoring < 0.8 * runs


class TestWidth:
    def widths(self, for_the_candidate: float, noise: float) -> tuple[float, float]:
        random = np.random.default_rng(5)
        ratios, gains = [], []
        for _ in range(100):
            human = people(random, 1_100)
            judged = partial(random, human, for_the_candidate, noise)
            found = prediction_powered(human[:100], judged[:100], judged[100:])
            ratios.append((found.powered.high - found.powered.low) / (found.human.high - found.human.low))
            gains.append(found.gain)
        return float(np.mean(ratios)), float(np.mean(gains))

    def test_a_good_judge_saves_labels(self) -> None:
        ratio, gain = self.widths(0.1, 0.05)
        assert ratio < 0.7 and gain > 2
        assert gain == pytest.approx(1 / ratio**2, rel=0.1)

    def test_a_useless_judge_costs_nothing(self) -> None:
        ratio, _ = self.widths(0.0, 1.0)
        assert 0.97 < ratio <= 1

    def test_no_one_is_believed_against_the_labels(self) -> None:
        # given a judge who says the contrary
        human = np.array([1.0, 0.0] * 20)
        found = prediction_powered(human, 1 - human, np.zeros(500))
        assert found.lam == 0 and found.powered == found.human


class TestClusters:
    @given(PAIRS, st.lists(VERDICTS, max_size=30))
    def test_of_one_pair_change_nothing(self, pairs: list[tuple[float, float]], others: list[float]) -> None:
        human, judged = zip(*pairs, strict=True)
        names, more = [f"a{n}" for n in range(len(pairs))], [f"b{n}" for n in range(len(others))]
        assert prediction_powered(human, judged, others, names, more) == prediction_powered(
            human, judged, others
        )

    def test_of_copies_say_no_more_than_one_pair_of_each(self) -> None:
        random = np.random.default_rng(6)
        human = people(random, 200)
        judged = partial(random, human, 0.3, 0.1)
        data, names = (human[:50], judged[:50], judged[50:]), (np.arange(50), np.arange(50, 200))
        once = prediction_powered(*data)
        often = prediction_powered(*(np.repeat(x, 3) for x in data), *(np.repeat(x, 3) for x in names))
        assert often.lam == pytest.approx(once.lam)
        assert (often.powered.low, often.powered.high) == pytest.approx((once.powered.low, once.powered.high))

    def test_the_error_is_the_jackknife_s(self) -> None:
        # given clusters with pairs of both kinds, left out one at a time, with lam as it is
        random = np.random.default_rng(7)
        human = np.repeat(people(random, 100), 6)
        judged = partial(random, human, 0.2, 0.2)
        name, shown = np.repeat(np.arange(100), 6), np.arange(600) % 6 < 2
        found = prediction_powered(human[shown], judged[shown], judged[~shown], name[shown], name[~shown])

        def estimate(kept: npt.NDArray[np.bool_]) -> float:
            seen, unseen = judged[shown & kept].mean(), judged[~shown & kept].mean()
            return float(human[shown & kept].mean() + found.lam * (unseen - seen))

        without = np.array([estimate(name != one) for one in range(100)])
        error = math.sqrt(99 / 100 * ((without - without.mean()) ** 2).sum())
        reach = scipy.stats.t.ppf(0.975, 99) * error
        assert found.powered.high - found.powered.low == pytest.approx(2 * reach, rel=0.02)


@given(PAIRS, st.lists(VERDICTS, max_size=30))
def test_swapping_candidate_and_baseline_mirrors_everything(
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
    def test_nothing_is_known_of_nothing(self) -> None:
        unknown = Rate(0.5, 0.0, 1.0)
        assert prediction_powered([], [], []) == PredictionPowered(unknown, unknown, 0.5, unknown, 0.0, 1.0)

    def test_verdicts_alone_do_not_make_an_estimate(self) -> None:
        found = prediction_powered([], [], [1, 1, 0, 1])
        assert found.powered == Rate(0.5, 0.0, 1.0) and found.judge_rate == 0.75

    @pytest.mark.parametrize("clusters", [None, ["a"]])
    def test_one_label_bounds_nothing(self, clusters: list[str] | None) -> None:
        found = prediction_powered([1], [1], [0, 0], clusters, clusters and ["b", "c"])
        assert found.powered == found.human == Rate(1.0, 0.0, 1.0) and found.lam == 0

    def test_nor_do_many_of_one_cluster(self) -> None:
        assert prediction_powered([1, 0, 1], [1, 1, 1], [], ["a"] * 3, []).powered == Rate(
            pytest.approx(2 / 3), 0, 1
        )

    def test_a_judge_who_always_says_the_same_adds_nothing(self) -> None:
        # given a constant whose mean is not itself, by rounding, and clusters of unlike size
        human, clusters = [1, 1, 0, 1, 1, 0, 0.5, 0.5, 0, 0.5, 0.5], [3, 3, 1, 1, 1, 3, 0, 1, 0, 1, 3]
        found = prediction_powered(human, [0.6] * 11, [0.6] * 11, clusters, [9] * 11)
        assert found.powered == found.human and (found.lam, found.gain) == (0.0, 1.0)
        assert found.judge_rate == pytest.approx(0.6)

    def test_a_perfect_judge_is_nearly_all_believed(self) -> None:
        human = np.array([1.0, 0.0] * 50)
        found = prediction_powered(human, human, np.array([1.0, 1.0, 0.0] * 600))
        assert found.lam == pytest.approx(1800 / 1900, abs=0.01) and found.gain > 4
        assert found.agreement.rate == 1 and found.agreement.low < 0.97
        # a disagreement that one hundred labels need not show
        assert found.powered.high - found.powered.low >= 2 * (1 - 0.025 ** (1 / 100))

    def test_labels_all_alike_never_claim_certainty(self) -> None:
        found = prediction_powered([1] * 10, [1] * 9 + [0.5], [1, 0.5] * 100)
        lowest = scipy.stats.binomtest(10, 10).proportion_ci(method="exact").low
        assert found.human == found.powered == Rate(1.0, pytest.approx(lowest), 1.0)

    @pytest.mark.parametrize("bad", [[1.5, 0], [-1, 0], [float("nan"), 0], [[1, 0]]])
    def test_what_is_no_score(self, bad: list[float]) -> None:
        with pytest.raises(ValueError, match="Scores"):
            prediction_powered(bad, [1, 0], [1])

    def test_scores_of_unlike_length(self) -> None:
        with pytest.raises(ValueError, match="one shape"):
            prediction_powered([1, 0], [1], [1])

    @pytest.mark.parametrize("labels", [(["a", "b"], None), (["a"], ["c"]), (["a", "b"], ["c", "d"])])
    def test_clusters_of_some_pairs_only(self, labels: tuple[list[str], list[str] | None]) -> None:
        with pytest.raises(ValueError, match="Clusters need labels"):
            prediction_powered([1, 0], [1, 0], [1], *labels)
