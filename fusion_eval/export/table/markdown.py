"""Grids as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.export.table.grid import Entry, Grid
from fusion_eval.text.escaping import escaped, markup_table


def as_markdown(grids: Sequence[Grid], footnotes: Sequence[str]) -> str:
    """A table per grid with its caption under it, then the footnotes."""
    parts = []
    for grid in grids:
        lines = [[escaped(name), *map(_cell, line)] for name, line in grid.lines]
        parts += [
            f"**{escaped(grid.title)}**",
            markup_table(["", *map(escaped, grid.columns)], lines, 1),
            escaped(" ".join(grid.words)),
        ]
    parts.append("\n".join(f"- {escaped(note)}" for note in footnotes))
    return "\n\n".join(filter(None, parts)) + "\n"


def _cell(entry: Entry | None) -> str:
    if entry is None:
        return "-"
    value = f"**{escaped(entry.value)}**" if entry.best else escaped(entry.value)
    marks = ("†" if entry.alike else "") + escaped(entry.sign)
    return " ".join(filter(None, [value, escaped(entry.spread), marks]))
