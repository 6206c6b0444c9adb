"""What the answer does not need can never lose it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from doors import SAMPLING
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.models.openai.candidates import candidates_of
from fusion_eval.models.openai.decoding import UnreadableReplyError, decode_reply
from fusion_eval.models.openai.reply_fields import UnknownFormError
from fusion_eval.types import Candidate

TEXT = "The answer is 4."
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def completion(content: Any = TEXT, **changes: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 7}} | changes


def chunk(text: str, reason: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text} | delta, "finish_reason": reason}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def read(body: str | bytes) -> Candidate:
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    [candidate] = candidates_of(decode_reply(raw), "m", SAMPLING, 0.1)
    return candidate


def part(kind: str, text: Any) -> dict[str, Any]:
    return {"type": kind, "thinking" if kind == "thinking" else "text": text}


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ([part("text", "The answer "), part("text", "is 4.")], TEXT, ""),
        ([part("thinking", "2+2"), part("text", TEXT)], TEXT, "2+2"),
        ([part("thinking", [part("text", "2+2")]), part("text", TEXT)], TEXT, "2+2"),
        ([part("reasoning", "2+2"), part("output_text", TEXT)], TEXT, "2+2"),
        ([{"type": "reference", "ids": [1]}, part("text", TEXT)], TEXT, ""),
        ([part("image_url", "http://x"), TEXT], TEXT, ""),
        ([part("text", {"value": TEXT})], TEXT, ""),
        (part("text", TEXT), TEXT, ""),
        ([], "", ""),
    ],
)
def test_content_in_parts_is_joined(content: Any, text: str, reasoning: str) -> None:
    candidate = read(json.dumps(completion(content)))
    assert (candidate.text, candidate.reasoning) == (text, reasoning)


@pytest.mark.parametrize("content", [7, True, {"x": 1}, 1.5])
def test_content_that_is_no_text_is_no_answer(content: Any) -> None:
    with pytest.raises(UnknownFormError):
        decode_reply(json.dumps(completion(content)).encode())


@given(
    st.sampled_from(
        ["usage", "logprobs", "index", "id", "created", "reasoning_content", "tool_calls", "model"]
    ),
    ANYTHING,
)
def test_a_field_of_any_form_beside_the_text_never_loses_it(field: str, value: Any) -> None:
    reply = completion()
    choice = reply["choices"][0]
    place = {
        "logprobs": choice,
        "index": choice,
        "reasoning_content": choice["message"],
        "tool_calls": choice["message"],
    }
    place.get(field, reply)[field] = value
    assert read(json.dumps(reply)).text == TEXT


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 5.0, "completion_tokens": 7.0}, (5, 7)),
        ({"prompt_tokens": "5", "completion_tokens": "7"}, (5, 7)),
        ({"prompt_tokens": 5.4, "completion_tokens": 7.2}, (5, 7)),
        ({"prompt_tokens": -5, "completion_tokens": None}, (0, 0)),
        ({"prompt_tokens": float("nan"), "completion_tokens": float("inf")}, (0, 0)),
        ({"prompt_tokens": [5], "completion_tokens": 10**400}, (0, 0)),
        ([], (0, 0)),
    ],
)
def test_counts_of_tokens_are_rounded_or_left_out(usage: Any, tokens: tuple[int, int]) -> None:
    candidate = read(json.dumps(completion(usage=usage)))
    assert candidate.text == TEXT and (candidate.prompt_tokens, candidate.completion_tokens) == tokens


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "-1e999", "null"])
def test_log_probabilities_that_are_not_finite_are_unknown(number: str) -> None:
    reply = completion()
    reply["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": "NUMBER"}]}
    candidate = read(json.dumps(reply).replace('"NUMBER"', number))
    assert candidate.text == TEXT and candidate.mean_logprob is None


WHOLE = json.dumps(completion(), ensure_ascii=False)
CHUNKS = [json.dumps(piece) for piece in (chunk("The answer "), chunk("is 4."), chunk("", "stop"))]
DONE = "data: [DONE]\n\n"


@pytest.mark.parametrize(
    "body",
    [
        f"\ufeff{WHOLE}",
        f"\n\n   \n{WHOLE}",
        f"{WHOLE}\n\n{DONE}",
        f"data: {WHOLE}\n\n",
        f"data:{WHOLE}\r\n\r\n{DONE}",
        f"event: message\nid: 7\ndata: {WHOLE}\n\n",
        f": PROCESSING\n\n: PROCESSING\n\n{WHOLE}",
        f": PROCESSING\n\ndata: {WHOLE}\n\n{DONE}",
        "".join(f"data: {piece}\n\n" for piece in CHUNKS) + DONE,
        "".join(f"data: {piece}\n" for piece in CHUNKS) + DONE,
        ": keep-alive\n\n" + "".join(f"data: {piece}\n\n: keep-alive\n\n" for piece in CHUNKS),
        "\n".join(CHUNKS),
        f"[{WHOLE}]",
    ],
    ids=[
        *(
            "byte order mark",
            "blank lines",
            "[DONE] behind it",
            "an event",
            "an event with CRLF",
            "a named event",
        ),
        *("comments before JSON", "comments and an event", "chunks", "chunks without blank lines"),
        *("chunks without [DONE]", "lines of chunks", "a list of one"),
    ],
)
def test_a_reply_in_any_wrapping_is_read(body: str) -> None:
    candidate = read(body)
    assert (candidate.text, candidate.finish_reason) == (TEXT, "stop")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=6))
def test_chunks_are_joined_in_their_order(texts: list[str]) -> None:
    pieces = [chunk(text) for text in texts] + [chunk("", "length")]
    body = "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces)
    candidate = read(body + DONE)
    if not any(mark in "".join(texts).lower() for mark in ("think", "thought", "<|")):
        assert (candidate.text, candidate.finish_reason) == ("".join(texts), "length")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        f"{WHOLE[:-20]}",
        f"data: {CHUNKS[0]}\n\n",
        "".join(f"data: {c}\n\n" for c in CHUNKS[:2]) + DONE,
    ],
)
def test_a_reply_that_ends_before_its_answer_is_unreadable(body: str) -> None:
    with pytest.raises(UnreadableReplyError):
        decode_reply(body.encode())


@given(st.binary(max_size=80))
def test_no_bytes_raise_another_error(body: bytes) -> None:
    with contextlib.suppress(UnknownFormError, UnreadableReplyError):
        decode_reply(body)


def test_bytes_that_are_no_text_spoil_only_themselves() -> None:
    assert read(WHOLE.encode().replace(b"4.", b"4.\xff")).text == "The answer is 4.\ufffd"
