"""A comparison to read: in a terminal, as Markdown, as CSV. Drawn from `comparison.json` alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields

from fusion_eval.report.judging_tables import drawn
from fusion_eval.report.text_table import decimals, text_table
from fusion_eval.runs.comparison import Comparison, RankedRun, Row, to_json
from fusion_eval.text.markdown import escaped, escaped_table
from fusion_eval.text.printable import printable

_NAMES = 3  # columns of words before the numbers
_LEGEND = (
    "↓: lower is better; n: items/independent clusters; delta: candidate - baseline, with its {confidence:g}% interval ({interval})",
    "p: of the test named; p adj: adjusted over all {rows} rows ({correction}), * at most {alpha:g}",
    "win: the candidate's, ties count half; detects: the smallest true delta that so many items find with 80% power;",
    "needs: the items that would find this delta with 80% power (both for one test at {alpha:g})",
)
_SHARED_LETTER = "runs that share a letter cannot be told apart at the p adj above, in which the other pairs of runs are counted too"


def as_text(comparison: Comparison, rows: Sequence[Row] | None = None) -> str:
    """For a terminal: all rows, or those given; ranks, notes."""
    shown = comparison.rows if rows is None else rows
    parts = [
        text_table(_head(comparison), _lines(comparison, shown), left=_names(comparison)),
        _legend(comparison),
    ]
    if ranks := _rank_lines(comparison):
        parts.append(text_table(_RANK_HEAD, ranks, left=4))
        parts.append(_SHARED_LETTER)
    parts += drawn(comparison, text_table)
    parts += [printable(f"note: {note}") for note in _notes(comparison, shown)]
    return "\n".join(parts)


def as_markdown(comparison: Comparison, rows: Sequence[Row] | None = None) -> str:
    """The same tables for a pull request or a README."""
    shown = comparison.rows if rows is None else rows
    parts = [
        escaped_table(_head(comparison), _lines(comparison, shown), _names(comparison)),
        _legend(comparison),
    ]
    if ranks := _rank_lines(comparison):
        parts.append(escaped_table(_RANK_HEAD, ranks, 4))
        parts.append(_SHARED_LETTER)
    parts += drawn(comparison, escaped_table)
    if notes := _notes(comparison, shown):
        parts.append("\n".join(f"- {escaped(note)}" for note in notes))
    return "\n\n".join(parts)


def as_csv(comparison: Comparison) -> str:
    """Every field of every row, under its name in `comparison.json`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    for row in comparison.rows:
        values = asdict(row)
        writer.writerow(
            {name: printable(value) if isinstance(value, str) else value for name, value in values.items()}
        )
    return text.getvalue().rstrip("\n")


def _systems(comparison: Comparison) -> list[str]:
    """Which of a row's two systems need a column of their own: those that differ from row to row."""
    baselines = {row.baseline for row in comparison.rows}
    candidates = {row.candidate for row in comparison.rows}
    return [*(["baseline"] if len(baselines) > 1 else []), *(["candidate"] if len(candidates) > 1 else [])]


def _names(comparison: Comparison) -> int:
    return _NAMES + len(_systems(comparison))


def _head(comparison: Comparison) -> list[str]:
    systems = _systems(comparison)
    names = ["task", "lang", "metric", *systems]
    values = [
        "of baseline" if "baseline" in systems else comparison.baseline,
        "value" if "candidate" in systems else comparison.rows[0].candidate,
    ]
    return [*names, "n", *values, "delta", "test", "p", "p adj", "", "win", "w/t/l", "detects", "needs"]


def _lines(comparison: Comparison, rows: Sequence[Row]) -> list[list[str]]:
    systems = _systems(comparison)
    filters = {(row.task, row.language, row.metric): set[str]() for row in comparison.rows}
    for row in comparison.rows:
        filters[row.task, row.language, row.metric].add(row.filter)
    return [_line(row, systems, len(filters[row.task, row.language, row.metric]) > 1) for row in rows]


def _line(row: Row, systems: Sequence[str], filtered: bool) -> list[str]:
    digits = decimals(row.baseline_value, row.candidate_value)
    interval = "" if row.ci_low is None else f" [{row.ci_low:+.{digits}f}, {row.ci_high:+.{digits}f}]"
    return [
        row.task,
        row.language or "-",
        (f"{row.metric},{row.filter}" if filtered else row.metric) + ("" if row.higher_is_better else " ↓"),
        *(getattr(row, system) for system in systems),
        f"{row.n:,}" + (f"/{row.clusters:,}" if row.clusters != row.n else ""),
        f"{row.baseline_value:.{digits}f}",
        f"{row.candidate_value:.{digits}f}",
        f"{row.delta:+.{digits}f}{interval}",
        row.test,
        _p(row.p_value),
        _p(row.p_adjusted),
        "*" if row.significant else "",
        f"{row.win_rate:.0%} [{100 * row.win_rate_low:.0f}, {100 * row.win_rate_high:.0f}]",
        f"{row.wins}/{row.ties}/{row.losses}",
        "-" if row.minimal_detectable_effect is None else f"{row.minimal_detectable_effect:.{digits}f}",
        "-" if row.items_needed is None else f"{row.items_needed:,}",
    ]


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}"


_RANK_HEAD = ["task", "lang", "metric", "run", "value", "rank", "group"]


def _rank_lines(comparison: Comparison) -> list[list[str]]:
    return [_rank_line(place) for place in comparison.ranks]


def _rank_line(place: RankedRun) -> list[str]:
    digits = decimals(place.value)
    metric = place.metric if place.filter == "none" else f"{place.metric},{place.filter}"
    value = f"{place.value:.{digits}f}"
    return [place.task, place.language or "-", metric, place.run, value, str(place.rank), place.groups]


def _legend(comparison: Comparison) -> str:
    return "\n".join(_LEGEND).format(
        confidence=100 * (1 - comparison.alpha),
        interval=comparison.interval + " bootstrap" if not _stopped_early(comparison) else "anytime-valid",
        rows=len(comparison.rows),
        correction=comparison.correction,
        alpha=comparison.alpha,
    )


def _stopped_early(comparison: Comparison) -> bool:
    return any(row.test == "sequential" for row in comparison.rows)


def _notes(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    of_rows = [f"{row.task}, {row.metric}, {row.candidate}: {row.note}" for row in rows if row.note]
    return [*dict.fromkeys((*comparison.notes, *of_rows))]


VIEWS: Mapping[str, Callable[[Comparison], str]] = {
    "table": as_text,
    "md": as_markdown,
    "json": lambda comparison: to_json(comparison).decode().rstrip("\n"),
    "csv": as_csv,
}
"""By the name of `--format`."""
