"""Write texts and tables to a terminal or a pipe by rich. All texts are made safe for a terminal first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from fusion_eval.text.printable import terminal_line, terminal_text, without_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fusion_eval.report.text_table import Table

WIDTH = 100
"""The most columns of a view. Longer lines are hard to read."""
GAP = 2
"""Columns between two columns of a table."""
BETTER, WORSE, QUIET = "bold cyan", "bold yellow", "dim"
"""Styles that people with colour blindness can tell apart. Signs say the same without colour."""
_NARROWEST = 40
_RULED = Box("    \n    \n -- \n    \n -- \n    \n    \n    \n", ascii=True)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table for a terminal.

    Attributes:
        head: What stands above the cells.
        cells: One text for each line, which may be styled.
        right: Whether the cells are aligned to the right, as numbers are.
    """

    head: str
    cells: Sequence[Text]
    right: bool = True

    @property
    def width(self) -> int:
        """How many columns of a terminal the widest cell fills."""
        return max(cell_len(self.head), *(cell.cell_len for cell in self.cells), 0)


def open_whole_console(stream: TextIO) -> Console:
    """Return a console as wide as its stream: with styles on a terminal only, without colours where NO_COLOR is set."""
    return Console(file=stream, markup=False, emoji=False, highlight=False, legacy_windows=False)


def open_console(stream: TextIO) -> Console:
    """Return a console for a stream, at most 100 columns wide."""
    console = open_whole_console(stream)
    known = console.width if console.is_terminal else WIDTH
    console.width = max(_NARROWEST, min(WIDTH, known))
    return console


def drawn(console: Console, parts: Iterable[RenderableType]) -> str:
    """Return parts as one text, each on lines of its own, without spaces at the ends of lines.

    The text is returned and not written, so that a reader who closes a pipe is handled where all output is written.
    """
    with console.capture() as captured:
        console.print(Group(*parts), soft_wrap=False)
    lines = (without_command(line).rstrip() for line in captured.get().split("\n"))
    return "\n".join(lines).rstrip("\n")


def text(sentence: str, style: str = "") -> Text:
    """Return one line, or one cell of a table, that cannot steer the terminal."""
    return Text(terminal_line(sentence), style=style)


def paragraph(sentences: str, style: str = "") -> Text:
    """Return our own text of several lines, made safe line by line. Texts of others belong into `text`."""
    return Text(terminal_text(sentences), style=style)


def finding_text(sentence: str, console: Console) -> Text:
    """Return a finding, with letters that an ASCII terminal has."""
    plain = sentence.replace("α", "alpha")
    return text(plain if console.options.ascii_only else sentence, "bold")


def table_of(columns: Sequence[Column], sections: Sequence[int] = ()) -> RichTable:
    """Return a table with a rule below its head, and one after each line that `sections` name."""
    drawn_table = RichTable(
        box=_RULED, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), header_style="bold"
    )
    for column in columns:
        drawn_table.add_column(
            text(column.head), justify="right" if column.right else "left", no_wrap=True, overflow="ellipsis"
        )
    for number, cells in enumerate(zip(*(column.cells for column in columns), strict=True)):
        drawn_table.add_row(*cells, end_section=number in sections)
    return drawn_table


def width_of(columns: Sequence[Column]) -> int:
    """Return how many columns of a terminal a table fills."""
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def tables_of(table: Table, width: int) -> list[RenderableType]:
    """Return a table that fits into a width: as it is, or in parts below each other that repeat the words at the left."""
    columns = [
        Column(head, [text(line[place]) for line in table.lines], place >= table.text_columns)
        for place, head in enumerate(table.head)
    ]
    words, numbers = columns[: table.text_columns], columns[table.text_columns :]
    parts: list[list[Column]] = [[]]
    for column in numbers:
        if parts[-1] and width_of([*words, *parts[-1], column]) > width:
            parts.append([])
        parts[-1].append(column)
    return [table_of([*words, *part]) for part in parts]


def shortened(column: Column, width: int) -> Column:
    """Return a column whose cells fill no more than `width` columns of a terminal; an ellipsis stands for the rest."""
    cells = [cell.copy() for cell in column.cells]
    for cell in cells:
        cell.truncate(width, overflow="ellipsis")
    return Column(column.head, cells, column.right)
