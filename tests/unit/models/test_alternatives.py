"""The log-probabilities of the alternatives to each token: requested only on demand, stored as one number a token."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.models.cached import keys_of
from fusion_eval.models.http.bounds import largest_reply
from fusion_eval.models.openai.candidates import candidates_of
from fusion_eval.models.openai.decoding import decode_reply
from fusion_eval.models.openai.wire import payload_of
from fusion_eval.types import Candidate, Prompt, Sampling, from_json, to_json, with_logprobs

PLAIN = Sampling(max_tokens=10, temperature=0.7, seed=0)


def chat_reply(rows: object) -> bytes:
    """Return a chat completion of one choice, whose tokens have these alternatives."""
    tokens = [
        {"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "x", "logprob": v} for v in row]}
        for row in rows
    ]
    choice = {
        "index": 0,
        "message": {"content": "text"},
        "finish_reason": "stop",
        "logprobs": {"content": tokens},
    }
    return msgspec.json.encode({"choices": [choice]})


def plain_reply(rows: object) -> bytes:
    logprobs = {
        "token_logprobs": [-0.5 for _ in rows],
        "top_logprobs": [{str(i): value for i, value in enumerate(row)} for row in rows],
    }
    choice = {"index": 0, "text": "text", "finish_reason": "stop", "logprobs": logprobs}
    return msgspec.json.encode({"choices": [choice]})


def confidences(body: bytes) -> tuple[float, ...]:
    [candidate] = candidates_of(decode_reply(body), "m", PLAIN, 0.0)
    return candidate.confidences


@given(st.lists(st.lists(st.floats(-50, 0), min_size=2, max_size=20), max_size=8))
def test_a_tokens_confidence_is_minus_the_mean_of_its_alternatives(rows: list[list[float]]) -> None:
    expected = pytest.approx([-sum(row) / len(row) for row in rows], abs=1e-3)
    assert confidences(chat_reply(rows)) == expected
    assert confidences(plain_reply(rows)) == expected


def test_a_lenient_reading_finds_the_same_alternatives() -> None:
    body = chat_reply([[-1.0, -2.0], [-3.0, -4.0]])
    streamed = b"data: " + body.replace(b'"message"', b'"delta"') + b"\n\ndata: [DONE]\n\n"
    assert confidences(streamed) == confidences(body) == (1.5, 3.5)


def test_impossible_alternatives_and_lone_ones_do_not_count() -> None:
    rows = [[-1.0, -3.0, -9999.0], [-1.0], [], [-9999.0, -1.0]]
    assert confidences(chat_reply(rows)) == (2.0,)


def test_a_reply_without_alternatives_has_no_confidences() -> None:
    body = b'{"choices": [{"message": {"content": "x"}, "logprobs": {"content": [{"token": "x", "logprob": -1}]}}]}'
    assert confidences(body) == ()


def test_only_a_request_for_alternatives_asks_the_endpoint_for_them() -> None:
    prompt, wanted = Prompt("Why?"), with_logprobs(PLAIN, 20)
    chat, plain = payload_of("m", prompt, wanted, 1, True), payload_of("m", prompt, wanted, 1, False)
    assert (chat["logprobs"], chat["top_logprobs"]) == (True, 20)
    assert plain["logprobs"] == 20 and "top_logprobs" not in plain
    assert "top_logprobs" not in payload_of("m", prompt, with_logprobs(PLAIN, 1), 1, True)
    assert largest_reply(wanted, 1) > largest_reply(with_logprobs(PLAIN, 1), 1)


def test_where_nothing_is_requested_the_sampling_options_and_so_the_stores_keys_stay_the_same() -> None:
    assert with_logprobs(PLAIN, 0) == PLAIN
    assert with_logprobs(PLAIN, 1) == Sampling(10, 0.7, 0, logprobs=True)
    keys = {keys_of("m", Prompt("x"), with_logprobs(PLAIN, wanted), 1)[0] for wanted in (0, 1, 20)}
    assert len(keys) == 3


def test_a_candidate_that_was_stored_without_confidences_is_read() -> None:
    old = b'{"text":"x","model":"m","seed":0,"mean_logprob":-1.0}'
    assert from_json(old, Candidate) == Candidate("x", "m", 0, mean_logprob=-1.0)
    kept = Candidate("x", "m", 0, confidences=(1.5, 2.25))
    assert from_json(to_json(kept), Candidate) == kept
