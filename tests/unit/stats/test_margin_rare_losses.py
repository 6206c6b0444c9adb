"""The spread of a t test against a margin if few items change: the sample's own spread hides losses."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from fusion_eval.stats.corpus import corpus_metric
from fusion_eval.stats.non_inferiority import cluster_effects, corrected_error
from fusion_eval.stats.paired import paired_segments, paired_values

Values = npt.NDArray[np.float64]
REPEATS = 2000


class TestClusterEffects:
    @given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30))
    def test_for_a_mean_they_are_the_differences_of_the_items(
        self, values: list[tuple[float, float]]
    ) -> None:
        one, other = np.array(values).T
        effects = cluster_effects(paired_values(one, other))
        assert sorted(effects) == pytest.approx(sorted(other - one), abs=1e-12)

    def test_an_unchanged_cluster_has_no_effect_whatever_its_size(self) -> None:
        one, other = np.array([1.0, 1.0, 0.0, 0.5, 0.2, 0.9]), np.array([1.0, 0.0, 0.0, 0.5, 0.2, 0.9])
        clusters, groups = ["a", "a", "b", "b", "b", "c"], [0, 0, 0, 1, 1, 1]
        paired = paired_values(one, other, clusters, groups)
        effects = cluster_effects(paired)
        assert effects[0] < 0 and effects[1] == effects[2] == 0
        assert effects.mean() == pytest.approx(paired.delta)

    def test_for_a_corpus_metric_their_mean_is_about_the_difference(self) -> None:
        corpus = corpus_metric("chrf")
        animals = ("cat", "dog", "bird", "horse", "cow")
        references = [f"The {animal} sleeps in the garden." for animal in animals]
        changed = [*references[:4], "The cow is asleep outside."]
        paired = paired_segments(
            *(corpus.statistics(texts, references) for texts in (references, changed)), corpus.score
        )
        effects = cluster_effects(paired)
        assert (effects != 0).sum() == 1
        assert effects.mean() == pytest.approx(paired.delta)


class TestSpread:
    def test_the_error_grows_if_the_losses_do_not_add_up_to_the_margin(self) -> None:
        # given one item of a hundred that lost 10: a loss of 1 would show more of them, a loss of 0.02 not
        effects = np.zeros(100)
        effects[0] = -10.0
        assert corrected_error(effects, 0.1, 1.0).error > 0.1
        assert corrected_error(effects, 0.1, 0.02).error == 0.1

    def test_the_error_stays_if_many_items_differ(self) -> None:
        effects = np.random.default_rng(0).normal(0, 10, 200)
        spread = corrected_error(effects, 0.7, 1.0)
        assert (spread.error, spread.continuity) == (0.7, 0)

    def test_the_error_stays_if_nothing_differs(self) -> None:
        assert corrected_error(np.zeros(5), 0.0, 1.0).error == 0


def draw(random: np.random.Generator, items: int, rate: float, gains: float, sizes: str) -> Values:
    """Draw samples (REPEATS, items) whose true loss is 1: losses at `rate + gains`, gains at `gains`."""
    shape = (REPEATS, items)
    chance = random.random(shape)
    size = (np.ones(shape) if sizes == "equal" else random.exponential(1, shape)) / rate
    return np.where(chance < rate + gains, -size, np.where(chance < rate + 2 * gains, size, 0.0))


def pass_rates(samples: Values, margin: float = 1.0) -> tuple[float, float]:
    """Return the shares of samples that pass at 5%: by the spread under H0, and by the sample's own spread.

    A sample in which nothing changed is not tested, and counts as failed.
    """
    items = samples.shape[1]
    limit = float(t.ppf(0.95, items - 1))
    samples = samples[samples.any(axis=1)]
    means, errors = samples.mean(axis=1), samples.std(axis=1, ddof=1) / np.sqrt(items)
    spreads = [
        corrected_error(sample, float(error), margin) for sample, error in zip(samples, errors, strict=True)
    ]
    ours = [
        mean + margin - spread.continuity > limit * spread.error
        for mean, spread in zip(means, spreads, strict=True)
    ]
    return sum(ours) / REPEATS, float((means + margin > limit * errors).sum()) / REPEATS


@cache
def pass_rates_at_the_margin(items: int, rate: float, gains: float, sizes: str) -> tuple[float, float]:
    return pass_rates(draw(np.random.default_rng(5), items, rate, gains, sizes))


@pytest.mark.parametrize("sizes", ["equal", "exponential"])
@pytest.mark.parametrize("items", [40, 154, 300])
@pytest.mark.parametrize(("rate", "gains"), [(0.05, 0.0), (0.2, 0.0), (0.05, 0.05)])
def test_a_loss_of_the_margin_passes_at_about_the_level_however_rare_losses_are(
    sizes: str, items: int, rate: float, gains: float
) -> None:
    level, _ = pass_rates_at_the_margin(items, rate, gains, sizes)
    assert level <= (0.05 + 3 * np.sqrt(0.05 * 0.95 / REPEATS) if sizes == "equal" else 0.07)


def test_the_samples_own_spread_would_pass_four_times_too_often() -> None:
    # given one item in fifty that loses much
    ours, plain = pass_rates_at_the_margin(154, 0.02, 0.0, "exponential")
    assert plain > 0.2 and ours <= 0.07


def test_power_stays_high_if_nothing_is_lost() -> None:
    # given 154 items of which one in twenty changes by about 10, for better or worse, and a margin of 1
    random = np.random.default_rng(6)
    shape = (REPEATS, 154)
    ours, _ = pass_rates(np.where(random.random(shape) < 0.05, random.normal(0, 10, shape), 0.0))
    assert ours > 0.9
