"""The rows and ranks of a comparison by metrics, computed again from the runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from fusion_eval.compare.compare import compare
from fusion_eval.compare.matching import match_runs
from fusion_eval.compare.metrics import why_not_comparable
from fusion_eval.compare.units import ALL
from fusion_eval.errors import ConfigError
from fusion_eval.export.bundle.findings import Findings
from fusion_eval.export.bundle.recomputed import compare_ranks, compare_rows, settings_of
from fusion_eval.export.comparable import JUDGE, POOL_RUNS, is_judged
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.reading import Run


def verify_metrics(comparison: Comparison, runs: Sequence[Run], findings: Findings) -> None:
    """Rows against a baseline of pools can only be noted: it takes the tasks to score the candidates."""
    rows = [row for row in comparison.rows if not is_judged(row)]
    ranks = [rank for rank in comparison.ranks if not rank.metric.startswith(JUDGE)]
    names = [run.name for run in comparison.runs]
    baseline = names[0]
    findings.compare("comparison: baseline", comparison.baseline, baseline)
    known = [run for name in names for run in runs if run.name == name]
    if baseline in POOL_RUNS and baseline not in {run.name for run in known}:
        compare_rows([row for row in rows if row.baseline != baseline], (), (), findings)
        mine = sum(row.baseline == baseline for row in rows)
        findings.leave(
            f"comparison: {baseline} is of no run here, and the rows against it are not computed again",
            mine + len(ranks),
        )
        return
    try:
        again = _again(comparison, rows, known, findings)
    except (ConfigError, ValueError) as error:  # numbers that nothing can be computed with
        findings.differences.append(f"comparison: it cannot be computed again: {error}")
        return
    compare_rows(rows, again.rows, ("note",), findings)
    compare_ranks(ranks, again.ranks, findings)


def _again(
    comparison: Comparison, rows: Sequence[Row], runs: Sequence[Run], findings: Findings
) -> Comparison:
    """Of the metrics and tasks that the rows are of; notes name the others."""
    if len(runs) < 2:
        raise ConfigError("it is of fewer than two runs here")
    stated = {(row.task, row.metric, row.filter) for row in rows}
    bare = [_unreported(run, stated) for run in runs]
    metrics = tuple(dict.fromkeys(row.metric for row in rows))
    scored = _scored(bare)
    for metric in sorted({metric for _, metric in scored} - set(metrics)):
        findings.notes.append(f"comparison: {metric}, which the samples have, is not compared")
    with_rows = {row.task for row in rows if row.language != ALL}
    absent = sorted({task for task, metric in scored if metric in metrics} - with_rows)
    if absent:
        findings.notes.append(f"comparison: tasks that the runs have are not compared: {', '.join(absent)}")
    return compare([_without(run, absent) for run in bare], settings_of(comparison, rows, metrics))


def _scored(runs: Sequence[Run]) -> set[tuple[str, str]]:
    """(Task, metric) of all that could be compared."""
    matched, _ = match_runs(runs, allow_partial=True)
    return {
        (part.task, metric[0])
        for part in matched
        for metric in part.metrics
        if not why_not_comparable(runs, part, metric)
    }


def _without(run: Run, tasks: Collection[str]) -> Run:
    return replace(run, tasks={name: part for name, part in run.tasks.items() if name not in tasks})


def _unreported(run: Run, stated: Collection[tuple[str, str, str]]) -> Run:
    """Without what the results file says of metrics that have rows: it is checked by itself, and must not hide a change here."""
    tasks = {}
    for name, part in run.tasks.items():
        kept = {key: value for key, value in part.info.reported.items() if (name, *key) not in stated}
        tasks[name] = replace(part, info=replace(part.info, reported=kept))
    return replace(run, tasks=tasks)
