"""The scores of a run at a terminal: a table that grows, and many strategies below each other."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from fusion_eval.report.outcome import Outcome
from fusion_eval.report.score_table import MeanScore, TaskScores
from fusion_eval.report.terminal.scores import GrowingTable, scores_view
from fusion_eval.report.terminal.screen import open_console


@pytest.fixture
def plain() -> Console:
    return open_console(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))


def test_a_growing_table_is_aligned_from_its_first_line(plain: Console) -> None:
    # given
    table = GrowingTable(["demo_de", "demo_日本語"], ["single", "bon(scorer=chrf)"], plain)
    # when
    lines = [
        *table.head("4 prompts in 2 tasks").splitlines(),
        table.line("demo_de", {"single": 43.21, "bon(scorer=chrf)": 7.0}, "chrf, 1 of 2, 9 s"),
        table.line("demo_日本語", {"single": 1.0}, "2 of 2, 18 s"),
    ]
    # then
    assert lines[0] == "4 prompts in 2 tasks" and set(lines[2]) == {"-"}
    assert lines[3].split() == ["demo_de", "43.2", "7.0", "chrf,", "1", "of", "2,", "9", "s"]
    assert lines[4].split()[:3] == ["demo_日本語", "1.000", "-"]
    ends = [
        cell_len(line[: line.index(end)])
        for line, end in ((lines[1], "done"), (lines[3], "chrf,"), (lines[4], "2 of"))
    ]
    assert len(set(ends)) == 1


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
