"""Draw an analysis for a terminal: the finding, then every table, in parts below each other where it is too wide."""

from __future__ import annotations

from rich.console import Console, RenderableType

from fusion_eval.report.analysis_finding import analysis_finding
from fusion_eval.report.further_tables import captioned_tables
from fusion_eval.report.terminal.screen import QUIET, drawn, finding_text, tables_of, text
from fusion_eval.runs.analysis import Analysis


def analysis_text(analysis: Analysis, console: Console) -> str:
    """Return an analysis as a text that is no wider than the console."""
    parts: list[RenderableType] = [finding_text(analysis_finding(analysis), console)]
    for caption, table in captioned_tables(analysis):
        parts += ["", text(f"{caption}:", QUIET), *tables_of(table, console.width)]
    parts += ["", *(text(f"note: {note}") for note in analysis.notes)]
    return drawn(console, parts)
