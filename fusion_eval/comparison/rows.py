"""One row of a comparison: two runs on one unit, tested."""

from __future__ import annotations

import math

import numpy as np

from fusion_eval.comparison.cells import Floats
from fusion_eval.comparison.label_scores import ConfusionMatrix, LabelF1, micro_f1
from fusion_eval.comparison.metrics import corpus_name
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.comparison.units import Unit
from fusion_eval.errors import ConfigError
from fusion_eval.runs.comparison import Row
from fusion_eval.stats.bootstrap import Interval, bootstrap_interval, jackknife_error
from fusion_eval.stats.paired import Paired, independent_units, mean_score, paired_segments
from fusion_eval.stats.permutation import mcnemar_test, permutation_test
from fusion_eval.stats.power import items_needed, minimal_detectable_effect
from fusion_eval.stats.win_rate import win_rate

_TIE = 1e-9
"""Relative difference below which two values are a tie, because they differ by rounding only."""
_FEW_ITEMS = 5
"""With fewer items in one task of a mean, the spread of that task is a guess."""


def compare_pair(
    unit: Unit, baseline: int, candidate: int, names: tuple[str, ...], options: ComparisonOptions
) -> Row:
    """Compare two runs on a unit. The runs are given by their places in `names`.

    The p-value of the row is not adjusted yet: `p_adjusted` equals `p_value`.
    """
    paired = pair_runs(unit, baseline, candidate)
    test, p_value = run_test(unit, paired, baseline, candidate, options)
    interval = bootstrap_interval(paired, 1 - options.alpha, resamples=options.resamples, seed=options.seed)
    error = jackknife_error(paired)
    units = independent_units(paired)
    wins = win_rate(
        _outcomes(unit, baseline, candidate),
        unit.clusters,
        unit.groups,
        confidence=1 - options.alpha,
        resamples=options.resamples,
        seed=options.seed,
    )
    first = unit.cells[0]
    n = sum(len(cell.clusters) for cell in unit.cells)
    return Row(
        task=unit.task,
        language=unit.language,
        metric=first.metric,
        filter=first.filter,
        n=n,
        clusters=paired.n_clusters,
        baseline=names[baseline],
        candidate=names[candidate],
        baseline_value=paired.baseline_value,
        candidate_value=paired.candidate_value,
        delta=paired.delta,
        ci_low=interval.low if interval else None,
        ci_high=interval.high if interval else None,
        ci_method=interval.method if interval else None,
        test=test,
        p_value=p_value,
        p_adjusted=p_value,
        significant=p_value <= options.alpha,
        wins=wins.wins,
        ties=wins.ties,
        losses=wins.losses,
        win_rate=wins.rate,
        win_rate_low=wins.low,
        win_rate_high=wins.high,
        win_p_value=wins.p_value,
        higher_is_better=first.higher_is_better,
        standard_error=error,
        minimal_detectable_effect=(
            _within_range(minimal_detectable_effect(error, units, options.alpha), unit) if error else None
        ),
        items_needed=(items_needed(paired.delta, error, n, units, options.alpha) if error else None),
        signature=None if unit.several else first.signature,
        note=_caveats(unit, paired, interval, test, options.alpha),
    )


def _within_range(effect: float | None, unit: Unit) -> float | None:
    """Return None for an effect that the metric's range does not admit: no difference is that large."""
    return effect if effect is not None and effect <= _largest_difference(unit) else None


def _largest_difference(unit: Unit) -> float:
    """Return the width of the metric's range; infinity if it is not known."""
    first, values = unit.cells[0], unit.items
    if isinstance(first.score, ConfusionMatrix):
        return 2.0  # a correlation, from -1 to 1
    if first.score is micro_f1 or isinstance(first.score, LabelF1):
        return 1.0
    if first.signature:
        return 100.0 if first.higher_is_better else math.inf  # TER has no upper end
    if first.score is not mean_score or (values < 0).any():
        return math.inf
    if (values <= 1).all():
        return 1.0
    percent = corpus_name(first.metric) in ("bleu", "chrf", "chrf++") and (values <= 100).all()
    return 100.0 if percent else math.inf


def pair_runs(unit: Unit, baseline: int, candidate: int) -> Paired:
    """Return the statistics of two runs on a unit, summed by cluster and cell."""
    return paired_segments(
        unit.statistics[baseline],
        unit.statistics[candidate],
        unit.cells[0].score,
        unit.clusters,
        unit.groups,
    )


def run_test(
    unit: Unit, paired: Paired, baseline: int, candidate: int, options: ComparisonOptions
) -> tuple[str, float]:
    """Test the difference of two runs on a unit.

    A mean over several cells is always tested by permutation, because McNemar's test does not apply to it.

    Returns:
        The name of the test, and its p-value.

    Raises:
        ConfigError: McNemar's test was asked for, and some value is neither 0 nor 1.
    """
    one, other = unit.items[baseline], unit.items[candidate]
    binary = all(cell.binary for cell in unit.cells)
    test = options.test
    if test == "auto":
        test = "mcnemar" if binary and paired.n_clusters == len(one) else "permutation"
    if test == "mcnemar" and not binary:
        raise ConfigError(
            f"test=mcnemar is for values of 0 and 1, and {unit.cells[0].metric} of {unit.task} has others; "
            "leave the test out, or name other metrics"
        )
    if test == "mcnemar" and not unit.several:
        result = mcnemar_test(one, other, unit.clusters, resamples=options.resamples, seed=options.seed)
    else:
        result = permutation_test(paired, resamples=options.resamples, seed=options.seed)
    return result.test, result.p_value


def _outcomes(unit: Unit, baseline: int, candidate: int) -> Floats:
    """Return +1, 0 or -1 for each item: the candidate is better, equal or worse."""
    one, other = unit.items[baseline], unit.items[candidate]
    differences = other - one
    differences[np.abs(differences) <= _TIE * np.maximum(np.abs(other), np.abs(one))] = 0.0
    return np.asarray(np.sign(differences) if unit.cells[0].higher_is_better else -np.sign(differences))


def _caveats(unit: Unit, paired: Paired, interval: Interval | None, test: str, alpha: float) -> str | None:
    """Say what the numbers of a row cannot show; None if there is nothing to say."""
    caveats = []
    clusters = paired.n_clusters
    equal = np.array_equal(paired.baseline, paired.candidate)
    if equal:
        caveats.append("all items have the same value in both runs, so p is 1")
    if clusters == 1:
        caveats.append("one independent item says nothing on its spread: no interval")
    elif (1 if test == "mcnemar" else 2) / 2**clusters > alpha:
        caveats.append(f"{clusters} independent items cannot show a difference at this level, however large")
    elif interval and interval.low == interval.high and not equal:
        caveats.append(
            "all items differ by the same amount, so the interval has no width and says nothing about the uncertainty"
        )
    if interval and interval.method != "bca" and not equal:
        caveats.append("the interval is a percentile interval, as BCa is not defined here")
    if unit.several and min(len(cell.clusters) for cell in unit.cells) < _FEW_ITEMS:
        caveats.append(f"some tasks have fewer than {_FEW_ITEMS} items, too few to estimate their spread")
    if missing := sum(cell.missing for cell in unit.cells):
        caveats.append(f"{missing} items without a value in some run are left out")
    return "; ".join(caveats) or None
