"""Text of others stays plain text inside Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.text.escaping import escaped, escaped_table, fenced


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
