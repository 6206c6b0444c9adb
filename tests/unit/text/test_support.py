"""Which parts of a fused text stand in its candidates."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_eval.text.support import compares_characters, supported_spans, token_count

words = st.lists(st.sampled_from(["a", "B", "c", "+", "é"]), max_size=14).map(" ".join)


def longest_first_by_brute_force(fused: list[str], candidates: list[list[str]], shortest: int) -> set[int]:
    """Return the places that greedy tiling covers, found by trying every span again after each tile."""
    covered: set[int] = set()
    shortest = min(shortest, len(fused))
    for size in range(len(fused), shortest - 1, -1):
        for start in range(len(fused) - size + 1):
            piece = fused[start : start + size]
            if covered.isdisjoint(range(start, start + size)) and any(
                other[at : at + size] == piece for other in candidates for at in range(len(other))
            ):
                covered |= set(range(start, start + size))
    return covered


@settings(max_examples=80, deadline=None)
@given(words, st.lists(words, max_size=4))
def test_spans_are_disjoint_and_found_in_each_candidate_they_name(fused: str, candidates: list[str]) -> None:
    # when
    spans = supported_spans(fused, candidates, "en")

    # then
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))
    for span in spans:
        assert span.candidates
        for index, candidate in enumerate(candidates):
            found = f" {fused[span.start : span.end]} ".lower() in f" {candidate} ".lower()
            assert found is (index in span.candidates)


@settings(max_examples=80, deadline=None)
@given(words, st.lists(words, max_size=3))
def test_the_longest_spans_are_taken_first(fused: str, candidates: list[str]) -> None:
    # when
    spans = supported_spans(fused, candidates, "en")

    # then
    places = longest_first_by_brute_force(
        fused.lower().split(), [candidate.lower().split() for candidate in candidates], 3
    )
    assert sum(span.tokens for span in spans) == len(places)
    starts = [match.start() for match in re.finditer(r"\S+", fused)]
    covered = {place for place, at in enumerate(starts) if any(s.start <= at < s.end for s in spans)}
    assert covered == places


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=3), st.sampled_from(["en", "ja", None]))
def test_any_text_can_be_compared(fused: str, candidates: list[str], language: str | None) -> None:
    # when
    spans = supported_spans(fused, [*candidates, fused], language)

    # then: the fused text stands in itself
    assert sum(span.tokens for span in spans) == token_count(fused, language)


@pytest.mark.parametrize(
    ("fused", "candidate", "language", "parts"),
    [
        ("The sea is cold, and the sky is blue.", "I say the sky is blue today", "en", ["the sky is blue"]),
        ("x + y = 2", "x - y = 2", "en", ["y = 2"]),
        ("The answer", "the answer is 3", "en", ["The answer"]),
        ("海は青くて広いです", "海は青くて広いと思う", "ja", ["海は青くて広い"]),
        ("नमस्ते मेरे दोस्त जी", "मेरे दोस्त जी कहो", "hi", ["मेरे दोस्त जी"]),
        ("nothing is shared here", "quite another text", "en", []),
        ("", "text", "en", []),
    ],
)
def test_examples(fused: str, candidate: str, language: str, parts: list[str]) -> None:
    # when
    spans = supported_spans(fused, [candidate], language)

    # then
    assert [fused[span.start : span.end] for span in spans] == parts


def test_the_script_decides_where_no_language_is_known() -> None:
    assert compares_characters("今日は天気がいい", None)
    assert not compares_characters("It is fine today (晴れ)", None)
    assert compares_characters("English", "zh_Hans")
