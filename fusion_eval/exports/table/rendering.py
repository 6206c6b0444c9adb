"""Render grids as Markdown, and as LaTeX with booktabs. The LaTeX is ASCII, so any engine, encoding and font can set it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusion_eval.exports.table.grid import Entry, Grid
from fusion_eval.text.escaping import escaped, markup_table
from fusion_eval.text.printable import printable

_HEAD = "% Needs \\usepackage{booktabs}."
_LATEX_ESCAPES = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # After the end of a line, these would be read as its arguments.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    "–": "--",
}


def as_markdown(grids: Sequence[Grid], footnotes: Sequence[str]) -> str:
    """Return a Markdown table for each grid, with its caption below, and then the footnotes."""
    parts = []
    for grid in grids:
        lines = [[escaped(name), *map(_markdown_cell, line)] for name, line in grid.lines]
        parts += [
            f"**{escaped(grid.title)}**",
            markup_table(["", *map(escaped, grid.columns)], lines, 1),
            escaped(" ".join(grid.caption)),
        ]
    parts.append("\n".join(f"- {escaped(note)}" for note in footnotes))
    return "\n\n".join(filter(None, parts)) + "\n"


def as_latex(grids: Sequence[Grid], footnotes: Sequence[str]) -> str:
    """Return a floating LaTeX table for each grid. The footnotes are below the last one."""
    tables = [_latex_table(grid, footnotes if grid is grids[-1] else ()) for grid in grids]
    return "\n\n".join([_HEAD, *tables]) + "\n"


def latex_escaped(text: str) -> str:
    """Return untrusted text so that it can neither begin nor end a command, a group or a cell.

    Characters outside ASCII become their code points.
    """
    return re.sub(r"[^\w ]|_|[^\x00-\x7f]", _latex_escape, printable(text))


def _markdown_cell(entry: Entry | None) -> str:
    if entry is None:
        return "-"
    value = f"**{escaped(entry.value)}**" if entry.best else escaped(entry.value)
    marks = ("†" if entry.in_best_group else "") + escaped(entry.sign)
    return " ".join(filter(None, [value, escaped(entry.spread), marks]))


def _latex_escape(match: re.Match[str]) -> str:
    mark = match[0]
    return _LATEX_ESCAPES.get(mark) or (mark if mark.isascii() else f"{{[}}U+{ord(mark):04X}{{]}}")


def _latex_table(grid: Grid, footnotes: Sequence[str]) -> str:
    head = _latex_line(["", *map(latex_escaped, grid.columns)])
    lines = [_latex_line([latex_escaped(name), *map(_latex_cell, line)]) for name, line in grid.lines]
    notes = [f"\\par {latex_escaped(note)}" for note in footnotes]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            f"\\caption{{{latex_escaped(' '.join([grid.title + '.', *grid.caption]))}}}",
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


def _latex_line(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _latex_cell(entry: Entry | None) -> str:
    if entry is None:
        return "-"
    value = f"\\textbf{{{latex_escaped(entry.value)}}}" if entry.best else latex_escaped(entry.value)
    marks = ("\\dagger " if entry.in_best_group else "") + entry.sign
    spread = f" {latex_escaped(entry.spread)}" if entry.spread else ""
    return value + spread + (f"$^{{{marks}}}$" if marks else "")
