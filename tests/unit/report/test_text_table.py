"""Tables as plain text: columns line up on a terminal, whatever the script."""

from __future__ import annotations

import pytest

from fusion_eval.report.text_table import decimals, text_table


def columns_before(line: str, mark: str, widths: dict[str, int]) -> int:
    """Return how many columns of a terminal stand before a mark. Characters not in `widths` fill one."""
    return sum(widths.get(character, 1) for character in line[: line.index(mark)])


WIDE = dict.fromkeys("数学語言한국어数字、（）🎲", 2)


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("数学", WIDE),
        ("語言（数）", WIDE),
        ("한국어", WIDE),
        ("🎲 dice", WIDE),
        ("ｶﾅ", {}),  # half-width
        ("cafe\u0301", {"\u0301": 0}),
        ("ภาษาไทยที่", {"\u0e35": 0, "\u0e48": 0}),
        ("हिन्दी", {"\u094d": 0}),
        ("עִבְרִית", {"\u05b4": 0, "\u05b0": 0}),
    ],
)
def test_columns_after_a_name_of_any_script_line_up(name: str, widths: dict[str, int]) -> None:
    # when
    lines = text_table(["task", "note"], [[name, "|"], ["plain name", "|"]], left=2).splitlines()
    # then
    places = {columns_before(line, "|", widths) for line in lines[2:]}
    assert places == {len("plain name") + 2}


def test_numbers_are_aligned_right_and_words_left() -> None:
    # when
    head, ruler, first, second = text_table(["名", "n"], [["数学", "7"], ["x", "1,000"]]).splitlines()
    # then
    assert ruler == "----  -----"
    assert (head, first, second) == ("名        n", "数学      7", "x     1,000")


def test_no_line_ends_with_a_space() -> None:
    lines = text_table(["a", "b"], [["x", ""], ["long name", ""]], left=2).splitlines()
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize(("values", "digits"), [((0.5, -1.0), 4), ((0.5, 1.5), 2), ((-40.0,), 2)])
def test_scores_from_0_to_1_have_more_decimals(values: tuple[float, ...], digits: int) -> None:
    assert decimals(*values) == digits
