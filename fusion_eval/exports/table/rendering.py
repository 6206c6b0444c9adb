"""Render grids as Markdown, and as LaTeX with booktabs. The LaTeX is ASCII, so any engine, encoding and font can set it."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.exports.table.grid import Grid, TableCell
from fusion_eval.text.escaping import escaped, latex_escaped, markup_table

_HEAD = "% Needs \\usepackage{booktabs}."


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


def _markdown_cell(entry: TableCell | None) -> str:
    if entry is None:
        return "-"
    value = f"**{escaped(entry.value)}**" if entry.best else escaped(entry.value)
    marks = ("†" if entry.in_best_group else "") + escaped(entry.sign)
    return " ".join(filter(None, [value, escaped(entry.spread), marks]))


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


def _latex_cell(entry: TableCell | None) -> str:
    if entry is None:
        return "-"
    value = f"\\textbf{{{latex_escaped(entry.value)}}}" if entry.best else latex_escaped(entry.value)
    marks = ("\\dagger " if entry.in_best_group else "") + entry.sign
    spread = f" {latex_escaped(entry.spread)}" if entry.spread else ""
    return value + spread + (f"$^{{{marks}}}$" if marks else "")
