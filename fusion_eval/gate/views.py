"""Show a check: as a table, as Markdown for a pull request, or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from fusion_eval.gate.result import CheckedRow, CheckResult, summary
from fusion_eval.report.text_table import decimals, text_table
from fusion_eval.text.escaping import escaped, escaped_table, visible_json
from fusion_eval.text.printable import terminal_line

MARK = "<!-- fusion-eval check -->"
"""A bot finds its earlier comment by this mark."""
_LONGEST = 65_000
"""Characters. A comment on GitHub may have 65,536."""
_TEXT_COLUMNS = 3
_HEAD = (
    *("task", "lang", "metric", "n", "baseline", "candidate", "delta", "loss at most", "margin"),
    *("p not worse", "p worse", "verdict", "detects", "needs"),
)
_LEGEND = (
    "↓: lower is better; n: items/independent clusters; loss at most: the largest loss that fits the sample, at {confidence:g}%",
    "p not worse: p-value of a loss of the margin or more; p worse: of a loss of the margin at most, Holm-adjusted over "
    "{rows} rows; alpha {alpha:g}",
    "detects: the smallest true loss that so many items show as a regression with 80% power; needs: the items that would decide",
)


def as_text(result: CheckResult) -> str:
    """Return the check as a table for a terminal."""
    parts = [text_table(_HEAD, [row_cells(row) for row in result.rows], left=_TEXT_COLUMNS), _legend(result)]
    parts += [terminal_line(f"note: {note}") for note in all_notes(result)]
    return "\n".join([*parts, terminal_line(headline(result))])


def as_markdown(result: CheckResult) -> str:
    """Return the check as a comment for a pull request.

    The rows that did not pass are visible. All rows are in a part that can be unfolded. A result that is too long for a
    comment loses parts until it fits.
    """
    visible = [row for row in result.rows if row.verdict != "pass"]
    head = [MARK, f"### {escaped(headline(result))}"]
    folded = (
        f"<details><summary>All {len(result.rows)} rows</summary>\n\n{_markdown_table(result.rows)}\n\n"
        f"{_legend(result)}\n\n</details>"
    )
    notes = "\n".join(f"- {escaped(note)}" for note in all_notes(result))
    for parts in (
        [*([_markdown_table(visible)] if visible else []), folded, *([notes] if notes else [])],
        [_markdown_table(visible), _legend(result)] if visible else [],
    ):
        text = "\n\n".join([*head, *parts])
        if len(text) <= _LONGEST:
            return text
    return "\n\n".join([*head, f"{len(visible):,} rows did not pass, too many to show here"])


def as_json(result: CheckResult) -> str:
    """Return every field of the check as JSON."""
    return visible_json(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())


def headline(result: CheckResult) -> str:
    """Return the result in one line: `fusion against main.json.gz: no regression: …`."""
    return f"{result.candidate.name} against {result.baseline.name}: {summary(result)}"


def all_notes(result: CheckResult) -> list[str]:
    """Return the notes on the whole check, then those on its rows."""
    on_rows = [f"{row.task}, {row.metric}: {row.note}" for row in result.rows if row.note]
    return [*dict.fromkeys((*result.notes, *on_rows))]


def row_cells(row: CheckedRow) -> list[str]:
    """Return the cells of a row, in the order of the table's columns."""
    digits = decimals(row.baseline_value, row.candidate_value, row.margin)
    metric = row.metric if row.filter == "none" else f"{row.metric},{row.filter}"
    return [
        row.task,
        row.language or "-",
        metric + ("" if row.higher_is_better else " ↓"),
        f"{row.n:,}" + (f"/{row.clusters:,}" if row.clusters != row.n else ""),
        f"{row.baseline_value:.{digits}f}",
        f"{row.candidate_value:.{digits}f}",
        "unchanged" if row.unchanged else f"{row.delta:+.{digits}f}",
        "-" if row.largest_loss is None else f"{row.largest_loss:.{digits}f}",
        f"{row.margin:.{digits}f}",
        "-" if row.unchanged else _p_value(row.p_not_worse),
        "-" if row.unchanged else _p_value(row.p_worse_adjusted),
        row.verdict if row.verdict != "regression" else "REGRESSION",
        "-" if row.detects is None else f"{row.detects:.{digits}f}",
        "-" if row.items_needed is None else f"{row.items_needed:,}",
    ]


def describe_row(row: CheckedRow) -> str:
    """Return a row as a sentence: `exact_match went from 0.8000 to 0.7700 (-0.0300), and the margin is 0.0100: …`."""
    cells = dict(zip(_HEAD, row_cells(row), strict=True))
    change = (
        f"{cells['metric']} went from {cells['baseline']} to {cells['candidate']} ({cells['delta']}), "
        f"and the margin is {cells['margin']}"
    )
    if row.verdict == "regression":
        return f"{change}: a loss beyond it is shown (p {cells['p worse']})"
    if row.verdict == "inconclusive":
        at_most = "" if row.largest_loss is None else f" (it may be {cells['loss at most']})"
        needs = "" if row.items_needed is None else f"; about {cells['needs']} would decide"
        return f"{change}: {row.n:,} items do not tell whether the loss is smaller{at_most}{needs}"
    return change


def _p_value(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}"


def _markdown_table(rows: Sequence[CheckedRow]) -> str:
    return escaped_table(_HEAD, [row_cells(row) for row in rows], _TEXT_COLUMNS)


def _legend(result: CheckResult) -> str:
    return "\n".join(_LEGEND).format(
        confidence=100 * (1 - result.alpha), rows=len(result.rows), alpha=result.alpha
    )


VIEWS: Mapping[str, Callable[[CheckResult], str]] = {"table": as_text, "md": as_markdown, "json": as_json}
"""The views by the values of `--format`."""
