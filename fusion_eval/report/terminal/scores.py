"""Draw the scores of a run for a terminal, as its tasks run and at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from fusion_eval.report.outcome import Outcome
from fusion_eval.report.score_table import score_cells
from fusion_eval.report.summary import HOW_TO_READ, summary
from fusion_eval.report.terminal.screen import (
    BETTER,
    QUIET,
    WIDTH,
    Column,
    drawn,
    paragraph,
    table_of,
    tables_of,
    text,
    width_of,
)
from fusion_eval.report.text_table import Table

_OTHER_LINES = 5
"""Lines of a live table besides its tasks: sentence, head, rule, progress, and one that stays free."""
_FEWEST_COLUMNS = 3


def scores_view(
    outcome: Outcome, strategies: Sequence[str], console: Console, how_to_read: str = HOW_TO_READ
) -> str:
    """Return the table of scores, and what each strategy did and cost, no wider than the console."""
    head = [outcome.metric, *strategies, "tokens", "seconds"]
    table = Table(head, [score_cells(row, strategies) for row in outcome.rows])
    parts: list[RenderableType] = [*tables_of(table, console.width)]
    return drawn(console, [*parts, paragraph(summary(outcome.totals, how_to_read), QUIET)])


class LiveTable:
    """The scores of a run as a table that is drawn anew: tasks that have ended, that run, and that wait.

    A terminal that is too low shows the tasks around those that run, until `finish` is called.

    Args:
        sentence: What stands above the table.
        tasks: The names of the tasks, in the order in which they run.
        systems: The names of the columns.
    """

    def __init__(self, sentence: str, tasks: Sequence[str], systems: Sequence[str]) -> None:
        self._sentence, self._systems = sentence, systems
        self._lines: dict[str, list[Text]] = {task: self._line(task, {}, Text()) for task in tasks}
        self._running: set[str] = set()
        self._finished = False
        self.progress = ""
        """One line below the table, such as a progress bar."""

    def task_runs(self, task: str, answered: int, questions: int) -> None:
        """Mark a task as running, with how many of its questions are answered; as begun, before the first is."""
        self._running.add(task)
        state = f"running, {answered:,} of {questions:,}" if answered else "begun"
        self._lines[task] = self._line(task, {}, text(state, "" if answered else QUIET))

    def task_ends(self, task: str, scores: Mapping[str, float], end: str) -> None:
        """Show the scores of a task that has ended; the best ones are coloured.

        Args:
            task: The task.
            scores: The score of each system; one that has none is a dash.
            end: What stands at the end of the line.
        """
        self._running.discard(task)
        self._lines[task] = self._line(task, scores, text(end, QUIET))

    def finish(self) -> None:
        """Show every task from now on, and nothing below them."""
        self._finished, self.progress = True, ""

    def _line(self, task: str, scores: Mapping[str, float], end: Text) -> list[Text]:
        digits = 1 if any(abs(value) > 1 for value in scores.values()) else 3
        shown = {name: f"{value:.{digits}f}" for name, value in scores.items()}
        best = max(scores.values(), default=None)
        several = len(set(shown.values())) > 1
        none = "-" if scores else ""
        cells = [
            text(shown.get(name, none), BETTER if several and scores.get(name) == best else "")
            for name in self._systems
        ]
        return [text(task), *cells, end]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the table, at most as high and as wide as the console."""
        places = self._places(max(1, console.height - _OTHER_LINES))
        lines = list(self._lines.values())
        columns = [
            Column(head, [lines[place][number] for place in places], right=0 < number <= len(self._systems))
            for number, head in enumerate(("task", *self._systems, ""))
        ]
        hidden = 0
        while len(columns) > _FEWEST_COLUMNS and width_of(columns) > min(console.width, WIDTH):
            del columns[-2]
            hidden += 1
        more = [
            _count(places.start, "task", "above"),
            _count(len(lines) - places.stop, "task", "below"),
            _count(hidden, "system", "without room"),
        ]
        yield text("; ".join(filter(None, (self._sentence, *more))), QUIET)
        yield table_of(columns)
        if self.progress:
            yield Text.from_ansi(self.progress, no_wrap=True, overflow="crop")

    def _places(self, most: int) -> range:
        """Return the places of the tasks to show: all, or those around the last one that runs."""
        count = len(self._lines)
        if self._finished or count <= most:
            return range(count)
        running = [place for place, task in enumerate(self._lines) if task in self._running]
        stop = min(count, max(most, max(running, default=0) + 2))
        return range(max(0, stop - most), stop)


def _count(number: int, what: str, where: str) -> str:
    return f"{number} {what}{'s' * (number > 1)} {where}" if number else ""
