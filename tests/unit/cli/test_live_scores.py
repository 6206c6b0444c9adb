"""The live table of a run: drawn in its place, with the lines of others above it and a progress bar below."""

from __future__ import annotations

import io
import logging
import re
import sys
from collections.abc import Callable

import pytest
from rich.console import Console
from tqdm import tqdm

from fusion_eval.cli.live_scores import LiveScores
from fusion_eval.cli.streams import ErrorStream
from fusion_eval.harness.task_scores import ScoreListener, TaskEnd, listener_of

ENDS = [
    TaskEnd("demo_de", "chrf", {"single": 43.21, "bon": 50.0}, 1, 2, 31.4),
    TaskEnd("demo_en", "chrf", {"single": 70.0, "bon": 60.0}, 2, 2, 60.0),
]
RULE = re.compile("-{20,}")


Start = Callable[..., tuple["Terminal", LiveScores]]


class Terminal(io.StringIO):
    """A terminal that standard output and standard error share."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """Return the lines that a person sees: signs that move the cursor or erase a line have had their effect."""
        lines, row = [""], 0
        for part in re.findall(r"\x1b\[[\d;?]*[a-zA-Z]|[\r\n]|[^\x1b\r\n]+", self.getvalue()):
            if part == "\n":
                row += 1
                lines += [""] * (row == len(lines))
            elif part == "\x1b[1A":
                row -= 1
            elif part in ("\x1b[2K", "\r"):
                lines[row] = "" if part == "\x1b[2K" else lines[row]
            elif not part.startswith("\x1b"):
                lines[row] = part if not lines[row] else lines[row] + part
        return [line.rstrip() for line in lines]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Return a function that opens a terminal for both streams, and begins a live table on it."""

    def open_terminal(height: int = 25) -> tuple[Terminal, LiveScores]:
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", ErrorStream(terminal))
        console = Console(file=terminal, force_terminal=True, width=90, height=height, color_system=None)
        return terminal, LiveScores(console)

    return open_terminal


def test_tasks_that_run_are_marked_and_those_that_end_have_scores_in_the_same_table(
    start: Start,
) -> None:
    # given
    terminal, report = start()
    assert isinstance(report, ScoreListener) and listener_of(report) is report
    # when one task has ended and another runs
    report.tasks_start(28, ["demo_de", "demo_en", "demo_fr"], ["single", "bon"])
    report.task_runs("demo_de", 0, 14)
    report.task_ends(ENDS[0])
    report.task_runs("demo_en", 5, 14)
    report("a line of progress")
    # then the screen has one table, and the line stands above it
    lines = terminal.screen()
    assert lines[:2] == ["a line of progress", "28 prompts in 3 tasks"]
    assert sum(bool(RULE.match(line)) for line in lines) == 1
    assert [line.split() for line in lines[4:7]] == [
        ["demo_de", "43.2", "50.0", "chrf,", "31", "s"],
        ["demo_en", "running,", "5", "of", "14"],
        ["demo_fr"],
    ]
    # when all ends
    report.task_ends(ENDS[1])
    report.tasks_stop()
    # then
    assert "running" not in "".join(terminal.screen()) and terminal.getvalue().endswith("\x1b[?25h")


def test_a_bar_stands_below_the_table_and_log_lines_above_it(start: Start) -> None:
    # given a logger that has the stream before the table is drawn
    terminal, report = start()
    log = logging.getLogger("test of a live table")
    log.addHandler(handler := logging.StreamHandler(sys.stderr))
    report.tasks_start(28, ["demo_de"], ["single"])
    # when
    with tqdm(total=28, desc="single", ncols=60, mininterval=0) as bar:
        bar.update(7)
        log.warning("something happened")
        # then
        lines = terminal.screen()
        assert lines[0] == "something happened" and lines.count("something happened") == 1
        assert lines[-1].startswith("single:  25%") and "demo_de" in lines[-2]
    # when
    report.tasks_stop()
    log.removeHandler(handler)
    print("what follows", file=sys.stderr)
    # then
    lines = [line for line in terminal.screen() if line]
    assert lines[-1] == "what follows" and "demo_de" in lines[-2]
    assert sum("single:" in line for line in lines) == 1


def test_a_low_terminal_shows_the_tasks_around_those_that_run_and_all_at_the_end(start: Start) -> None:
    # given
    tasks = [f"demo_{number}" for number in range(20)]
    terminal, report = start(height=12)
    report.tasks_start(280, tasks, ["single"])
    # when
    report.task_runs("demo_10", 1, 14)
    report("a line")
    # then
    lines = terminal.screen()
    assert len(lines[1:]) < 12 and any("demo_10" in line for line in lines)
    assert lines[1] == "280 prompts in 20 tasks; 5 tasks above; 8 tasks below"
    # when
    report.tasks_stop()
    # then
    shown = "\n".join(terminal.screen())
    assert all(task in shown for task in tasks)


def test_a_name_cannot_steer_the_terminal(start: Start) -> None:
    # when
    terminal, report = start()
    report.tasks_start(1, ["a\x1b[2Jb"], ["[red]x[/red]"])
    report.tasks_stop()
    # then
    assert "\x1b[2J" not in terminal.getvalue() and "[red]x[/red]" in terminal.getvalue()
