"""Runs → tidy table → comparison: the whole of `fusion-eval compare` as one function."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from fusion_eval.compare.cells import Cell, cells
from fusion_eval.compare.clusters import AUTO
from fusion_eval.compare.items import Metric
from fusion_eval.compare.matching import Matched, match
from fusion_eval.compare.method import Method
from fusion_eval.compare.metrics import objection
from fusion_eval.compare.ranking import Correct, ranked
from fusion_eval.compare.rows import row_of
from fusion_eval.compare.table import tidy
from fusion_eval.compare.task_families import families
from fusion_eval.compare.units import units
from fusion_eval.errors import ConfigError, nearest
from fusion_eval.runs.comparison import SCHEMA_VERSION, ComparedRun, Comparison, Row
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_info import higher_is_better
from fusion_eval.stats.multiplicity import benjamini_hochberg, holm
from fusion_eval.types import whole

Correction = Literal["holm", "bh", "none"]
_CORRECTIONS: Mapping[Correction, Correct] = {
    "holm": holm,
    "bh": benjamini_hochberg,
    "none": list,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compare; `metrics` are names of the metrics wanted, all where there is none."""

    method: Method = field(default_factory=Method)
    correction: Correction = "holm"
    cluster: str = AUTO
    allow_partial: bool = False
    metrics: tuple[str, ...] = ()


def compare(runs: Sequence[Run], settings: Settings | None = None) -> Comparison:
    """Every run against the first, per task, language and metric, and over all.

    Raises `ConfigError` where the runs cannot be compared, see `match`.
    """
    settings = settings or Settings()
    matched, notes = match(runs, settings.allow_partial)
    _check_metrics(settings.metrics, matched)
    wanted = {part.task: _wanted(runs, part, settings.metrics, notes) for part in matched}
    names = tuple(run.name for run in runs)
    sisters = families({part.task: part.language for part in matched})
    table, joined = tidy(runs, matched, settings.cluster, wanted, sisters)
    directions = {
        (task, metric): higher_is_better(metric, [run.tasks[task].info for run in runs])
        for task, metrics in wanted.items()
        for metric, _ in metrics
    }
    made, left_out = cells(table, names, sisters, directions)
    notes += joined + left_out
    notes += [note for cell in made if cell.signature and (note := _other_scores(runs, names, cell))]
    if not made:
        raise ConfigError(f"{' and '.join(names)} share no metric that can be compared. " + ". ".join(notes))
    found, apart = units(made)
    notes += apart
    rows = [
        row_of(unit, 0, candidate, names, settings.method)
        for unit in found
        for candidate in range(1, len(runs))
    ]
    adjusted = corrected(rows, settings.method.alpha, settings.correction)
    return Comparison(
        schema_version=SCHEMA_VERSION,
        alpha=settings.method.alpha,
        correction=settings.correction,
        interval=settings.method.interval,
        resamples=settings.method.resamples,
        seed=settings.method.seed,
        cluster=settings.cluster,
        baseline=names[0],
        created=max(run.date for run in runs),
        runs=tuple(
            ComparedRun(run.name, whole(str(run.path)), run.model, run.date or None, run.signature)
            for run in runs
        ),
        rows=tuple(adjusted),
        test=settings.method.test,
        ranks=tuple(ranked(found, names, adjusted, settings.method, _CORRECTIONS[settings.correction]))
        if len(runs) > 2
        else (),
        notes=(*(note for run in runs for note in run.notes), *notes, *_out_of_reach(rows, settings)),
    )


def _out_of_reach(rows: Sequence[Row], settings: Settings) -> list[str]:
    """A drawn p-value is 1 / (resamples + 1) at least, which Holm multiplies by the number of rows."""
    method = settings.method
    least = len(rows) / (method.resamples + 1)
    if (
        settings.correction != "holm"
        or least <= method.alpha
        or not any(row.test == "permutation" for row in rows)
    ):
        return []
    return [
        f"over {len(rows)} rows no drawn p-value can be significant: ask for --resamples "
        f"{math.ceil(10 * len(rows) / method.alpha)}, or for fewer rows with --metrics"
    ]


def _other_scores(runs: Sequence[Run], names: Sequence[str], cell: Cell) -> str | None:
    """Where a corpus metric of whole runs is not what their results files say: another tokenizer, most likely."""
    others = []
    for name, run, statistics in zip(names, runs, cell.statistics, strict=True):
        task = run.tasks[cell.task]
        said = task.info.reported.get((cell.metric, cell.filter))
        here = float(cell.score(statistics.sum(axis=0)))
        whole = len(statistics) == sum(sample.filter == cell.filter for sample in task.samples)
        if whole and said is not None and not math.isclose(here, said, rel_tol=1e-4, abs_tol=1e-4):
            others.append(f"{here:.2f} and not {said:.2f} for {name}")
    if not others:
        return None
    return f"{cell.task}: {cell.metric} is {', '.join(others)}, as the results files count otherwise; here it is {cell.signature}"


def _check_metrics(asked: Sequence[str], matched: Sequence[Matched]) -> None:
    known = {metric for part in matched for metric, _ in part.metrics}
    for name in asked:
        if name not in known:
            raise ConfigError(
                f"--metrics {name}: the runs have no such metric.{nearest(name, known)} They have {', '.join(sorted(known))}"
            )


def _wanted(runs: Sequence[Run], part: Matched, asked: Sequence[str], notes: list[str]) -> list[Metric]:
    """The metrics of a task that are asked for and can be compared; those that cannot be are noted."""
    usable = []
    for metric in part.metrics:
        if asked and metric[0] not in asked:
            continue
        if said := objection(runs, part, metric):
            notes.append(f"{part.task}: {metric[0]},{metric[1]} is left out: {said}")
        else:
            usable.append(metric)
    return usable


def corrected(rows: Sequence[Row], alpha: float, correction: Correction) -> list[Row]:
    """All rows of a table are one family of tests."""
    adjusted = _CORRECTIONS[correction]([row.p_value for row in rows])
    return [
        replace(row, p_adjusted=float(p), significant=bool(p <= alpha))
        for row, p in zip(rows, adjusted, strict=True)
    ]
