"""The scores of a run at a terminal: a live table, and many strategies below each other."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from fusion_eval.report.outcome import Outcome
from fusion_eval.report.score_table import MeanScore, TaskScores
from fusion_eval.report.terminal.scores import LiveTable, scores_view
from fusion_eval.report.terminal.screen import drawn, open_console


@pytest.fixture
def plain() -> Console:
    return open_console(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))


def test_a_live_table_leaves_out_systems_that_have_no_room_and_says_so(plain: Console) -> None:
    # given
    systems = [f"bon(scorer={name})" for name in ("logprob", "chrf", "confidence", "judge", "self_certainty")]
    table = LiveTable("4 prompts in 2 tasks", ["demo_de", "demo_日本語"], systems)
    # when
    table.task_ends("demo_日本語", {systems[0]: 43.21, systems[1]: 7.0}, "chrf, 9 s")
    lines = drawn(plain, [table]).splitlines()
    # then
    assert lines[0] == "4 prompts in 2 tasks; 2 systems without room"
    assert max(map(cell_len, lines)) <= 100 and set(lines[2]) == {"-"}
    assert lines[-1].split() == ["demo_日本語", "43.2", "7.0", "-", "chrf,", "9", "s"]


def test_a_live_table_on_a_very_low_terminal_shows_the_task_that_runs(plain: Console) -> None:
    # given
    plain.height = 3
    table = LiveTable("prompts", ["one", "two"], ["single"])
    # when
    table.task_runs("two", 1, 5)
    lines = drawn(plain, [table]).splitlines()
    # then
    assert lines[0] == "prompts; 1 task above"
    assert "two" in lines[-1]


def test_many_strategies_stand_below_each_other_with_the_label_repeated(plain: Console) -> None:
    # given
    strategies = [f"bon(scorer={name})" for name in ("logprob", "chrf", "confidence", "judge", "self_certainty")]  # fmt: skip
    row = TaskScores("fr", {name: MeanScore(50.0, 1.0) for name in strategies}, 10, 5)
    # when
    lines = scores_view(Outcome((row,), "chrf", {}), strategies, plain).splitlines()
    # then
    assert max(map(cell_len, lines)) <= 100
    assert sum(line.startswith("chrf ") for line in lines) > 1
    assert sum(line.count("50.0 ± 1.0") for line in lines) == len(strategies)
