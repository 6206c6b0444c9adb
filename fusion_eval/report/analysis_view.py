"""An analysis for Python, terminals and notebooks: it prints as tables and converts to other forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fusion_eval.report.further_tables import all_blocks
from fusion_eval.report.text_table import Table, text_table
from fusion_eval.runs.analysis import Analysis
from fusion_eval.runs.versioned_file import to_json
from fusion_eval.text.escaping import escaped, escaped_table, visible_json
from fusion_eval.text.printable import printable, terminal_line, terminal_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class AnalysisView:
    """An analysis that prints as tables."""

    analysis: Analysis
    """Everything that `analysis.json` holds."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know about the numbers."""
        return self.analysis.notes

    def to_frame(self, table: str = "curves") -> pd.DataFrame:
        """Return one table as a DataFrame, with a column for each field of its rows in `analysis.json`.

        Args:
            table: `curves`, `differences`, `rescue`, `outcomes`, `ceiling`, `recovered`, `teachers`, `budget`,
                `contribution`, `robustness` or `fusors`.
        """
        return self.analysis.to_frame(table)

    def to_markdown(self) -> str:
        """Return the tables and notes as Markdown."""
        parts = [
            escaped_table(block.head, block.lines, block.text_columns) if isinstance(block, Table) else block
            for block in all_blocks(self.analysis)
        ]
        if self.notes:
            parts.append("\n".join(f"- {escaped(note)}" for note in self.notes))
        return "\n\n".join(parts)

    def to_json(self) -> str:
        """Return the content of `analysis.json`."""
        return visible_json(to_json(self.analysis).decode().rstrip("\n"))

    def __str__(self) -> str:
        parts = [
            f"{text_table(block.head, block.lines, block.text_columns)}\n"
            if isinstance(block, Table)
            else terminal_text(block)
            for block in all_blocks(self.analysis)
        ]
        return "\n".join([*parts, *(terminal_line(f"note: {note}") for note in self.notes)])

    def __repr__(self) -> str:
        names = ", ".join(printable(run.name) for run in self.analysis.runs)
        return f"<AnalysisView of {names}: {len(self.analysis.curves)} points of curves>"
