"""Where few items change, the sample's own spread hides losses: the spread that H0 implies does not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from fusion_eval.stats.corpus import corpus_metric
from fusion_eval.stats.paired import paired_segments, paired_values
from fusion_eval.stats.rare_losses import effects, spread_at_margin

Values = npt.NDArray[np.float64]
REPEATS = 2000


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30))
def test_the_effects_of_a_mean_are_its_items_differences(values: list[tuple[float, float]]) -> None:
    one, other = np.array(values).T
    paired = paired_values(one, other)
    assert sorted(effects(paired)) == pytest.approx(sorted(other - one), abs=1e-12)


def test_an_unchanged_cluster_has_no_effect_whatever_its_size() -> None:
    one, other = np.array([1.0, 1.0, 0.0, 0.5, 0.2, 0.9]), np.array([1.0, 0.0, 0.0, 0.5, 0.2, 0.9])
    paired = paired_values(one, other, clusters=["a", "a", "b", "b", "b", "c"], groups=[0, 0, 0, 1, 1, 1])
    found = effects(paired)
    assert found[0] < 0 and found[1] == found[2] == 0
    assert found.mean() == pytest.approx(paired.delta)


def test_of_a_corpus_metric_they_add_up_to_about_the_difference() -> None:
    corpus = corpus_metric("chrf")
    references = [f"The {animal} sleeps in the garden." for animal in ("cat", "dog", "bird", "horse", "cow")]
    changed = [*references[:4], "The cow is asleep outside."]
    sides = [corpus.statistics(texts, references) for texts in (references, changed)]
    paired = paired_segments(*sides, corpus.score)
    found = effects(paired)
    assert (found != 0).sum() == 1
    assert found.mean() == pytest.approx(paired.delta)


def test_losses_are_missed_until_they_add_up_to_the_margin() -> None:
    """Given one item of a hundred that lost 10, then a loss of 1 would show more of them, and a loss of 0.05 not."""
    gains = np.zeros(100)
    gains[0] = -10.0
    assert spread_at_margin(gains, 0.1, 1.0).error > 0.1
    assert spread_at_margin(gains, 0.1, 0.02).error == 0.1


def test_where_many_items_differ_the_samples_error_stands() -> None:
    gains = np.random.default_rng(0).normal(0, 10, 200)
    assert spread_at_margin(gains, 0.7, 1.0).error == 0.7
    assert spread_at_margin(gains, 0.7, 1.0).step == 0


def test_without_any_difference_nothing_is_known() -> None:
    assert spread_at_margin(np.zeros(5), 0.0, 1.0).error == 0


def drawn(random: np.random.Generator, items: int, rate: float, gains: float, sizes: str) -> Values:
    """Losses at `rate + gains`, gains at `gains`, of sizes whose mean makes the true loss 1."""
    chance = random.random(items)
    size = {"equal": np.ones(items), "exponential": random.exponential(1, items)}[sizes] / rate
    return np.where(chance < rate + gains, -size, np.where(chance < rate + 2 * gains, size, 0.0))


def passes(gains: Values, margin: float = 1.0) -> tuple[bool, bool]:
    """(By the spread of the null, by the sample's own): is the loss shown to be below the margin, at 5%?"""
    error = float(gains.std(ddof=1)) / np.sqrt(len(gains))
    spread = spread_at_margin(gains, error, margin)
    limit = t.ppf(0.95, len(gains) - 1)
    return (
        bool(gains.mean() + margin - spread.step > limit * spread.error),
        bool(gains.mean() + margin > limit * error),
    )


def shares(items: int, rate: float, gains: float, sizes: str) -> tuple[float, float]:
    """Of the samples that pass, as in `passes`; what is unchanged is not tested, and counts as none."""
    random = np.random.default_rng(5)
    samples = (drawn(random, items, rate, gains, sizes) for _ in range(REPEATS))
    found = [passes(sample) for sample in samples if sample.any()]
    return sum(ours for ours, _ in found) / REPEATS, sum(plain for _, plain in found) / REPEATS


@pytest.mark.parametrize("sizes", ["equal", "exponential"])
@pytest.mark.parametrize("items", [40, 154, 300])
@pytest.mark.parametrize(("rate", "gains"), [(0.05, 0.0), (0.2, 0.0), (0.05, 0.05)])
def test_a_loss_of_the_margin_passes_at_about_its_level_however_rare(
    sizes: str, items: int, rate: float, gains: float
) -> None:
    """At 5%, and 7% at most where sizes are spread as widely as exponential ones."""
    found = shares(items, rate, gains, sizes)
    assert found[0] <= (0.05 + 3 * np.sqrt(0.05 * 0.95 / REPEATS) if sizes == "equal" else 0.07)


def test_the_samples_own_spread_would_pass_four_times_too_often() -> None:
    """Given that one item in fifty loses much, then a plain t test of 154 items is no test at 5%."""
    ours, plain = shares(154, 0.02, 0.0, "exponential")
    assert plain > 0.2 and ours <= 0.07


def test_it_costs_little_where_nothing_is_lost() -> None:
    """Given one item in twenty that changes for better or worse by 10, and no loss, then 154 items still pass a margin of 1."""
    random = np.random.default_rng(6)
    found = [
        passes(np.where(random.random(154) < 0.05, random.normal(0, 10, 154), 0.0)) for _ in range(REPEATS)
    ]
    assert sum(ours for ours, _ in found) / REPEATS > 0.9
