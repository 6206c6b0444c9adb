"""The live table of a run at a terminal: tasks that have ended and that run, with a progress bar below."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from threading import RLock

from rich.console import Console
from rich.live import Live
from rich.text import Text

from fusion_eval.cli.options import report_progress
from fusion_eval.cli.streams import ErrorStream
from fusion_eval.harness.task_scores import TaskEnd, prompts_in
from fusion_eval.report.terminal.scores import LiveTable

_REFRESHES_PER_SECOND = 4


class LiveScores:
    """A table that is drawn anew in its place. Lines that others write meanwhile stand above it.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._table, self._open = console, LiveTable("", (), ()), ExitStack()

    def __call__(self, line: str) -> None:
        """Print a line of progress on standard error."""
        report_progress(line)

    def tasks_start(self, prompts: int, tasks: Sequence[str], strategies: Sequence[str]) -> None:
        """Begin to draw the table."""
        self._table = LiveTable(prompts_in(prompts, len(tasks)), tasks, strategies)
        live = Live(
            self._table,
            console=self._console,
            refresh_per_second=_REFRESHES_PER_SECOND,
            redirect_stderr=False,  # a bar is no line, and loggers have the stream already
        )
        self._open.enter_context(live)
        if isinstance(sys.stderr, ErrorStream) and sys.stderr.isatty():
            self._open.enter_context(sys.stderr.diverted(_AroundTable(self._console, self._table).write))

    def task_runs(self, task: str, answered: int, questions: int) -> None:
        """Mark a task as running."""
        self._table.task_runs(task, answered, questions)

    def task_ends(self, end: TaskEnd) -> None:
        """Show the scores of a task."""
        self._table.task_ends(
            end.task, end.scores, ", ".join(filter(None, (end.metric, f"{end.seconds:.0f} s")))
        )

    def tasks_stop(self) -> None:
        """Leave the table as it is; what follows stands below it."""
        self._table.finish()
        self._open.close()


class _AroundTable:
    """Prints the lines of a stream above a live table, and shows a progress bar below it.

    A bar is what follows a carriage return. Other text is of a line, also if the bar was left unfinished.
    """

    def __init__(self, console: Console, table: LiveTable) -> None:
        self._console, self._table = console, table
        self._line, self._returned = "", False
        self._lock = RLock()  # several threads write, and a thread that prints may write again

    def write(self, text: str) -> None:
        """Take a part of the stream."""
        with self._lock:
            for part in filter(None, re.split(r"([\r\n])", text)):
                if part == "\r":
                    self._returned = True
                elif part == "\n":
                    self._end_line()
                elif self._returned:
                    self._table.progress, self._returned = part.strip(), False
                else:
                    self._line += part

    def _end_line(self) -> None:
        """Print the line, or the last state of a bar that has ended."""
        line = self._line
        if not line:
            line, self._table.progress = self._table.progress, ""
        self._line, self._returned = "", False
        self._console.print(Text.from_ansi(line), soft_wrap=True)
