"""Show a check: as a table, as Markdown for a pull request, or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from fusion_eval.gate.checked_rows import CheckedRow
from fusion_eval.gate.result import CheckResult
from fusion_eval.gate.table import HEAD, TEXT_COLUMNS, legend, row_cells
from fusion_eval.text.escaping import escaped, escaped_table, visible_json

MARK = "<!-- fusion-eval check -->"
"""A bot finds its earlier comment by this mark."""
_LONGEST = 65_000
"""Characters. A comment on GitHub may have 65,536."""


def as_text(result: CheckResult) -> str:
    """Return the check as a table for a terminal."""
    return str(result)


def as_markdown(result: CheckResult) -> str:
    """Return the check as a comment for a pull request.

    The rows that did not pass are visible. All rows are in a part that can be unfolded. A result that is too long for a
    comment loses parts until it fits.
    """
    visible = [row for row in result.rows if row.verdict != "pass"]
    head = [MARK, f"### {escaped(result.headline)}"]
    folded = (
        f"<details><summary>All {len(result.rows)} rows</summary>\n\n{_markdown_table(result.rows)}\n\n"
        f"{legend(len(result.rows), result.alpha)}\n\n</details>"
    )
    notes = "\n".join(f"- {escaped(note)}" for note in result.all_notes)
    for parts in (
        [
            *([_markdown_table(visible)] if visible else []),
            *([folded] if result.rows else []),
            *([notes] if notes else []),
        ],
        [_markdown_table(visible), legend(len(result.rows), result.alpha)] if visible else [],
    ):
        text = "\n\n".join([*head, *parts])
        if len(text) <= _LONGEST:
            return text
    return "\n\n".join([*head, f"{len(visible):,} rows did not pass, too many to show here"])


def as_json(result: CheckResult) -> str:
    """Return every field of the check as JSON."""
    return visible_json(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())


def _markdown_table(rows: Sequence[CheckedRow]) -> str:
    return escaped_table(HEAD, [row_cells(row) for row in rows], TEXT_COLUMNS)


VIEWS: Mapping[str, Callable[[CheckResult], str]] = {"table": as_text, "md": as_markdown, "json": as_json}
"""The views by the values of `--format`."""
