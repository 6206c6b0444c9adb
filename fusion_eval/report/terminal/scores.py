"""Draw the scores of a run for a terminal: line by line as tasks end, and as a whole at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from fusion_eval.report.outcome import Outcome
from fusion_eval.report.score_table import score_cells
from fusion_eval.report.summary import HOW_TO_READ, summary
from fusion_eval.report.terminal.screen import BETTER, GAP, QUIET, drawn, paragraph, tables_of, text
from fusion_eval.report.text_table import Table
from fusion_eval.text.printable import terminal_line

_NARROWEST_SCORE = 7


def scores_view(
    outcome: Outcome, strategies: Sequence[str], console: Console, how_to_read: str = HOW_TO_READ
) -> str:
    """Return the table of scores, and what each strategy did and cost, no wider than the console."""
    head = [outcome.metric, *strategies, "tokens", "seconds"]
    table = Table(head, [score_cells(row, strategies) for row in outcome.rows])
    parts: list[RenderableType] = [*tables_of(table, console.width)]
    return drawn(console, [*parts, paragraph(summary(outcome.totals, how_to_read), QUIET)])


class GrowingTable:
    """A table of scores that gets a line as each task ends. Its columns are known before its first line.

    Args:
        tasks: The names of the tasks.
        systems: The names of the columns.
        console: Says how wide a line may be, and whether it has colours.
    """

    def __init__(self, tasks: Sequence[str], systems: Sequence[str], console: Console) -> None:
        self._console, self._systems = console, systems
        self._widths = [max(cell_len(terminal_line(name)), _NARROWEST_SCORE) for name in systems]
        self._label = max(cell_len(terminal_line(task)) for task in ("task", *tasks))
        self._label = min(self._label, max(_NARROWEST_SCORE, console.width // 3))

    def head(self, sentence: str) -> str:
        """Return the lines above the first task: a sentence, the names of the columns, and a rule."""
        names = [text(name, "bold") for name in self._systems]
        heading = self._line(text("task", "bold"), names, text("done", "bold"))
        rule = "-" * min(self._console.width, heading.cell_len)
        return drawn(self._console, [text(sentence, QUIET), heading, Text(rule)])

    def line(self, task: str, scores: Mapping[str, float], done: str) -> str:
        """Return the line of a task that has ended; the best scores are coloured.

        Args:
            task: The task.
            scores: The score of each system; one that has none is a dash.
            done: What stands at the end: how many tasks have ended, and after how long.
        """
        digits = 1 if any(abs(value) > 1 for value in scores.values()) else 3
        shown = {name: f"{value:.{digits}f}" for name, value in scores.items()}
        best = max(scores.values(), default=None)
        several = len(set(shown.values())) > 1
        cells = [
            text(shown.get(name, "-"), BETTER if several and scores.get(name) == best else "")
            for name in self._systems
        ]
        return drawn(self._console, [self._line(text(task), cells, text(done, QUIET))])

    def _line(self, label: Text, cells: Sequence[Text], end: Text) -> Text:
        label.truncate(self._label, overflow="ellipsis", pad=True)
        line = label
        for cell, width in zip(cells, self._widths, strict=True):
            line = line + Text(" " * (GAP + width - cell.cell_len)) + cell
        line = line + Text(" " * GAP) + end
        line.no_wrap = True
        return line
