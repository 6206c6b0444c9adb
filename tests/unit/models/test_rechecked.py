"""An answer that looks lost on its way from the server is asked for again."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from limited_models import PROMPT, SAMPLING, limited_model, refusal
from openai_server import Fault, Plan, Reply, Request, Server, default_reply, default_text

from fusion_eval.models.rechecked import Rechecked

pytestmark = pytest.mark.usefixtures("no_pauses")

Start = Callable[[Plan], Server]


def first_replies(count: int, reply: Reply) -> Callable[[Request, int], str | Reply]:
    """Return a plan's `reply` that gives `reply` for the first choices, and sound ones later."""
    numbers = itertools.count()
    return lambda request, index: reply if next(numbers) < count else default_reply(request, index)


@pytest.mark.parametrize(
    "reply", [Reply(""), Reply("Beca", finish_reason="length")], ids=["empty", "cut short"]
)
async def test_an_answer_that_looks_lost_is_asked_for_again(openai_server: Start, reply: Reply) -> None:
    """Other tools score it as what the model wrote."""
    # given a pool whose first answer is lost
    server = openai_server(Plan(reply=first_replies(1, reply)))
    # when
    async with limited_model(server) as model:
        candidates = await Rechecked(model, times=2).sample(PROMPT, SAMPLING, 2)
    # then it alone is asked for again
    assert [c.text for c in candidates] == [default_text("test-model", "Why?", 3 + i, 0.7) for i in range(2)]
    assert [c.retries for c in candidates] == [1, 0]
    assert [(call.body.get("n", 1), call.body["seed"]) for call in server.calls] == [(2, 3), (1, 3)]


async def test_a_model_that_writes_nothing_is_believed_in_the_end(openai_server: Start) -> None:
    server = openai_server(Plan(reply=lambda request, index: ""))
    async with limited_model(server) as model:
        [candidate] = await Rechecked(model, times=2).sample(PROMPT, SAMPLING, 1)
    assert (candidate.text, candidate.error, candidate.retries) == ("", None, 2)
    assert len(server.calls) == 3


async def test_an_answer_as_long_as_allowed_is_an_answer(openai_server: Start) -> None:
    server = openai_server(Plan(reply=lambda request, index: "word " * 100))
    async with limited_model(server) as model:
        [candidate] = await Rechecked(model, times=2).sample(PROMPT, SAMPLING, 1)
    assert candidate.finish_reason == "length" and candidate.completion_tokens == SAMPLING.max_tokens
    assert len(server.calls) == 1


@pytest.mark.parametrize("fault", [Fault("status", 500), refusal("no")], ids=["fails", "is refused"])
@pytest.mark.parametrize("urgent", [True, False])
async def test_the_first_answer_stays_if_the_second_request_fails(
    openai_server: Start, fault: Fault, urgent: bool
) -> None:
    # given an empty answer, and a failure of every later request
    server = openai_server(
        Plan(reply=lambda request, index: "", faults=lambda number, request: fault if number > 1 else None)
    )
    # when
    async with limited_model(server, urgent=urgent, max_retries=0) as model:
        [candidate] = await Rechecked(model, times=2).sample(PROMPT, SAMPLING, 1)
    # then
    assert (candidate.text, candidate.error, candidate.retries) == ("", None, 0)
    assert len(server.calls) == 2
