"""One row of a comparison: two runs on one unit, tested."""

from __future__ import annotations

import numpy as np

from fusion_eval.compare.caveats import caveats
from fusion_eval.compare.cells import Floats
from fusion_eval.compare.method import Method
from fusion_eval.compare.units import Unit
from fusion_eval.errors import ConfigError
from fusion_eval.runs.comparison import Row
from fusion_eval.stats.bootstrap import bootstrap_interval, jackknife_error
from fusion_eval.stats.paired import Paired, paired_segments
from fusion_eval.stats.permutation import mcnemar_test, permutation_test, wilcoxon_test
from fusion_eval.stats.power import items_needed, minimal_detectable_effect
from fusion_eval.stats.strata import units_of
from fusion_eval.stats.win_rate import win_rate

_TIE = 1e-9
"""Two values this close, relative to their size, are a tie: they differ by rounding."""


def row_of(unit: Unit, baseline: int, candidate: int, names: tuple[str, ...], method: Method) -> Row:
    """The comparison of two runs, by their places among `names`; `p_adjusted` still is `p_value`."""
    paired = pair(unit, baseline, candidate)
    test, p_value = tested(unit, paired, baseline, candidate, method)
    interval = bootstrap_interval(
        paired, 1 - method.alpha, resamples=method.resamples, method=method.interval, seed=method.seed
    )
    error = jackknife_error(paired)
    units = units_of(paired)
    wins = win_rate(
        _outcomes(unit, baseline, candidate),
        unit.clusters,
        unit.groups,
        confidence=1 - method.alpha,
        resamples=method.resamples,
        seed=method.seed,
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
        significant=p_value <= method.alpha,
        wins=wins.wins,
        ties=wins.ties,
        losses=wins.losses,
        win_rate=wins.rate,
        win_rate_low=wins.low,
        win_rate_high=wins.high,
        win_p_value=wins.p_value,
        higher_is_better=first.higher_is_better,
        standard_error=error,
        minimal_detectable_effect=minimal_detectable_effect(error, units, method.alpha) if error else None,
        items_needed=items_needed(paired.delta, error, n, units, method.alpha) if error else None,
        signature=None if unit.several else first.signature,
        note=caveats(unit, paired, interval, test, method),
    )


def pair(unit: Unit, baseline: int, candidate: int) -> Paired:
    """Two runs' statistics of a unit, by cluster and group."""
    return paired_segments(
        unit.statistics[baseline],
        unit.statistics[candidate],
        unit.cells[0].score,
        unit.clusters,
        unit.groups,
    )


def tested(unit: Unit, paired: Paired, baseline: int, candidate: int, method: Method) -> tuple[str, float]:
    """(Name of the test, its p-value) of two runs on a unit.

    A mean over tasks is tested by permutation whatever was asked for: the other tests know no such mean.
    """
    one, other = unit.items[baseline], unit.items[candidate]
    binary = all(cell.binary for cell in unit.cells)
    name = method.test
    if name == "auto":
        name = "mcnemar" if binary and paired.n_clusters == len(one) else "permutation"
    if name == "mcnemar" and not binary:
        raise ConfigError(
            f"--test mcnemar is for values of 0 and 1, and {unit.cells[0].metric} of {unit.task} has others; "
            "leave the test out, or name other metrics with --metrics"
        )
    if name == "mcnemar" and not unit.several:
        found = mcnemar_test(one, other, unit.clusters, resamples=method.resamples, seed=method.seed)
    elif name == "wilcoxon" and not unit.several:
        found = wilcoxon_test(one, other, unit.clusters, resamples=method.resamples, seed=method.seed)
    else:
        found = permutation_test(paired, resamples=method.resamples, seed=method.seed)
    return found.test, found.p_value


def _outcomes(unit: Unit, baseline: int, candidate: int) -> Floats:
    """+1, 0, -1 per item: the candidate is better, equal, worse."""
    one, other = unit.items[baseline], unit.items[candidate]
    differences = other - one
    differences[np.abs(differences) <= _TIE * np.maximum(np.abs(other), np.abs(one))] = 0.0
    return np.asarray(np.sign(differences) if unit.cells[0].higher_is_better else -np.sign(differences))
