"""Texts end at the first stop string, even if the endpoint ignored it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.strategies.sampler import cut_at_stop


@pytest.mark.parametrize(
    ("text", "stops", "left"),
    [
        ("a\nb", ("\n",), "a"),
        ("a\n\nb", ("b", "\n\n"), "a"),
        ("Q: x", ("Q:",), ""),
        ("a", ("b",), "a"),
        ("a", (), "a"),
        ("a", ("",), "a"),  # an empty stop string stops nothing
        ("answer</s>", ("</s>", "s"), "an"),
    ],
)
def test_the_first_stop_string_in_the_text_ends_it(text: str, stops: tuple[str, ...], left: str) -> None:
    assert cut_at_stop(text, stops) == left


_letters = st.text(alphabet="ab\n", max_size=20)


@given(_letters, st.lists(_letters.map(lambda stop: stop[:3]), max_size=3))
def test_the_rest_is_a_prefix_without_any_stop_string(text: str, stops: list[str]) -> None:
    left = cut_at_stop(text, stops)
    assert text.startswith(left) and cut_at_stop(left, stops) == left
    assert not any(stop and stop in left for stop in stops)
    assert left == text or text[len(left) :].startswith(tuple(filter(None, stops)))
