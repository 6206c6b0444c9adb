"""`fusion-eval export --format table`: write the scores of runs as papers print them.

There is a table for each metric, filter and family of tasks, and for a judge's win rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fusion_eval.comparison.task_families import families
from fusion_eval.comparison.units import ALL
from fusion_eval.errors import ConfigError
from fusion_eval.exports.comparable import JUDGE, Comparisons, find_comparisons, is_judged
from fusion_eval.exports.subject import ExportedFiles, Subject, write_text
from fusion_eval.exports.table.captions import caption, footnotes, interval_text, tests_text
from fusion_eval.exports.table.grid import Column, Grid, Layout, TableCell, layouts
from fusion_eval.exports.table.marks import entries, sign
from fusion_eval.exports.table.rendering import as_latex, as_markdown
from fusion_eval.exports.table.scores import Measure, Scores, scores_of
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.reading import Run


def write_tables(subject: Subject, folder: Path) -> ExportedFiles:
    """Write `table.md` and `table.tex` to `folder`.

    Raises:
        ConfigError: The runs have no number, or a file cannot be written.
    """
    comparisons = find_comparisons(subject)
    grids = _grids(subject.runs, comparisons)
    if not grids:
        raise ConfigError(
            f"{subject.path} has no number to put into a table: no results file beside its samples has a score"
        )
    reason = comparisons.why_not_comparable
    notes = footnotes(subject.runs, comparisons.metrics or comparisons.judged, reason)
    paths = (
        write_text(folder, "table.md", as_markdown(grids, notes)),
        write_text(folder, "table.tex", as_latex(grids, notes)),
    )
    return ExportedFiles(paths, (f"Not compared: {reason}",) if reason else ())


def _grids(runs: Sequence[Run], comparisons: Comparisons) -> list[Grid]:
    """Return the tables in the order of the results files, and then the judge's."""
    scores = scores_of(runs, comparisons.metrics)
    sibling_tasks = families(_languages(runs))
    grids = [
        _grid(scores, layout, measure, comparisons.metrics, _direction(scores, runs, measure, tasks))
        for measure, tasks in scores.measures().items()
        if not measure[0].startswith(JUDGE)
        for layout in layouts(tasks, sibling_tasks)
    ]
    return grids + (_judge_grids(comparisons.judged, runs) if comparisons.judged else [])


def _grid(
    scores: Scores, layout: Layout, measure: Measure, comparison: Comparison | None, better: bool | None
) -> Grid:
    values = [scores.value(name, column, measure) for name in scores.systems for column in layout.columns]
    # Scores from 0 to 1 need more digits than those from 0 to 100.
    digits = 1 if any(value is not None and abs(value) > 1 for value in values) else 3
    columns = [entries(scores, column, measure, better, digits) for column in layout.columns]
    lines = [(name, tuple(column.get(name) for column in columns)) for name in scores.systems]
    has_best_group = any(entry and entry.in_best_group for _, line in lines for entry in line)
    spread = any(entry and entry.spread for _, line in lines for entry in line)
    direction = {True: "higher is better", False: "lower is better", None: "no better direction"}[better]
    metric = measure[0] if measure[1] == "none" else f"{measure[0]}, filter {measure[1]}"
    return Grid(
        f"{layout.name}: {metric} ({direction}{', ± standard error' if spread else ''})",
        tuple(column.label for column in layout.columns),
        tuple(lines),
        tuple(caption(scores, layout, measure, comparison, digits, has_best_group=has_best_group)),
    )


def _direction(scores: Scores, runs: Sequence[Run], measure: Measure, tasks: Sequence[str]) -> bool | None:
    """Return whether higher is better; None if every task says that the metric has no better direction."""
    infos = [run.tasks[task].info for task in tasks for run in runs if task in run.tasks]
    if infos and all(measure[0] in info.undirected for info in infos):
        return None
    return scores.higher_is_better(measure)


def _judge_grids(comparison: Comparison, runs: Sequence[Run]) -> list[Grid]:
    by_metric: dict[str, list[Row]] = {}
    for row in filter(is_judged, comparison.rows):
        by_metric.setdefault(row.metric, []).append(row)
    languages = _languages(runs)
    grids = []
    for rows in by_metric.values():
        judged = {row.task: row.language for row in rows if row.language != ALL}
        sibling_tasks = families(languages | judged)
        grids += [_judge_grid(comparison, rows, layout) for layout in layouts(list(judged), sibling_tasks)]
    return grids


def _languages(runs: Sequence[Run]) -> dict[str, str | None]:
    return {task: part.language for run in runs for task, part in run.tasks.items()}


def _judge_grid(comparison: Comparison, rows: Sequence[Row], layout: Layout) -> Grid:
    by_pair = {(row.baseline, row.candidate, row.task, row.language == ALL): row for row in rows}
    pairs = dict.fromkeys((row.baseline, row.candidate) for row in rows)
    lines = tuple(
        (
            f"{candidate} against {baseline}",
            tuple(_win_rate(by_pair, baseline, candidate, column) for column in layout.columns),
        )
        for baseline, candidate in pairs
    )
    return Grid(
        f"{layout.name}: win rate by {rows[0].metric} (ties count half), with its interval",
        tuple(column.label for column in layout.columns),
        lines,
        tuple(_judge_caption(comparison, rows)),
    )


def _win_rate(
    by_pair: Mapping[tuple[str, str, str, bool], Row], baseline: str, candidate: str, column: Column
) -> TableCell | None:
    row = by_pair.get((baseline, candidate, column.task, column.mean))
    if row is None:
        return None
    return TableCell(
        f"{row.win_rate:.1%}",
        f"[{100 * row.win_rate_low:.1f}, {100 * row.win_rate_high:.1f}]",
        sign=sign(row),
    )


def _judge_caption(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    tests, intervals = tests_text(comparison, rows), interval_text(comparison, rows)
    sentences = [
        f"*: differs (+ in favour of the system that is named first, - of the other): {tests}; {intervals}."
    ]
    if judging := comparison.judging:
        judges = ", ".join(judge.name for judge in judging.judges)
        sentences.append(f"Judge: {judges}; prompt {judging.template}, orders: {judging.swap}.")
        sentences += [
            f"{run.name} against {judging.opponent}: {run.win_rate:.1%} [{100 * run.low:.1f}, {100 * run.high:.1f}] of {run.n:,}."
            for run in judging.against
        ]
    return sentences
