"""An answer whose reply contradicts itself is asked for again and counted; an honest one is believed."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import msgspec
import pytest
from limited_models import PROMPT, SAMPLING, limited_model, refusal
from openai_server import Fault, Plan, Reply, Request, Server, default_reply, default_text

from fusion_eval.models.rechecked import Rechecked, contradictions
from fusion_eval.types import Candidate

pytestmark = pytest.mark.usefixtures("no_pauses")

Start = Callable[[Plan], Server]


def first_replies(count: int, reply: Reply) -> Callable[[Request, int], str | Reply]:
    """Return a plan's `reply` that gives `reply` for the first choices, and sound ones later."""
    numbers = itertools.count()
    return lambda request, index: reply if next(numbers) < count else default_reply(request, index)


LOST = Reply("", lost_tokens=20)
CUT = Reply("Beca", finish_reason="length")


@pytest.mark.parametrize("reply", [LOST, CUT], ids=["tokens without text", "cut far below max_tokens"])
async def test_an_answer_whose_reply_contradicts_itself_is_asked_for_again(
    openai_server: Start, reply: Reply
) -> None:
    # given
    server = openai_server(Plan(reply=first_replies(1, reply)))
    # when
    async with limited_model(server) as model:
        [candidate] = await Rechecked(model, times=2).sample(PROMPT, SAMPLING, 1)
    # then
    assert candidate.text == default_text("test-model", "Why?", 3, 0.7)
    assert (candidate.rechecks, candidate.retries) == (1, 0)
    assert [call.body["seed"] for call in server.calls] == [3, 3]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(""),
        Reply("", lost_tokens=1),
        Reply(None),
        Reply("", finish_reason="content_filter", lost_tokens=20),
        Reply("", reasoning_content="I have nothing to say.", lost_tokens=20),
        Reply("word " * 100),
        Reply("word " * 20, finish_reason="length"),
    ],
    ids=[
        *("empty", "only the end token", "null", "filtered", "only reasoning", "as long as allowed"),
        "nearly as long as allowed",
    ],
)
async def test_an_honest_answer_is_believed(openai_server: Start, reply: Reply) -> None:
    """To ask again would change the distribution that is measured."""
    server = openai_server(Plan(reply=lambda request, index: reply))
    async with limited_model(server) as model:
        [candidate] = await Rechecked(model, times=2).sample(PROMPT, SAMPLING, 1)
    assert candidate.error is None and candidate.rechecks == 0
    assert len(server.calls) == 1


async def test_an_empty_answer_beside_others_is_believed(openai_server: Start) -> None:
    """The server counts the tokens of all choices together."""
    server = openai_server(Plan(reply=lambda request, index: LOST if index == 1 else "word"))
    async with limited_model(server) as model:
        candidates = await Rechecked(model, times=2).sample(PROMPT, SAMPLING, 3)
    assert [c.text for c in candidates] == ["word", "", "word"] and len(server.calls) == 1


def test_an_answer_that_begins_with_a_stop_string_is_honestly_empty() -> None:
    candidate = Candidate("", "m", 0, completion_tokens=3)
    assert contradictions([candidate], SAMPLING) == [0]
    assert contradictions([candidate], dataclasses.replace(SAMPLING, stop=("Q:",))) == []
    hidden = msgspec.structs.replace(candidate, completion_tokens=90, reasoning_tokens=89)
    assert contradictions([hidden], SAMPLING) == []


async def test_a_model_whose_replies_all_contradict_themselves_is_believed_in_the_end(
    openai_server: Start,
) -> None:
    server = openai_server(Plan(reply=lambda request, index: LOST))
    async with limited_model(server) as model:
        [candidate] = await Rechecked(model, times=2).sample(PROMPT, SAMPLING, 1)
    assert (candidate.text, candidate.error, candidate.rechecks) == ("", None, 2)
    assert len(server.calls) == 3


async def test_a_limit_of_the_endpoint_is_learnt(openai_server: Start) -> None:
    """Some servers end every answer below `max_tokens`."""
    server = openai_server(Plan(reply=lambda request, index: CUT))
    async with limited_model(server) as model:
        rechecked = Rechecked(model, times=2)
        for _ in range(3):
            [candidate] = await rechecked.sample(PROMPT, SAMPLING, 1)
    assert candidate.text == "Beca" and len(server.calls) == 4


@pytest.mark.parametrize("fault", [Fault("status", 500), refusal("no")], ids=["fails", "is refused"])
@pytest.mark.parametrize("urgent", [True, False])
async def test_the_first_answer_stays_if_the_second_request_fails(
    openai_server: Start, fault: Fault, urgent: bool
) -> None:
    # given a lost answer, and a failure of every later request
    server = openai_server(
        Plan(reply=lambda request, index: LOST, faults=lambda number, request: fault if number > 1 else None)
    )
    # when
    async with limited_model(server, urgent=urgent, max_retries=0) as model:
        [candidate] = await Rechecked(model, times=2).sample(PROMPT, SAMPLING, 1)
    # then
    assert (candidate.text, candidate.error, candidate.rechecks) == ("", None, 0)
    assert len(server.calls) == 2


async def test_a_choice_that_failed_beside_good_ones_is_asked_for_again(openai_server: Start) -> None:
    # given a server that gives up the second of three choices
    failed = Reply("Beca", finish_reason="error")
    numbers = itertools.count()
    server = openai_server(
        Plan(reply=lambda request, index: failed if next(numbers) == 1 else default_reply(request, index))
    )
    # when
    async with limited_model(server) as model:
        candidates = await Rechecked(model, times=0).sample(PROMPT, SAMPLING, 3)
    # then the good ones are kept
    assert [c.text for c in candidates] == [default_text("test-model", "Why?", 3 + i, 0.7) for i in range(3)]
    assert [c.error for c in candidates] == [None] * 3
    assert [c.retries for c in candidates] == [0, 1, 0]
    assert [(call.body.get("n", 1), call.body["seed"]) for call in server.calls] == [(3, 3), (1, 4)]
