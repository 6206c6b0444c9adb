"""Compare runs: the whole of `fusion-eval compare` as one function."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from fusion_eval.comparison.aggregations import Aggregation, choose_aggregation
from fusion_eval.comparison.cells import Cell, cells_of
from fusion_eval.comparison.choice import choose_metrics
from fusion_eval.comparison.clusters import clusters_of
from fusion_eval.comparison.correction import adjust_rows, family_of_tests
from fusion_eval.comparison.items import FilteredMetric
from fusion_eval.comparison.matching import MatchedTask, match_runs
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.comparison.ranking import rank_runs
from fusion_eval.comparison.rows import compare_pair
from fusion_eval.comparison.task_families import families
from fusion_eval.comparison.units import ALL, Unit, units
from fusion_eval.comparison.weighting import weight_units
from fusion_eval.errors import ConfigError
from fusion_eval.runs.comparison import SCHEMA_VERSION, Comparison, Row, compared_run
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_info import higher_is_better


def compare(runs: Sequence[Run], options: ComparisonOptions | None = None) -> Comparison:
    """Compare every run with the first, for each task, language and metric and over all of them.

    Args:
        runs: The runs, the baseline first.
        options: Tests, correction, clusters and metrics; the defaults of `fusion-eval compare` if None.

    Raises:
        ConfigError: The runs cannot be compared (see `match_runs`), or share no metric that can be.
    """
    options = options or ComparisonOptions()
    names = tuple(run.name for run in runs)
    cells, notes = _cells(runs, options)
    if not cells:
        raise ConfigError(f"{' and '.join(names)} share no metric that can be compared. " + ". ".join(notes))
    equal_units, more_notes = units(cells)
    compared_units, weight_notes = weight_units(equal_units, runs)
    tests = _families_of_tests(compared_units, options)
    rows = [
        replace(compare_pair(unit, 0, candidate, names, options), family=family)
        for unit, family in zip(compared_units, tests, strict=True)
        for candidate in range(1, len(runs))
    ]
    adjusted = adjust_rows(rows, options.alpha, options.correction)
    return Comparison(
        schema_version=SCHEMA_VERSION,
        alpha=options.alpha,
        correction=options.correction,
        interval="bca",
        resamples=options.resamples,
        seed=options.seed,
        cluster=options.cluster,
        baseline=names[0],
        created=max(run.date for run in runs),
        runs=tuple(map(compared_run, runs)),
        rows=tuple(adjusted),
        test=options.test,
        family=options.family,
        ranks=tuple(rank_runs(compared_units, names, adjusted, options)) if len(runs) > 2 else (),
        notes=(
            *(note for run in runs for note in run.notes),
            *notes,
            *more_notes,
            *weight_notes,
            *_too_few_resamples(rows, options),
        ),
    )


def _families_of_tests(compared: Sequence[Unit], options: ComparisonOptions) -> list[str | None]:
    """Return the family of tests of each unit; None if all rows are one family."""
    if options.family == "one":
        return [None] * len(compared)
    first: dict[str, FilteredMetric] = {}
    for cell in (cell for unit in compared for cell in unit.cells):
        first.setdefault(cell.task, (cell.metric, cell.filter))
    over_languages = {
        (unit.task, unit.cells[0].metric, unit.cells[0].filter) for unit in compared if unit.language == ALL
    }
    return [
        family_of_tests(
            cell.family if unit.language != ALL else unit.task,
            cell.metric,
            cell.filter,
            single_language=unit.language != ALL
            and (cell.family, cell.metric, cell.filter) in over_languages,
            first_metric=all(first[one.task] == (one.metric, one.filter) for one in unit.cells),
        )
        for unit in compared
        for cell in unit.cells[:1]
    ]


def _cells(runs: Sequence[Run], options: ComparisonOptions) -> tuple[list[Cell], list[str]]:
    """Match the runs and build a cell for each metric that can be compared."""
    matched, notes = match_runs(
        runs, options.allow_partial, wanted=options.metrics, allow_setup=options.allow_setup
    )
    chosen = choose_metrics(options.metrics, _metrics_of_any_run(matched))
    wanted = {part.task: _comparable_metrics(runs, part, chosen, notes) for part in matched}
    sibling_tasks = families({part.task: part.language for part in matched})
    clusters, cluster_notes = clusters_of(
        {part.task: part.items for part in matched}, sibling_tasks, options.cluster
    )
    cells, missing_notes = [], []
    for part in matched:
        infos = [run.tasks[part.task].info for run in runs]
        directions = {metric: higher_is_better(metric[0], infos) for metric in wanted[part.task]}
        notes += _other_directions(runs, part.task, {metric for metric, _ in directions})
        of_task, lost = cells_of(part, directions, sibling_tasks[part.task], clusters, wanted[part.task])
        cells += of_task
        missing_notes += lost
    notes += [*cluster_notes, *missing_notes]
    notes += [note for cell in cells if (note := _differs_from_results_file(runs, cell))]
    return cells, notes


def _other_directions(runs: Sequence[Run], task: str, metrics: Collection[str]) -> Iterator[str]:
    """Yield a note for each metric whose direction the results files of the runs tell differently."""
    for metric in sorted(metrics):
        told = [
            (run.name, directions[metric])
            for run in runs
            if metric in (directions := run.tasks[task].info.directions)
        ]
        if len({higher for _, higher in told}) > 1:
            words = ", ".join(f"{'higher' if higher else 'lower'} in {name}" for name, higher in told)
            yield f"{task}: the results files disagree on which {metric} is better ({words}); the first is believed"


def _metrics_of_any_run(matched: Sequence[MatchedTask]) -> set[FilteredMetric]:
    """Return all metrics, also those that one run lacks: `allow_partial` leaves these out."""
    return {
        metric
        for part in matched
        for entries in part.entries
        for entry in entries.values()
        for metric in entry.metrics
    }


def _comparable_metrics(
    runs: Sequence[Run], part: MatchedTask, chosen: Collection[FilteredMetric], notes: list[str]
) -> dict[FilteredMetric, Aggregation | None]:
    """Return the chosen metrics of a task that can be compared, and add a note on each of the others.

    A metric with an aggregation is neither a mean of its values nor a corpus metric.
    """
    comparable: dict[FilteredMetric, Aggregation | None] = {}
    for metric in part.metrics:
        if metric not in chosen:
            continue
        aggregation, reason = choose_aggregation(runs, part, metric)
        if reason is None:
            comparable[metric] = aggregation
        else:
            notes.append(f"{part.task}: {metric[0]},{metric[1]} is left out: {reason}")
    return comparable


def _differs_from_results_file(runs: Sequence[Run], cell: Cell) -> str | None:
    """Note that a corpus metric of complete runs is not what their results files say: another tokenizer, most likely."""
    if not cell.signature:
        return None
    differences = []
    for run, statistics in zip(runs, cell.statistics, strict=True):
        task = run.tasks[cell.task]
        reported = task.info.reported.get((cell.metric, cell.filter))
        computed = float(cell.score(statistics.sum(axis=0)))
        complete = task.complete and len(statistics) == sum(
            sample.filter == cell.filter for sample in task.samples
        )
        if (
            complete
            and reported is not None
            and not math.isclose(computed, reported, rel_tol=1e-4, abs_tol=1e-4)
        ):
            differences.append(f"{computed:.2f} and not {reported:.2f} for {run.name}")
    if not differences:
        return None
    return (
        f"{cell.task}: {cell.metric} is {', '.join(differences)}, as the results files count otherwise; "
        f"here it is {cell.signature}"
    )


def _too_few_resamples(rows: Sequence[Row], options: ComparisonOptions) -> list[str]:
    """Note that no row can be significant.

    A permutation p-value is at least 1 / (resamples + 1), and Holm multiplies the smallest by the rows of its family.
    """
    largest_family = max(Counter(row.family for row in rows).values())
    smallest = largest_family / (options.resamples + 1)
    drawn = any(row.test == "permutation" for row in rows)
    if options.correction != "holm" or smallest <= options.alpha or not drawn:
        return []
    return [
        f"over {largest_family} rows no drawn p-value can be significant: ask for resamples="
        f"{math.ceil(10 * largest_family / options.alpha)}, or name fewer metrics"
    ]
