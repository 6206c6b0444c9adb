"""A reply that says that it failed, in whatever field, is no answer: it is transient and never stored."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from doors import SAMPLING, StartServer, sample
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Fault, Plan

from fusion_eval.errors import TransientError
from fusion_eval.models.openai.candidates import candidates_of
from fusion_eval.models.openai.decoding import decode_reply
from fusion_eval.models.openai.finish import DONE, finish_name
from fusion_eval.types import Candidate

FAILURE = {"code": 502, "message": "The provider failed"}


def reply_with(**changes: Any) -> dict[str, Any]:
    """Return a good reply with changes: `choice` and `message` change those parts, other names the reply itself."""
    message = {"role": "assistant", "content": "The answ"} | changes.pop("message", {})
    choice = {"index": 0, "message": message, "finish_reason": "stop"} | changes.pop("choice", {})
    return {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 7}} | changes


def read(reply: Any) -> list[Candidate]:
    return candidates_of(decode_reply(msgspec.json.encode(reply)), "m", SAMPLING, 0.1)


@pytest.mark.parametrize(
    "reply",
    [
        reply_with(choice={"error": FAILURE}),
        reply_with(choice={"error": FAILURE, "finish_reason": None}),
        reply_with(choice={"error": "no room"}),
        reply_with(choice={"errors": [FAILURE]}),
        reply_with(choice={"status": "failed"}),
        reply_with(choice={"native_finish_reason": "abort"}),
        reply_with(choice={"native_finish_reason": "MALFORMED_FUNCTION_CALL"}),
        reply_with(choice={"native_finish_reason": "upstream-error"}),
        reply_with(choice={"finish_reason": {"type": "abort"}}),
        reply_with(choice={"finish_reason": None}, message={"content": None}),
        reply_with(choice={"finish_reason": ""}, message={"content": ""}),
        reply_with(choice={"message": None}),
        reply_with(message={"error": FAILURE}),
        reply_with(error=FAILURE),
        reply_with(errors=["no room"]),
        reply_with(status="failed"),
        reply_with(status=503),
        reply_with(code="500"),
        reply_with(success=False),
        reply_with(object="error"),
        reply_with(base_resp={"status_code": 1002, "status_msg": "no room"}),
    ],
)
def test_a_failure_in_any_field_is_no_answer(reply: dict[str, Any]) -> None:
    with pytest.raises(TransientError) as caught:
        read(reply)
    assert caught.value.lost


@pytest.mark.parametrize(
    "nothing", [None, "", {}, [], False, {"code": 0, "message": ""}, {"code": 200, "message": "success"}]
)
def test_an_error_field_that_says_nothing_loses_no_answer(nothing: Any) -> None:
    replies = [
        reply_with(choice={"error": nothing}),
        reply_with(message={"error": nothing}),
        reply_with(error=nothing),
    ]
    assert [read(reply)[0].text for reply in replies] == ["The answ"] * 3


@given(st.text(min_size=1, max_size=20).filter(lambda reason: finish_name(reason) is None))
def test_an_unknown_finish_reason_is_no_answer(reason: str) -> None:
    with pytest.raises(TransientError):
        read(reply_with(choice={"finish_reason": reason}))


@pytest.mark.parametrize(
    "reason",
    [
        *(
            "error",
            "abort",
            "cancelled",
            "timeout",
            "overloaded",
            "network_error",
            "insufficient_system_resource",
        ),
        *(
            "unexpected_eos",
            "load",
            "unload",
            "malformed_function_call",
            "OTHER",
            "FINISH_REASON_OTHER",
            "\ud800",
        ),
    ],
)
def test_a_server_that_gave_up_sent_no_answer(reason: str) -> None:
    assert finish_name(reason) is None


@pytest.mark.parametrize("reason", sorted(DONE))
def test_each_synonym_means_done_in_every_spelling(reason: str) -> None:
    for spelling in (
        reason,
        reason.upper(),
        reason.replace("_", "-"),
        f"FINISH_REASON_{reason.upper()}",
        {"type": reason},
    ):
        assert finish_name(spelling) == DONE[reason]


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("eos", "stop"), ("end_turn", "stop"), ("COMPLETE", "stop"), ("stop_sequence", "stop"), ("STOP", "stop"),
        ("max_tokens", "length"), ("MAX_TOKENS", "length"), ("model_length", "length"), ("SAFETY", "content_filter"),
        ("function_call", "tool_calls"), ("tool_use", "tool_calls"), (None, "unknown"), ("", "unknown"), (7, "unknown"),
    ],
)  # fmt: skip
def test_a_finish_reason_has_openais_name(reason: object, name: str) -> None:
    assert finish_name(reason) == name


def test_of_several_choices_only_the_failed_one_is_an_error() -> None:
    good = reply_with()["choices"][0]
    bad = good | {"index": 1, "finish_reason": "error", "error": FAILURE}
    candidates = read({"choices": [good, bad, good | {"index": 2}]})
    assert [candidate.error is None for candidate in candidates] == [True, False, True]
    assert candidates[1].text == "" and "The provider failed" in str(candidates[1].error)


async def test_a_failure_of_overload_asks_for_fewer_requests(openai_server: StartServer) -> None:
    body = reply_with(choice={"error": {"code": 429, "message": "busy"}, "finish_reason": "error"})
    server = openai_server(Plan(faults=lambda number, request: Fault("status", 200, body=body)))
    with pytest.raises(TransientError, match="busy") as caught:
        await sample(server)
    assert caught.value.overloaded
