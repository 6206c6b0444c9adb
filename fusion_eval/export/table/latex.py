"""Grids as LaTeX with booktabs, in ASCII: any engine, encoding and font can set it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusion_eval.export.table.grid import Entry, Grid
from fusion_eval.text.printable import printable

_HEAD = "% Needs \\usepackage{booktabs}."
_ESCAPES = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # After a line's end these would be its arguments.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    "–": "--",
}


def as_latex(grids: Sequence[Grid], footnotes: Sequence[str]) -> str:
    """A float per grid; the footnotes stand under the last."""
    tables = [_table(grid, footnotes if grid is grids[-1] else ()) for grid in grids]
    return "\n\n".join([_HEAD, *tables]) + "\n"


def escaped(text: str) -> str:
    """Text of others, which no command, group or cell can begin or end in. What is not ASCII stands as its code point."""
    return re.sub(r"[^\w ]|_|[^\x00-\x7f]", _escape, printable(text))


def _escape(found: re.Match[str]) -> str:
    mark = found[0]
    return _ESCAPES.get(mark) or (mark if mark.isascii() else f"{{[}}U+{ord(mark):04X}{{]}}")


def _table(grid: Grid, footnotes: Sequence[str]) -> str:
    head = _line(["", *map(escaped, grid.columns)])
    lines = [_line([escaped(name), *map(_cell, line)]) for name, line in grid.lines]
    notes = [f"\\par {escaped(note)}" for note in footnotes]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            f"\\caption{{{escaped(' '.join([grid.title + '.', *grid.words]))}}}",
            f"\\begin{{tabular}}{{l{'r' * len(grid.columns)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            *([r"\par\medskip\raggedright\footnotesize", *notes] if notes else []),
            r"\end{table}",
        ]
    )


def _line(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _cell(entry: Entry | None) -> str:
    if entry is None:
        return "-"
    value = f"\\textbf{{{escaped(entry.value)}}}" if entry.best else escaped(entry.value)
    marks = ("\\dagger " if entry.alike else "") + entry.sign
    spread = f" {escaped(entry.spread)}" if entry.spread else ""
    return value + spread + (f"$^{{{marks}}}$" if marks else "")
