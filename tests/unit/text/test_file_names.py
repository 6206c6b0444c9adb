"""Names of folders that are made out of text: safe, readable, and never the same for two texts."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.text.file_names import safe_file_name


@pytest.mark.parametrize(
    "text",
    ["single", "rank_fusion(k=2,by=chrf)", "bon(scorer=judge(temperature=0.5))", "fusion(fusor_prompt=mine.j2)"],
)  # fmt: skip
def test_a_spec_keeps_its_text(text: str) -> None:
    assert safe_file_name(text) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("fusion(fusor_prompt=a/b.j2)", "fusion(fusor_prompt=a%2Fb.j2)"),
        ("a|b", "a%7Cb"),
        ("100%", "100%25"),
        ("..", "%2E%2E"),
        ("a\nb", "a%0Ab"),
        ("con", "%63on"),
    ],
)
def test_characters_that_a_file_system_refuses_are_encoded(text: str, name: str) -> None:
    assert safe_file_name(text) == name


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_two_texts_have_two_names(one: str, other: str) -> None:
    assert (safe_file_name(one) == safe_file_name(other)) == (one == other)


def test_long_texts_are_cut_and_still_have_two_names() -> None:
    one, other = safe_file_name("x" * 1_000 + "1"), safe_file_name("x" * 1_000 + "2")
    assert one != other
    assert len(one) <= 120


@given(st.text(st.characters(codec="utf-8")))
def test_every_name_is_one_part_of_a_path_on_every_system(text: str) -> None:
    name = safe_file_name(text)
    assert 0 < len(name.encode()) <= 130
    assert Path("out", name).parent == Path("out") and name not in (".", "..")
    assert not PureWindowsPath(name).drive and not set(name) & set('<>:"/\\|?*')
    assert name[-1] not in ". "
