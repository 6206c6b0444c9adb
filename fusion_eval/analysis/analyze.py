"""Analyze scored pools: the whole of `fusion-eval analyze` that needs no call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from fusion_eval.analysis.ceiling import ceiling_row, recovered_rows
from fusion_eval.analysis.curves import Named, curve_differences, curve_points, estimates, of_unit
from fusion_eval.analysis.multiplicity import adjust_p_values
from fusion_eval.analysis.options import AnalysisOptions
from fusion_eval.analysis.pools import Floats, ScoredPools
from fusion_eval.analysis.rescue import outcome_row, rescue_rows
from fusion_eval.analysis.teachers import teacher_rows
from fusion_eval.analysis.units import Unit, units
from fusion_eval.runs.analysis import SCHEMA_VERSION, Analysis
from fusion_eval.runs.comparison import ComparedRun
from fusion_eval.stats.cluster_means import Sample

T = TypeVar("T")


def analyze_pools(
    pools: Sequence[ScoredPools],
    runs: tuple[ComparedRun, ...] = (),
    created: str = "",
    options: AnalysisOptions | None = None,
    notes: Sequence[str] = (),
) -> Analysis:
    """Make every table that follows from scored pools.

    Args:
        pools: The scored pools of each task and metric.
        runs: The runs that they come from.
        created: The date of the newest run.
        options: The level of the intervals; the defaults if None.
        notes: What a reader should know about the pools.
    """
    options = options or AnalysisOptions()
    found = units(pools)
    singles = [(unit.parts[0], unit.binary) for unit in found if len(unit.parts) == 1]
    curves = {id(part): estimates(part, binary=binary) for part, binary in singles}
    parts = [_tables(unit, curves, options.alpha) for unit in found]
    return Analysis(
        schema_version=SCHEMA_VERSION,
        runs=runs,
        curves=_joined(part.curves for part in parts),
        rescue=_joined(part.rescue for part in parts),
        ceiling=_joined(part.ceiling for part in parts),
        differences=tuple(adjust_p_values(_joined(part.differences for part in parts), found)),
        outcomes=_joined(part.outcomes for part in parts),
        recovered=_joined(part.recovered for part in parts),
        teachers=tuple(adjust_p_values(_joined(part.teachers for part in parts), found)),
        alpha=options.alpha,
        created=created,
        notes=(*notes, *_notes(pools)),
    )


def _joined(tables: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(row for table in tables for row in table)


def _tables(unit: Unit, curves: Mapping[int, Mapping[Named, Floats]], alpha: float) -> Analysis:
    """Return the tables of one unit alone."""
    sample, own = Sample(unit.cluster, unit.group), of_unit(unit, curves)
    names = unit.strategies
    return Analysis(
        schema_version=SCHEMA_VERSION,
        runs=(),
        curves=tuple(curve_points(unit, own, sample, alpha)),
        rescue=tuple(row for name in names if unit.binary for row in rescue_rows(unit, name, alpha)),
        ceiling=(ceiling_row(unit, alpha),) if unit.binary else (),
        differences=tuple(curve_differences(unit, own, sample, alpha)),
        outcomes=tuple(outcome_row(unit, name, alpha) for name in names),
        recovered=tuple(recovered_rows(unit, sample, alpha)),
        teachers=tuple(teacher_rows(unit, sample, alpha)),
    )


def _notes(pools: Sequence[ScoredPools]) -> list[str]:
    """Note selections that are right where no candidate is: their values and those of their candidates disagree."""
    odd = sorted(
        {
            strategy.name
            for part in pools
            for strategy in part.strategies
            if strategy.selects
            and bool(
                (
                    part.sign * strategy.values > (part.sign * part.values).max(axis=1) * (1 + 1e-9) + 1e-9
                ).any()
            )
        }
    )
    return [
        f"{name} selects candidates and scores better than all of them on some items: the task scores one text in several ways"
        for name in odd
    ]
