"""Text of others prints as one visible line, which neither a terminal nor a CI service obeys."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.text.printable import printable, terminal_line, terminal_text

HOSTILE = st.text(
    st.sampled_from("a:#[]vso \t\n\r\x1b\x85\x9b\u200b\u202e\u2028\u2066\ufeff\ufe0f\U000e0041\ud800"),
    max_size=40,
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain ± 0.5 → größer 中文", "plain ± 0.5 → größer 中文"),
        ("a\x1b[31mred\x07", "a[31mred"),
        ("two\r\nlines\u2028three\x85four", "twolinesthreefour"),
        ("left\u202eright\u2066", "leftright"),
        ("soft\u00adhyphen\u200b\u180e\u3164", "softhyphen"),
        ("tag\U000e0041\U000e0042", "tag"),
        ("half \ud83d of a pair", "half  of a pair"),
    ],
)
def test_invisible_characters_are_left_out(text: str, line: str) -> None:
    assert printable(text) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("::error::x", ": :error::x"),
        ("  ::set-output name=a::b", "  : :set-output name=a::b"),
        ("\u200b::error::x", ": :error::x"),
        (":\u200b:error::x", ": :error::x"),
        ("a ::error::x", "a ::error::x"),
        ("x ##[add-mask]0", "x ## [add-mask]0"),
        ("##\x1b[error]x", "## [error]x"),
        ("##vso[task.setvariable]x ##teamcity[y]", "## vso[task.setvariable]x ## teamcity[y]"),
        ("## Title", "## Title"),
        ("c::d::e #1", "c::d::e #1"),
    ],
)
def test_no_ci_service_finds_a_command(text: str, line: str) -> None:
    assert terminal_line(text) == line


@given(HOSTILE)
def test_a_line_is_one_visible_line_without_commands(text: str) -> None:
    line = terminal_line(text)

    assert len(line.splitlines()) <= 1
    assert not line.lstrip().startswith("::")
    assert not re.search(r"##\w*\[", line)
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert terminal_line(line) == line


@given(HOSTILE)
def test_each_line_of_a_text_is_such_a_line(text: str) -> None:
    assert terminal_text(text).split("\n") == [terminal_line(line) for line in text.split("\n")]


@given(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]))
def test_every_control_and_format_character_is_invisible(character: str) -> None:
    # Prepended concatenation marks, such as the Arabic number sign, are the format characters that one can see.
    visible = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
    egyptian = "\U00013430" <= character <= "\U0001343f"
    assert printable(character) == (character if character in visible or egyptian else "")
