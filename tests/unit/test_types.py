"""The nouns of the package go to JSON and back; a pool knows its usable candidates."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.types import Answer, Candidate, Message, Pool, Prompt, Trace, from_json, to_json

_texts = st.text(max_size=20)
_numbers = st.floats(allow_nan=False, allow_infinity=False)
_candidates = st.builds(
    Candidate,
    text=_texts,
    model=_texts,
    seed=st.integers(0, 2**53),
    mean_logprob=st.none() | _numbers,
    reasoning=_texts,
    cost=st.none() | _numbers,
    latency=_numbers,
    error=st.none() | _texts,
)
_prompts = st.builds(Prompt, _texts, st.lists(st.builds(Message, _texts, _texts), max_size=3).map(tuple))
_answers = st.builds(
    Answer,
    text=_texts,
    scores=st.lists(st.none() | _numbers, max_size=3).map(tuple),
    chosen=st.none() | st.integers(0, 9),
    calls=st.lists(_candidates, max_size=2).map(tuple),
    departures=st.lists(_texts, max_size=2).map(tuple),
    fallback=st.none() | _texts,
)
_traces = st.builds(
    Trace,
    task=_texts,
    doc_id=st.none() | st.integers(0, 10**9),
    copy=st.integers(0, 99),
    strategy=_texts,
    language=st.none() | _texts,
    pool=st.builds(Pool, _prompts, st.lists(_candidates, max_size=3).map(tuple)),
    answer=_answers,
    final=_texts,
)


@given(_traces)
def test_any_trace_is_read_back_from_its_json(trace: Trace) -> None:
    line = to_json(trace)
    assert b"\n" not in line
    assert from_json(line, Trace) == trace


@pytest.mark.parametrize("line", ["", "{}", "[]", "null", '{"task": 7}', "not json", '{"text": "x"'])
def test_a_line_that_is_no_trace_is_an_error(line: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        from_json(line, Trace)


@pytest.mark.parametrize("text", ["a\ud83d", "\udc00", "\ud83d and \ude00"])
def test_a_candidate_with_half_a_surrogate_pair_can_be_stored_and_sent(text: str) -> None:
    """Servers that cut a text inside a character send one, and it would end the whole run."""
    candidate = Candidate(text, "m", 0, reasoning=text)
    assert from_json(to_json(candidate), Candidate) == candidate
    assert candidate.text == text.encode(errors="replace").decode()


def test_other_characters_stay_as_they_are() -> None:
    text = "naïve 😀 ﷺ \u200b \x00"
    assert Candidate(text, "m", 0).text == text


def test_a_failed_candidate_is_in_the_pool_but_not_usable() -> None:
    failed, empty = Candidate("", "m", 0, error="HTTP 500"), Candidate("", "m", 1)
    pool = Pool(Prompt("q"), (failed, empty))
    assert pool.usable == (empty,) and len(pool.candidates) == 2


def test_a_score_of_nan_is_stored_as_unscored() -> None:
    assert from_json(to_json(Answer("x", scores=(math.nan, 1.0))), Answer).scores == (None, 1.0)
