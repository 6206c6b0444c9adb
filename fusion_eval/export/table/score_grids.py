"""The tables of one subject: a grid for each metric, filter and family of tasks, and one of a judge's win rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fusion_eval.compare.task_families import families
from fusion_eval.compare.units import ALL
from fusion_eval.export.comparable import JUDGE, Compared, is_judged
from fusion_eval.export.table.captions import caption, interval_name, method
from fusion_eval.export.table.grid import Column, Entry, Grid, Layout, layouts
from fusion_eval.export.table.marks import entries, sign
from fusion_eval.export.table.scores import Measure, Scores, scores_of
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.reading import Run


def grids(runs: Sequence[Run], compared: Compared) -> list[Grid]:
    """In the order of the results files; those of a judge last."""
    scores = scores_of(runs, compared.metrics)
    sisters = families(_languages(runs))
    found = [
        _grid(scores, layout, measure, compared.metrics, _direction(scores, runs, measure, tasks))
        for measure, tasks in scores.measures().items()
        if not measure[0].startswith(JUDGE)
        for layout in layouts(tasks, sisters)
    ]
    return found + (_judge_grids(compared.judged, runs) if compared.judged else [])


def _grid(
    scores: Scores, layout: Layout, measure: Measure, comparison: Comparison | None, better: bool | None
) -> Grid:
    values = [scores.value(name, column, measure) for name in scores.systems for column in layout.columns]
    # Scores from 0 to 1 need more digits than those from 0 to 100.
    digits = 1 if any(value is not None and abs(value) > 1 for value in values) else 3
    columns = [entries(scores, column, measure, better, digits) for column in layout.columns]
    lines = [(name, tuple(column.get(name) for column in columns)) for name in scores.systems]
    alike = any(entry and entry.alike for _, line in lines for entry in line)
    spread = any(entry and entry.spread for _, line in lines for entry in line)
    direction = {True: "higher is better", False: "lower is better", None: "no better end"}[better]
    metric = measure[0] if measure[1] == "none" else f"{measure[0]}, filter {measure[1]}"
    return Grid(
        f"{layout.name}: {metric} ({direction}{', ± standard error' if spread else ''})",
        tuple(column.label for column in layout.columns),
        tuple(lines),
        tuple(caption(scores, layout, measure, comparison, digits, alike=alike)),
    )


def _direction(scores: Scores, runs: Sequence[Run], measure: Measure, tasks: Sequence[str]) -> bool | None:
    """None where every task says that the metric has no better end."""
    infos = [run.tasks[task].info for task in tasks for run in runs if task in run.tasks]
    if infos and all(measure[0] in info.undirected for info in infos):
        return None
    return scores.higher_is_better(measure)


def _judge_grids(comparison: Comparison, runs: Sequence[Run]) -> list[Grid]:
    by_metric: dict[str, list[Row]] = {}
    for row in filter(is_judged, comparison.rows):
        by_metric.setdefault(row.metric, []).append(row)
    languages = _languages(runs)
    made = []
    for rows in by_metric.values():
        said = {row.task: row.language for row in rows if row.language != ALL}
        sisters = families(languages | said)
        made += [_judge_grid(comparison, rows, layout) for layout in layouts(list(said), sisters)]
    return made


def _languages(runs: Sequence[Run]) -> dict[str, str | None]:
    return {task: part.language for run in runs for task, part in run.tasks.items()}


def _judge_grid(comparison: Comparison, rows: Sequence[Row], layout: Layout) -> Grid:
    found = {(row.baseline, row.candidate, row.task, row.language == ALL): row for row in rows}
    pairs = dict.fromkeys((row.baseline, row.candidate) for row in rows)
    lines = tuple(
        (
            f"{candidate} against {baseline}",
            tuple(_win(found, baseline, candidate, column) for column in layout.columns),
        )
        for baseline, candidate in pairs
    )
    return Grid(
        f"{layout.name}: win rate by {rows[0].metric} (ties count half), with its interval",
        tuple(column.label for column in layout.columns),
        lines,
        tuple(_judge_words(comparison, rows)),
    )


def _win(
    found: Mapping[tuple[str, str, str, bool], Row], baseline: str, candidate: str, column: Column
) -> Entry | None:
    row = found.get((baseline, candidate, column.task, column.mean))
    if row is None:
        return None
    return Entry(
        f"{row.win_rate:.1%}",
        f"[{100 * row.win_rate_low:.1f}, {100 * row.win_rate_high:.1f}]",
        sign=sign(row),
    )


def _judge_words(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    said = [
        f"*: differs (+ in favour of the first named, - of the other): {method(comparison, rows)}; {interval_name(comparison, rows)}."
    ]
    if judging := comparison.judging:
        judges = ", ".join(judge.name for judge in judging.judges)
        said.append(f"Judge: {judges}; prompt {judging.template}, orders: {judging.swap}.")
        said += [
            f"{one.name} against {judging.opponent}: {one.win_rate:.1%} [{100 * one.low:.1f}, {100 * one.high:.1f}] of {one.n:,}."
            for one in judging.against
        ]
    return said
