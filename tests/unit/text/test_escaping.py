"""Text of others stays plain text inside Markdown, LaTeX, CSV, JSON and XML."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.text.escaping import (
    csv_cell,
    escaped,
    escaped_table,
    fenced,
    latex_escaped,
    visible_json,
    xml_text,
)
from fusion_eval.text.printable import terminal_line


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a|b", "a\\|b"),
        ("*a* `b` [c](d)", "\\*a\\* \\`b\\` \\[c\\](d)"),
        ("<b> & </b>", "&lt;b> &amp; &lt;/b>"),
        ("@maintainers", "@<!-- -->maintainers"),
        ("fixes #12", "fixes #<!-- -->12"),
        ("https://example.org", "https:<!-- -->//example.org"),
        ("www.example.org", "www<!-- -->.example.org"),
        ("a\nb\x1b[2J", "ab\\[2J"),
    ],
)
def test_markup_mentions_and_links_are_escaped(text: str, markdown: str) -> None:
    assert escaped(text) == markdown


def test_numbers_are_aligned_to_the_right_in_a_table() -> None:
    table = escaped_table(["name", "score"], [["a|b", "1.5"]], left=1)
    assert table.splitlines() == ["| name | score |", "| :-- | --: |", "| a\\|b | 1.5 |"]


@given(st.text(st.sampled_from("`a \n\t"), max_size=50))
def test_no_text_can_close_its_code_block(text: str) -> None:
    first, *inside, last = fenced(text, 50).split("\n")
    assert first == f"{last}text" and set(last) == {"`"}
    assert not any(last in line for line in inside)


def test_a_long_text_is_cut_and_its_rest_counted() -> None:
    assert fenced("a" * 1500, 300).endswith("\n```\n(1,200 more characters)")


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-a", "'-a"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        (" =1", "' =1"),
        ("\u200b=1", "'=1"),
        ("＝1", "'＝1"),
        ("-0.5", "-0.5"),
        ("+1e-5", "+1e-5"),
        ("a=b", "a=b"),
        ("::error::x", ": :error::x"),
        ("", ""),
        (-0.5, -0.5),
        (None, None),
        (True, True),
    ],
)
def test_a_spreadsheet_executes_no_cell_and_numbers_stay_numbers(value: object, cell: object) -> None:
    assert csv_cell(value) == cell


@given(st.recursive(st.text() | st.sampled_from(["##[error]", "\x9b\u202e", "\U000e0041"]), st.lists))
def test_visible_json_has_the_same_content(content: object) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=2)

    visible = visible_json(text)

    assert json.loads(visible) == content
    assert all(line == terminal_line(line) for line in visible.split("\n"))


@given(st.text())
def test_no_text_can_end_a_latex_group_or_begin_a_command(text: str) -> None:
    escaped_text = latex_escaped(text)

    assert escaped_text.isascii()
    without_escapes = re.sub(r"\\[a-z]+\{\}|\\[&%$#_{}]|\{[\[\]*]\}|\$\\(pm|dagger)\$", "", escaped_text)
    assert not set(without_escapes) & set("\\&%$#_{}~^[]*")


@given(st.text())
def test_every_text_can_stand_in_xml(text: str) -> None:
    element = ElementTree.Element("name", value=xml_text(text))

    assert ElementTree.fromstring(ElementTree.tostring(element)).get("value") == xml_text(text)
