"""A check to read: in a terminal, as a comment for a pull request, as JSON. Drawn from `Checked` alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from fusion_eval.gate.result import Checked, CheckedRow, summary
from fusion_eval.report.text_table import decimals, text_table
from fusion_eval.text.escaping import escaped, escaped_table
from fusion_eval.text.printable import printable

MARK = "<!-- fusion-eval check -->"
"""By which a bot finds the comment that it wrote before."""
_LONGEST = 65_000
"""Characters: a comment of GitHub may have 65,536."""
_NAMES = 3
_HEAD = (
    *("task", "lang", "metric", "n", "baseline", "candidate", "delta", "loss at most", "margin"),
    *("p not worse", "p worse", "verdict", "detects", "needs"),
)
_LEGEND = (
    "↓: lower is better; n: items/independent clusters; loss at most: what the sample allows, at {confidence:g}%",
    "p not worse: were the loss the margin or more; p worse: were it the margin at most, Holm-adjusted over {rows} rows; alpha {alpha:g}",
    "detects: the smallest true loss that so many items show as a regression with 80% power; needs: items that would decide",
)


def as_text(checked: Checked) -> str:
    """For a terminal."""
    parts = [text_table(_HEAD, [line(row) for row in checked.rows], left=_NAMES), _legend(checked)]
    parts += [printable(f"note: {note}") for note in notes(checked)]
    return "\n".join([*parts, printable(headline(checked))])


def as_markdown(checked: Checked) -> str:
    """A comment ready to post: the rows that did not pass in sight, all of them behind a fold."""
    shown = [row for row in checked.rows if row.verdict != "pass"]
    head = [MARK, f"### {escaped(headline(checked))}"]
    folded = (
        f"<details><summary>All {len(checked.rows)} rows</summary>\n\n{_table(checked.rows)}\n\n"
        f"{_legend(checked)}\n\n</details>"
    )
    listed = "\n".join(f"- {escaped(note)}" for note in notes(checked))
    for parts in (
        [*([_table(shown)] if shown else []), folded, *([listed] if listed else [])],
        [_table(shown), _legend(checked)] if shown else [],
    ):
        text = "\n\n".join([*head, *parts])
        if len(text) <= _LONGEST:
            return text
    return "\n\n".join([*head, f"{len(shown):,} rows did not pass, too many to show here"])


def as_json(checked: Checked) -> str:
    """All there is."""
    return msgspec.json.format(msgspec.json.encode(checked), indent=2).decode()


def headline(checked: Checked) -> str:
    """`fusion against main.json.gz: no regression: …`."""
    return f"{checked.candidate.name} against {checked.baseline.name}: {summary(checked)}"


def notes(checked: Checked) -> list[str]:
    """Of the check, then of its rows."""
    of_rows = [f"{row.task}, {row.metric}: {row.note}" for row in checked.rows if row.note]
    return [*dict.fromkeys((*checked.notes, *of_rows))]


def line(row: CheckedRow) -> list[str]:
    """A row's cells, under the head of the table."""
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
        _p(row.p_not_worse) if not row.unchanged else "-",
        _p(row.p_worse_adjusted) if not row.unchanged else "-",
        row.verdict if row.verdict != "regression" else "REGRESSION",
        "-" if row.detects is None else f"{row.detects:.{digits}f}",
        "-" if row.items_needed is None else f"{row.items_needed:,}",
    ]


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}"


def _table(rows: Sequence[CheckedRow]) -> str:
    return escaped_table(_HEAD, [line(row) for row in rows], _NAMES)


def _legend(checked: Checked) -> str:
    return "\n".join(_LEGEND).format(
        confidence=100 * (1 - checked.alpha), rows=len(checked.rows), alpha=checked.alpha
    )


VIEWS: Mapping[str, Callable[[Checked], str]] = {"table": as_text, "md": as_markdown, "json": as_json}
"""By the name of `--format`."""
