"""Draw a comparison for a terminal, as Markdown, as CSV or as JSON. All views use `comparison.json` only."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields

from fusion_eval.report.judging_tables import judging_blocks
from fusion_eval.report.text_table import Table, decimals, metric_name, text_table
from fusion_eval.runs.comparison import JUDGE_FAMILY, Comparison, RankedRun, Row, adjustment
from fusion_eval.runs.versioned_file import to_json
from fusion_eval.text.escaping import csv_cell, escaped, escaped_table, visible_json
from fusion_eval.text.printable import terminal_line, terminal_text

_LEGEND = (
    "↓: lower is better; n: items/independent clusters; delta: candidate - baseline, with its {confidence:g}% interval ({interval})",
    "p: of the test named; p adj: adjusted {adjustment}, * at most {alpha:g}",
    "{families}win: the candidate's, ties count half; detects: the smallest true delta that so many items find with 80% power;",
    "needs: the items that would find this delta with 80% power (both for one test at {alpha:g})",
)
_FAMILIES = "family: primary (each task's first metric over its languages), languages (of one task and metric), secondary"
_FAMILY_OF_JUDGE = ", judge (its win rates)"
_NAMED_ROWS = 3
"""A note on more rows than these gives their number only."""
_SHARED_LETTER = "runs that share a letter do not differ significantly; p-values of pairs without the baseline are adjusted together with the rows above"


def as_text(comparison: Comparison, rows: Sequence[Row] | None = None) -> str:
    """Draw a comparison for a terminal: its rows (or only `rows`), ranks and notes."""
    shown = comparison.rows if rows is None else rows
    parts = [
        text_table(block.head, block.lines, block.text_columns)
        if isinstance(block, Table)
        else terminal_text(block)
        for block in blocks(comparison, shown)
    ]
    return "\n".join([*parts, *(terminal_line(f"note: {note}") for note in notes_of(comparison, shown))])


def as_markdown(comparison: Comparison, rows: Sequence[Row] | None = None) -> str:
    """Draw a comparison as Markdown, for a pull request or a README."""
    shown = comparison.rows if rows is None else rows
    parts = [
        escaped_table(block.head, block.lines, block.text_columns) if isinstance(block, Table) else block
        for block in blocks(comparison, shown)
    ]
    if notes := notes_of(comparison, shown):
        parts.append("\n".join(f"- {escaped(note)}" for note in notes))
    return "\n\n".join(parts)


def as_csv(comparison: Comparison) -> str:
    """Return every field of every row as CSV, under its name in `comparison.json`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    for row in comparison.rows:
        values = asdict(row)
        writer.writerow({name: csv_cell(value) for name, value in values.items()})
    return text.getvalue().rstrip("\n")


def as_json(comparison: Comparison) -> str:
    """Return the content of `comparison.json`."""
    return visible_json(to_json(comparison).decode().rstrip("\n"))


VIEWS: Mapping[str, Callable[[Comparison], str]] = {
    "table": as_text,
    "md": as_markdown,
    "json": as_json,
    "csv": as_csv,
}
"""The views by their name in `--format`."""


def blocks(comparison: Comparison, rows: Sequence[Row]) -> list[Table | str]:
    """Return the tables of a comparison, each with a text that explains its columns."""
    parts: list[Table | str] = [_row_table(comparison, rows), _legend(comparison)]
    if comparison.ranks:
        head = ["task", "lang", "metric", "run", "value", "rank", "group"]
        parts += [Table(head, [_rank_line(rank) for rank in comparison.ranks], 4), _SHARED_LETTER]
    return parts + judging_blocks(comparison)


def notes_of(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    """Return the notes on the comparison and on these rows, each once."""
    by_note: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for note in filter(None, (row.note or "").split("; ")):
            by_note[note].append(row)
    return [*dict.fromkeys((*comparison.notes, *map(_row_note, by_note, by_note.values())))]


def _row_note(note: str, rows: Sequence[Row]) -> str:
    """Return a note with the rows that it is about: each by name, or their number if there are many."""
    if len(rows) > _NAMED_ROWS:
        return f"{len(rows)} rows: {note}"
    names = [f"{row.task}, {metric_name(row.metric, row.filter)}, {row.candidate}" for row in rows]
    return f"{'; '.join(dict.fromkeys(names))}: {note}"


def _row_table(comparison: Comparison, rows: Sequence[Row]) -> Table:
    systems = _system_columns(comparison)
    names = ["task", "lang", "metric", *systems]
    head = [
        *names,
        "n",
        "of baseline" if "baseline" in systems else comparison.baseline,
        "value" if "candidate" in systems else comparison.rows[0].candidate,
        *("delta", "test", "p", "p adj", "", *(["family"] if _has_families(comparison) else [])),
        *("win", "w/t/l", "detects", "needs"),
    ]
    filters = {(row.task, row.language, row.metric): set[str]() for row in comparison.rows}
    for row in comparison.rows:
        filters[row.task, row.language, row.metric].add(row.filter)
    lines = [
        _line(row, systems, len(filters[row.task, row.language, row.metric]) > 1, _has_families(comparison))
        for row in rows
    ]
    return Table(head, lines, len(names))


def _has_families(comparison: Comparison) -> bool:
    return any(row.family for row in comparison.rows)


def _system_columns(comparison: Comparison) -> list[str]:
    """Return which of a row's two systems differ between rows and so need a column."""
    baselines = {row.baseline for row in comparison.rows}
    candidates = {row.candidate for row in comparison.rows}
    return [*(["baseline"] if len(baselines) > 1 else []), *(["candidate"] if len(candidates) > 1 else [])]


def _line(row: Row, systems: Sequence[str], show_filter: bool, show_family: bool) -> list[str]:
    digits = decimals(row.baseline_value, row.candidate_value)
    return [
        row.task,
        row.language or "-",
        (f"{row.metric},{row.filter}" if show_filter else row.metric)
        + ("" if row.higher_is_better else " ↓"),
        *(getattr(row, system) for system in systems),
        f"{row.n:,}" + (f"/{row.clusters:,}" if row.clusters != row.n else ""),
        f"{row.baseline_value:.{digits}f}",
        f"{row.candidate_value:.{digits}f}",
        difference(row),
        row.test,
        p_value(row.p_value),
        p_value(row.p_adjusted),
        "*" if row.significant else "",
        *([(row.family or "-").partition(" ")[0]] if show_family else []),
        f"{row.win_rate:.0%} [{100 * row.win_rate_low:.0f}, {100 * row.win_rate_high:.0f}]",
        f"{row.wins}/{row.ties}/{row.losses}",
        "-" if row.minimal_detectable_effect is None else f"{row.minimal_detectable_effect:.{digits}f}",
        "-" if row.items_needed is None else f"{row.items_needed:,}",
    ]


def _rank_line(ranked: RankedRun) -> list[str]:
    metric = metric_name(ranked.metric, ranked.filter)
    value = f"{ranked.value:.{decimals(ranked.value)}f}"
    return [ranked.task, ranked.language or "-", metric, ranked.run, value, str(ranked.rank), ranked.groups]


def _legend(comparison: Comparison) -> str:
    stopped_early = any(row.test == "sequential" for row in comparison.rows)
    families = ""
    if _has_families(comparison):
        judged = any(row.family == JUDGE_FAMILY for row in comparison.rows)
        families = f"{_FAMILIES}{_FAMILY_OF_JUDGE if judged else ''}\n"
    return "\n".join(_LEGEND).format(
        families=families,
        confidence=100 * (1 - comparison.alpha),
        interval="anytime-valid" if stopped_early else f"{comparison.interval} bootstrap",
        adjustment=adjustment(comparison),
        alpha=comparison.alpha,
    )


def difference(row: Row) -> str:
    """Format a row's difference with its interval: `+8.10 [+3.85, +12.77]`."""
    digits = decimals(row.baseline_value, row.candidate_value)
    interval = "" if row.ci_low is None else f" [{row.ci_low:+z.{digits}f}, {row.ci_high:+z.{digits}f}]"
    return f"{row.delta:+z.{digits}f}{interval}"


def p_value(value: float) -> str:
    """Format a p-value: `0.0034`, or `2e-05` if it is very small."""
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}"
