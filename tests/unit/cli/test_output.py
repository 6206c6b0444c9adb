"""What `compare --wide` and a run at a terminal print."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from run_folders import samples, write_run

from fusion_eval.cli.live_scores import LiveScores
from fusion_eval.cli.main import main
from fusion_eval.cli.options import report_progress
from fusion_eval.cli.output import progress_report
from fusion_eval.harness.task_scores import ScoreLines, TaskEnd, listener_of

END = TaskEnd("demo_de", "chrf", {"single": 43.21, "bon": 50.0}, 1, 11, 31.4)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_compare_prints_all_columns_with_wide_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    runs = [
        str(write_run(tmp_path / name, {"quiz": samples(values)}))
        for name, values in (("base", [0.1, 0.2, 0.4, 0.3]), ("cand", [0.3, 0.4, 0.6, 0.5]))
    ]
    # when
    main(["compare", *runs])
    narrow = capsys.readouterr().out
    main(["compare", *runs, "--wide"])
    wide = capsys.readouterr().out
    # then
    assert narrow.split("\n", 1)[0][:40] == wide.split("\n", 1)[0][:40]
    assert max(map(len, narrow.splitlines())) <= 100 < max(map(len, wide.splitlines()))
    assert "detects" in wide and "detects" not in narrow


def test_markdown_begins_with_the_finding_and_what_is_significant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a task without an effect before one with an effect
    effect = {"a_task": ([0.1, 0.2] * 8, [0.2, 0.1] * 8), "z_task": ([0.1] * 16, [0.9] * 16)}
    runs = [
        str(write_run(tmp_path / name, {task: samples(values[place]) for task, values in effect.items()}))
        for place, name in enumerate(("base", "cand"))
    ]
    # when
    main(["compare", *runs, "--format", "md"])
    printed = capsys.readouterr().out.splitlines()
    # then
    assert printed[0].startswith("**") and printed[0].endswith("**")
    assert [line.split(" | ")[0] for line in printed[5:7]] == ["| z\\_task", "| a\\_task"]


def test_without_a_terminal_a_run_writes_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    lines: list[str] = []
    # when
    listener = listener_of(lines.append)
    listener.tasks_start(154, ["demo_de"] * 11, ["single", "bon"])
    listener.task_runs("demo_de", 1, 14)
    listener.task_ends(END)
    listener.tasks_stop()
    # then
    assert progress_report() is report_progress and isinstance(listener, ScoreLines)
    assert lines == [
        "154 prompts in 11 tasks; a line follows as each task ends",
        "demo_de  chrf  single 43.2  bon 50.0  (1 of 11 tasks, 31 s)",
    ]


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(sys, "stdout", Terminal())
    # when, then
    for name, report in (("xterm", LiveScores), ("dumb", type(report_progress))):
        monkeypatch.setenv("TERM", name)
        assert isinstance(progress_report(), report)
