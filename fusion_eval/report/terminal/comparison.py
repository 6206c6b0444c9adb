"""Draw a comparison for a terminal: the finding, then its rows with a forest plot, what is significant first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.text import Text

from fusion_eval.report.comparison_table import blocks, difference, notes_of, p_value
from fusion_eval.report.finding import finding, improves, significant_first
from fusion_eval.report.terminal.forest import ASCII, LEAST, MOST, UNICODE, forest_line, scales
from fusion_eval.report.terminal.screen import (
    BETTER,
    GAP,
    QUIET,
    WORSE,
    Column,
    drawn,
    finding_text,
    paragraph,
    shortened,
    table_of,
    tables_of,
    text,
    width_of,
)
from fusion_eval.report.text_table import Table, decimals, metric_name
from fusion_eval.runs.comparison import Comparison, Row, adjustment

_SPARED = ("win", "value", "baseline value", "n")
"""Columns that a narrow terminal does not show, the first to go first. `--wide` shows all."""
_NARROWEST_NAME = 12


def comparison_view(comparison: Comparison, console: Console, rows: Sequence[Row] | None = None) -> str:
    """Return a comparison as a text that is no wider than the console.

    Args:
        comparison: The comparison.
        console: Says how wide the text may be, and whether it has colours.
        rows: The rows to show; all by default.
    """
    shown = significant_first(comparison.rows if rows is None else rows)
    parts: list[RenderableType] = [finding_text(finding(comparison), console), ""]
    if caption := _caption(shown):
        parts.append(text(caption, QUIET))
    columns = _fitted_columns(shown, console)
    significant = sum(row.significant for row in shown)
    parts.append(table_of(list(columns.values()), [significant - 1] if significant else []))
    parts.append(text(_legend(comparison, shown, columns), QUIET))
    for block in blocks(comparison, shown)[2:]:  # after the full table of rows and its legend
        parts += (
            ["", *tables_of(block, console.width)] if isinstance(block, Table) else [paragraph(block, QUIET)]
        )
    parts += [text(f"note: {note}") for note in notes_of(comparison, shown)]
    return drawn(console, parts)


def _caption(rows: Sequence[Row]) -> str:
    """Return what all rows have in common, and so has no column."""
    systems = [
        next(iter(names)) if len(names) == 1 else several
        for names, several in (
            ({row.candidate for row in rows}, "each run"),
            ({row.baseline for row in rows}, "its baseline"),
        )
    ]
    metrics = {_metric(row) for row in rows}
    where = f" on {min((row.task for row in rows), key=len)}" if _languages_name_rows(rows) else ""
    by = f", by {metrics.pop()}" if len(metrics) == 1 else ""
    return f"{systems[0]} against {systems[1]}{where}{by}"


def _languages_name_rows(rows: Sequence[Row]) -> bool:
    """Return whether rows are languages of one task, so that their languages say what their tasks' names say."""
    named = {(row.language, row.metric, row.filter, row.baseline, row.candidate) for row in rows}
    start = min((row.task for row in rows), key=len)
    return (
        1 < len(named) == len(rows)
        and all(row.language for row in rows)
        and all(row.task.startswith(start) for row in rows)
    )


def _metric(row: Row) -> str:
    return metric_name(row.metric, row.filter) + ("" if row.higher_is_better else " ↓")


def _fitted_columns(rows: Sequence[Row], console: Console) -> dict[str, Column]:
    """Return as many columns as fit, with the plot of the differences if there is room for it."""
    columns = _columns(rows)
    for name in _SPARED:
        if width_of(list(columns.values())) + GAP + LEAST > console.width:
            del columns[name]
    free = console.width - width_of(list(columns.values())) - GAP
    if free + GAP < 0:
        columns = _with_shorter_names(columns, -free - GAP)
    elif free >= LEAST:
        columns = _with_plot(columns, rows, min(MOST, free - (free + 1) % 2), console)
    return columns


def _with_shorter_names(columns: dict[str, Column], excess: int) -> dict[str, Column]:
    """Return the columns with the longest of the names cut, so that numbers never are."""
    names = [name for name in ("task", "metric", "baseline", "candidate") if name in columns]
    longest = max(names, key=lambda name: columns[name].width, default=None)
    if longest is None or columns[longest].width - excess < _NARROWEST_NAME:
        return columns
    return columns | {longest: shortened(columns[longest], columns[longest].width - excess)}


def _columns(rows: Sequence[Row]) -> dict[str, Column]:
    """Return the columns by their name. A name that is the same in all rows is left out, if another says more."""

    def distinct(read: str) -> bool:
        return len({getattr(row, read) for row in rows}) > 1

    def column(head: str, cells: Sequence[str], right: bool = True, styled: bool = False) -> Column:
        styles = map(_style, rows) if styled else [""] * len(rows)
        return Column(head, [text(cell, style) for cell, style in zip(cells, styles, strict=True)], right)

    columns = {}
    if not _languages_name_rows(rows):
        columns["task"] = column("task", [row.task for row in rows], right=False)
    if any(row.language for row in rows):
        columns["lang"] = column("lang", [row.language or "-" for row in rows], right=False)
    if len({_metric(row) for row in rows}) > 1:
        columns["metric"] = column("metric", [_metric(row) for row in rows], right=False)
    for name in ("baseline", "candidate"):
        if distinct(name):
            columns[name] = column(name, [getattr(row, name) for row in rows], right=False)
    digits = [decimals(row.baseline_value, row.candidate_value) for row in rows]
    base = "of baseline" if distinct("baseline") else rows[0].baseline
    value = "value" if distinct("candidate") else rows[0].candidate
    values = [(row.baseline_value, row.candidate_value) for row in rows]
    return columns | {
        "n": column("n", [_items(row) for row in rows]),
        "baseline value": column(base, [f"{one:.{places}f}" for (one, _), places in zip(values, digits, strict=True)]),
        "value": column(value, [f"{one:.{places}f}" for (_, one), places in zip(values, digits, strict=True)]),
        "delta": column("delta", [difference(row) for row in rows], styled=True),
        "p adj": column("p adj", [p_value(row.p_adjusted) for row in rows]),
        "sign": column("", [_sign(row) for row in rows], right=False, styled=True),
        "win": column("win", [f"{row.win_rate:.0%}" for row in rows]),
    }  # fmt: skip


def _with_plot(
    columns: dict[str, Column], rows: Sequence[Row], width: int, console: Console
) -> dict[str, Column]:
    """Return the columns with a forest plot after the differences."""
    signs = ASCII if console.options.ascii_only else UNICODE
    scale = scales(rows)
    cells = [
        Text(forest_line(row, scale[row.metric, row.filter], width, signs), style=_style(row)) for row in rows
    ]
    plotted: dict[str, Column] = {}
    for name, column in columns.items():
        plotted[name] = column
        if name == "delta":
            plotted["plot"] = Column(f"{'0':^{width}}", cells, right=False)
    return plotted


def _items(row: Row) -> str:
    return f"{row.n:,}" + (f"/{row.clusters:,}" if row.clusters != row.n else "")


def _style(row: Row) -> str:
    return "" if not row.significant else BETTER if improves(row) else WORSE


def _sign(row: Row) -> str:
    return "*" if row.significant else ""


def _legend(comparison: Comparison, rows: Sequence[Row], columns: dict[str, Column]) -> str:
    """Return what the columns that are shown mean."""
    stopped_early = any(row.test == "sequential" for row in rows)
    interval = "anytime-valid" if stopped_early else f"{comparison.interval} bootstrap"
    several_metrics = len({(row.metric, row.filter) for row in rows}) > 1
    parts = [
        "n: items/independent clusters" * any(row.clusters != row.n for row in rows),
        f"delta: candidate - baseline, with its {100 * (1 - comparison.alpha):g}% interval ({interval})",
        ("drawn around 0" + ", on one scale for each metric" * several_metrics) * ("plot" in columns),
        "↓: lower is better" * any(not row.higher_is_better for row in rows),
        f"p adj: adjusted {adjustment(comparison)}, * at most {comparison.alpha:g}",
        "win: the candidate's items, ties count half" * ("win" in columns),
    ]
    return "; ".join(filter(None, parts)) + ". --wide shows every column"
