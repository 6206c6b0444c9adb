"""A comparison at a terminal: at most 100 columns, aligned in every script, significant rows first, nothing that steers."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from comparison_of import ROW, comparison_of
from rich.cells import cell_len
from rich.console import Console

from fusion_eval.report.terminal.comparison import comparison_view
from fusion_eval.report.terminal.screen import open_console
from fusion_eval.runs.comparison import Row


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def plain() -> Console:
    return open_console(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))


def rows_of(*tasks: str, **fields: object) -> list[Row]:
    return [replace(ROW, task=task, **fields) for task in tasks]  # type: ignore[arg-type]  # any field of a row


def test_the_finding_comes_first_and_no_line_is_wider_than_100_columns(plain: Console) -> None:
    # given
    rows = [
        replace(row, candidate=candidate, metric=metric)
        for row in rows_of("a_long_name_of_a_task_" * 4, "quiz_fr", note="a note " * 40)
        for candidate in ("bon(scorer=self_certainty)", "rank_fusion(by=logprob)")
        for metric in ("exact_match", "chrf_corpus")
    ]
    # when
    lines = comparison_view(comparison_of(*rows), plain).splitlines()
    # then
    assert "beats single" in lines[0]
    assert max(map(cell_len, lines)) <= 100
    assert sum("+0.0400 [+0.0100, +0.0700]" in line for line in lines) == len(rows)


def test_significant_rows_come_first_under_a_rule_of_their_own(plain: Console) -> None:
    # given
    rows = [*rows_of("dull", "duller", significant=False), *rows_of("exciting")]
    # when
    lines = comparison_view(comparison_of(*rows), plain).splitlines()
    # then
    rules = [number for number, line in enumerate(lines) if set(line) == {"-"}]
    assert [line.split()[0] for line in lines[rules[0] + 1 : rules[1]]] == ["exciting"]
    assert [line.split()[0] for line in lines[rules[1] + 1 : rules[1] + 3]] == ["dull", "duller"]


def test_columns_are_aligned_in_every_script(plain: Console) -> None:
    # given names whose letters fill one, two and no columns
    rows = rows_of("quiz", "試験", "퀴즈", "e\u0301preuve", "اختبار")
    # when
    view = comparison_view(comparison_of(*rows), plain)
    # then
    starts = {
        cell_len(line[: line.index("+0.0400")]) for line in view.splitlines() if "+0.0400 [+0.0100" in line
    }
    assert len(starts) == 1


def test_languages_of_one_task_have_no_column_that_repeats_its_name(plain: Console) -> None:
    # given
    rows = [*rows_of("quiz", language="all"), *rows_of("quiz_fr"), *rows_of("quiz_ja", language="ja")]
    # when
    view = comparison_view(comparison_of(*rows), plain)
    # then
    assert "fusion against single on quiz, by acc" in view
    assert "quiz_ja" not in view and "win" in view


def test_the_interval_is_drawn_around_zero(plain: Console) -> None:
    # given a row whose interval ends at the largest distance
    rows = [ROW, replace(ROW, task="b", delta=-0.07, ci_low=-0.07, ci_high=-0.07, significant=False)]
    # when
    lines = comparison_view(comparison_of(*rows), plain).splitlines()
    # then
    plots = [line for line in lines if "[+0.0100, +0.0700]" in line or "[-0.0700, -0.0700]" in line]
    assert plots[0].index("│") < plots[0].index("●") < plots[0].rindex("─")
    assert plots[1].index("○") < plots[1].index("│") == plots[0].index("│")


def test_a_row_without_an_interval_and_without_a_language_has_a_point_alone(plain: Console) -> None:
    # when
    view = comparison_view(comparison_of(replace(ROW, ci_low=None, ci_high=None, language=None)), plain)
    # then
    assert "[" not in view.split("task")[1].split("win")[0] and "●" in view


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch, plain: Console) -> None:
    # given
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    # when, then
    assert "\x1b[1;36m" in comparison_view(comparison_of(), open_console(Terminal()))
    assert "\x1b" not in comparison_view(comparison_of(), plain)
    # given
    monkeypatch.setenv("NO_COLOR", "1")
    # when, then
    assert "36m" not in comparison_view(comparison_of(), open_console(Terminal()))


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_terminal_of_any_width_gets_whole_numbers(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    # given
    monkeypatch.setenv("COLUMNS", str(columns))
    # when
    view = comparison_view(comparison_of(ROW, *rows_of("b")), open_console(Terminal()))
    # then
    lines = re.sub(r"\x1b\[[\d;]*m", "", view).splitlines()
    assert max(map(cell_len, lines)) <= min(columns, 100)
    assert any("+0.0400 [+0.0100, +0.0700]" in line and "0.0246" in line for line in lines)


def test_a_terminal_without_unicode_keeps_the_minus_sign() -> None:
    # given
    console = open_console(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    # when
    view = comparison_view(comparison_of(replace(ROW, delta=-0.04, ci_low=-0.07, ci_high=-0.01)), console)
    # then
    assert "-0.0400 acc" in view.splitlines()[0] and "(Holm, alpha" in view
    assert all(sign in view for sign in "*|")


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "x\ny", "[red]x[/red]", "::error::x", "a\u202eb", ":smile:"])
def test_names_cannot_steer_the_terminal(plain: Console, name: str) -> None:
    # given
    hostile = comparison_of(*rows_of(name, "b"), notes=(name,))
    harmless = comparison_of(*rows_of("n" * 9, "b"), notes=("n",))
    # when
    view = comparison_view(hostile, plain)
    # then: the legend is as long as the columns that are shown need it to be
    lines = [len(one.split("n: items")[0].splitlines()) for one in (view, comparison_view(harmless, plain))]
    assert lines[0] == lines[1]
    assert not any(sign in view for sign in "\x1b\u202e") and "\n::" not in view
    assert "[red]" not in name or "[red]x[/red]" in view


def test_a_line_that_is_wrapped_cannot_begin_with_a_command(plain: Console) -> None:
    # given a note that is wrapped right before its command
    notes = ("x" * 90 + " ::error::you are fooled",)
    # when
    view = comparison_view(comparison_of(notes=notes), plain)
    # then
    assert "\n: :error::you are fooled" in view and "\n::" not in view
