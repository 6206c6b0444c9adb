"""A comparison for Python and notebooks: it prints as a table and converts to other forms."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from fusion_eval.report.comparison_table import as_csv, as_json, as_markdown, as_text, blocks, notes_of
from fusion_eval.report.text_table import Table
from fusion_eval.runs.comparison import Comparison, RankedRun, Row
from fusion_eval.text.printable import printable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class ComparisonView:
    """A comparison that prints as a table, and shows as an HTML table in a notebook."""

    comparison: Comparison
    """Everything that `comparison.json` holds."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row for each candidate, task, language and metric."""
        return self.comparison.rows

    @property
    def ranks(self) -> tuple[RankedRun, ...]:
        """The ranks of the runs by each metric; empty for fewer than three runs."""
        return self.comparison.ranks

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know: on the whole comparison first, then on single rows."""
        return tuple(notes_of(self.comparison, self.rows))

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame, with a column for each field of a row in `comparison.json`."""
        return self.comparison.to_frame()

    def to_markdown(self) -> str:
        """Return the tables and notes as Markdown."""
        return as_markdown(self.comparison)

    def to_json(self) -> str:
        """Return the content of `comparison.json`."""
        return as_json(self.comparison)

    def to_csv(self) -> str:
        """Return every field of every row as CSV."""
        return as_csv(self.comparison)

    def __str__(self) -> str:
        return as_text(self.comparison)

    def __repr__(self) -> str:
        names = ", ".join(printable(run.name) for run in self.comparison.runs)
        return f"<ComparisonView of {names}: {len(self.rows)} rows>"

    def _repr_html_(self) -> str:
        """Return the tables and notes as HTML. Names come from files of others and are escaped."""
        parts = [
            _html_table(block) if isinstance(block, Table) else _html_text("p", block)
            for block in blocks(self.comparison, self.rows)
        ]
        if self.notes:
            parts.append(f"<ul>{''.join(_html_text('li', note) for note in self.notes)}</ul>")
        return "\n".join(parts)


def _html_table(table: Table) -> str:
    head = "".join(_html_text("th", cell) for cell in table.head)
    lines = [
        "".join(
            _html_text("td", cell, "left" if column < table.text_columns else "right")
            for column, cell in enumerate(line)
        )
        for line in table.lines
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_text(tag: str, text: str, align: str = "") -> str:
    style = f' style="text-align: {align}"' if align else ""
    lines = [escape(printable(line)) for line in text.split("\n")]
    return f"<{tag}{style}>{'<br>'.join(lines)}</{tag}>"
