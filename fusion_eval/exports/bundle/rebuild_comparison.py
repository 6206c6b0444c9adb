"""Compute a comparison again from the runs and the verdicts of a bundle."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, get_args

import msgspec

from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.matching import match_runs
from fusion_eval.comparison.metrics import why_not_comparable
from fusion_eval.comparison.options import ComparisonOptions, Correction, FamilyRule, Test
from fusion_eval.comparison.units import ALL
from fusion_eval.errors import ConfigError
from fusion_eval.exports.bundle.differ import Differ, Exactly, by_name
from fusion_eval.exports.comparable import JUDGE, POOL_RUNS, is_judged, runs_outside
from fusion_eval.runs.comparison import Comparison, RankedRun, Row
from fusion_eval.runs.reading import Run

Name = TypeVar("Name", bound=str)
_REMOVED = {
    ("correction", "none"): ("p_adjusted", "significant", "groups"),
    ("test", "wilcoxon"): ("test", "p_value", "p_adjusted", "significant", "groups"),
    ("interval", "percentile"): ("ci_low", "ci_high", "ci_method"),
}
"""Options of older versions that are gone, with the fields of rows and ranks that they changed."""


def compare_comparison(comparison: Comparison, runs: Sequence[Run], differ: Differ) -> None:
    """Compare every number of a comparison, but for a judge's, with those that the runs give."""
    _compare_runs(comparison, runs, differ)
    if removed := fields_of_removed_options(comparison):
        differ.skip(
            f"comparison: made with an option that is gone, so {', '.join(removed)}", len(comparison.rows)
        )
    if not all(map(is_judged, comparison.rows)):
        _compare_metrics(comparison, runs, differ)
    kinds = {is_judged(row) for row in comparison.rows}
    orphans = [rank for rank in comparison.ranks if rank.metric.startswith(JUDGE) not in kinds]
    differ.compare("comparison: ranks", named(orphans), Exactly())


def options_of(
    comparison: Comparison, rows: Sequence[Row], metrics: tuple[str, ...] = ()
) -> ComparisonOptions:
    """Return the options that the rows were computed with.

    Raises:
        ConfigError: No comparison is made with such options.
    """
    _known(comparison, "interval", ("bca",))
    test: Test = _known(comparison, "test", get_args(Test))
    if test == "auto" and all(row.test != "mcnemar" for row in rows):
        test = "permutation"  # older files read as `auto`, whatever was asked for
    return ComparisonOptions(
        alpha=comparison.alpha,
        test=test,
        correction=_known(comparison, "correction", get_args(Correction)),
        resamples=comparison.resamples,
        seed=comparison.seed,
        cluster=comparison.cluster,
        allow_partial=True,
        metrics=metrics,
        family=_known(comparison, "family", get_args(FamilyRule)),
    )


def fields_of_removed_options(comparison: Comparison) -> tuple[str, ...]:
    """Return the fields of rows and ranks that were computed with an option of an older version."""
    removed = [fields for (option, value), fields in _REMOVED.items() if getattr(comparison, option) == value]
    return tuple(dict.fromkeys(name for fields in removed for name in fields))


def named(parts: Iterable[Row | RankedRun], without: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """Return rows or ranks as JSON, by what they are about, without notes and the fields in `without`."""
    return by_name((_name(part), _json(part, without)) for part in parts)


def _known(comparison: Comparison, option: str, values: tuple[Name, ...]) -> Name:
    """Return an option's value, or the first known one if the value is of an older version."""
    value = getattr(comparison, option)
    if value in values or (option, value) in _REMOVED:
        return next((known for known in values if known == value), values[0])
    raise ConfigError(f"its {option} is '{value}', not one of {', '.join(values)}")


def _name(part: Row | RankedRun) -> str:
    metric = part.metric if part.filter == "none" else f"{part.metric},{part.filter}"
    about = f"{metric} of {part.task} ({part.language})"
    return (
        f"{about}, {part.candidate} against {part.baseline}"
        if isinstance(part, Row)
        else f"{part.run} in {about}"
    )


def _json(part: Row | RankedRun, without: Collection[str]) -> dict[str, Any]:
    """Return the part as it is in a file, where a number that is not finite is null."""
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(part))
    return {name: value for name, value in content.items() if name != "note" and name not in without}


def _compare_runs(comparison: Comparison, runs: Sequence[Run], differ: Differ) -> None:
    """Compare the list of runs. Older files do not have all that is known of a run."""
    stated = [{"model": run.model, "date": run.date, "signature": run.signature} for run in comparison.runs]
    found = by_name(
        (run.name, {name: value for name, value in about.items() if value is not None})
        for run, about in zip(comparison.runs, stated, strict=True)
    )
    outside = runs_outside(comparison, [run.name for run in runs])
    expected: Exactly[Mapping[str, object]] = Exactly(
        {run.name: {} for run in comparison.runs if run.name not in outside}
    )
    for run in runs:
        expected[run.name] = {"model": run.model, "date": run.date or None, "signature": run.signature}
    differ.compare("comparison: runs", found, expected)
    differ.compare("comparison: created", comparison.created, max(run.date for run in runs))
    differ.compare("comparison: baseline", comparison.baseline, comparison.runs[0].name)


def _compare_metrics(comparison: Comparison, runs: Sequence[Run], differ: Differ) -> None:
    """Compare the rows of metrics. Rows against a baseline of pools need the tasks, to score the candidates."""
    rows = [row for row in comparison.rows if not is_judged(row)]
    ranks = [rank for rank in comparison.ranks if not rank.metric.startswith(JUDGE)]
    by_run = {run.name: run for run in runs}
    known = [by_run[name] for name in dict.fromkeys(run.name for run in comparison.runs) if name in by_run]
    baseline = comparison.runs[0].name
    if baseline in POOL_RUNS and baseline not in by_run:
        others = [row for row in rows if row.baseline != baseline]
        differ.compare("comparison: rows", named(others), Exactly())
        differ.skip(
            f"comparison: rows against {baseline}, which is no run of the bundle",
            len(rows) - len(others) + len(ranks),
        )
        return
    try:
        again = _compared_again(comparison, rows, known, differ)
    except (ConfigError, ValueError) as error:  # the file may hold any numbers
        differ.differences.append(f"comparison: it cannot be computed again: {error}")
        return
    removed = fields_of_removed_options(comparison)
    differ.compare("comparison: rows", named(rows), Exactly(named(again.rows, removed)))
    differ.compare("comparison: ranks", named(ranks), Exactly(named(again.ranks, removed)))


def _compared_again(
    comparison: Comparison, rows: Sequence[Row], runs: Sequence[Run], differ: Differ
) -> Comparison:
    """Compare the runs by the metrics and on the tasks that the rows are about. Note what the rows leave out."""
    if len(runs) < 2:
        raise ConfigError("it has fewer than two runs of the bundle")
    stated = {(row.task, row.metric, row.filter) for row in rows}
    bare = [_without_reported(run, stated) for run in runs]
    metrics = tuple(dict.fromkeys(row.metric for row in rows))
    matched, _ = match_runs(bare, allow_partial=True)
    scored = {
        (part.task, metric[0])
        for part in matched
        for metric in part.metrics
        if not why_not_comparable(bare, part, metric)
    }
    for metric in sorted({metric for _, metric in scored} - set(metrics)):
        differ.note(f"comparison: the samples also have {metric}, which is not compared")
    with_rows = {row.task for row in rows if row.language != ALL}
    absent = sorted({task for task, metric in scored if metric in metrics} - with_rows)
    if absent:
        differ.note(f"comparison: the runs also have tasks that are not compared: {', '.join(absent)}")
    kept = [
        replace(run, tasks={name: part for name, part in run.tasks.items() if name not in absent})
        for run in bare
    ]
    return compare(kept, options_of(comparison, rows, metrics))


def _without_reported(run: Run, stated: Collection[tuple[str, str, str]]) -> Run:
    """Return the run without the reported values of compared metrics: a forged value must not make them incomparable."""
    tasks = {}
    for name, part in run.tasks.items():
        kept = {key: value for key, value in part.info.reported.items() if (name, *key) not in stated}
        tasks[name] = replace(part, info=replace(part.info, reported=kept))
    return replace(run, tasks=tasks)
