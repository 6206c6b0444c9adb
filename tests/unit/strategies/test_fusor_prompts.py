"""The prompts `analysis`, `agglm` and `synthesis` of the strategy `fusion`."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.strategies.analysis import PARTS, read_analysis
from fusion_eval.strategies.fused_text import read_tagged
from fusion_eval.strategies.fusing import COMPARISON_TOKENS
from fusion_eval.strategies.methods.fusion import Fusion
from fusion_eval.types import Candidate

ANALYSIS = {part: [] for part in PARTS} | {"consensus": ["both say 42"]}
WRITTEN = json.dumps(ANALYSIS)


def replies(*texts: str | Candidate | Exception) -> Scripted:
    waiting = itertools.chain(texts)
    return Scripted(lambda _: next(waiting))


# analysis


async def test_the_first_call_analyzes_and_the_second_answers() -> None:
    # given
    model = replies(WRITTEN, "forty-two")
    # when
    answer = await Fusion(prompt="analysis")(pool_of("one", "two"), tools(model))
    # then
    assert (answer.text, answer.fallback, answer.chosen) == ("forty-two", None, None)
    assert json.loads(answer.comparison) == ANALYSIS
    assert [call.text for call in answer.calls] == [WRITTEN, "forty-two"]
    first, second = model.prompt_texts
    assert all(f'"{part}"' in first for part in PARTS)
    assert "both say 42" in second and "both say 42" not in first
    assert all("\none\n" in prompt and "\ntwo\n" in prompt for prompt in (first, second))


@pytest.mark.parametrize(
    "reply",
    [WRITTEN, f"```json\n{WRITTEN}\n```", f"Here it is:\n{WRITTEN}\nDone.", f"```\n{WRITTEN}\n```\nDone."],
)
def test_an_analysis_is_read_alone_in_a_code_block_or_within_text(reply: str) -> None:
    found = read_analysis(reply)
    assert found is not None and json.loads(found) == ANALYSIS


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "no json",
        "[]",
        "{}",
        WRITTEN[:-5],
        json.dumps({part: [] for part in PARTS}),
        json.dumps(ANALYSIS | {"consensus": "both"}),
        json.dumps({"consensus": ["x"]}),
        "{" * 5000,
    ],
)
async def test_an_analysis_that_cannot_be_read_is_a_fallback_without_a_second_call(reply: str) -> None:
    model = replies(reply, "never asked")
    answer = await Fusion(prompt="analysis")(pool_of("one", "two"), tools(model))
    assert (answer.text, answer.chosen, len(answer.calls), len(model.requests)) == ("one", 0, 1, 1)
    assert answer.fallback == "the fusor's analysis cannot be read (stop)"


@given(st.text())
def test_no_reply_makes_reading_an_analysis_fail(reply: str) -> None:
    assert read_analysis(reply) is None


@pytest.mark.parametrize(
    ("reply", "reason", "calls"),
    [
        (RequestError("HTTP 400"), "the endpoint of scripted refused: HTTP 400", 0),
        (Candidate("", "m", 0, error="timed out"), "the fusor failed: timed out", 1),
        (ContextOverflowError("too long"), "not even 1 of the texts fits the context of scripted", 0),
    ],
)
async def test_an_analysis_that_fails_is_a_fallback(
    reply: Candidate | Exception, reason: str, calls: int
) -> None:
    answer = await Fusion(prompt="analysis")(pool_of("one"), tools(Scripted(lambda _: reply)))
    assert (answer.text, answer.fallback, len(answer.calls)) == ("one", reason, calls)


async def test_an_answer_that_fails_after_the_analysis_is_a_fallback_with_both_calls() -> None:
    answer = await Fusion(prompt="analysis")(pool_of("one"), tools(replies(WRITTEN, "")))
    assert (answer.text, answer.chosen, len(answer.calls)) == ("one", 0, 2)
    assert answer.fallback is not None and "wrote no answer" in answer.fallback


async def test_the_answer_sees_no_more_candidates_than_the_analysis() -> None:
    def narrow(prompt: str) -> str | Exception:
        if prompt.count("--- candidate") > 1:
            return ContextOverflowError("too long")
        return "final" if "both say 42" in prompt else WRITTEN

    answer = await Fusion(prompt="analysis")(pool_of("one", "two", "three"), tools(Scripted(narrow)))
    assert (answer.text, answer.dropped) == ("final", 2)


async def test_the_analysis_is_not_cut_at_the_tasks_stop_strings() -> None:
    # given a plain-text model whose analysis has several lines
    model = replies("Here it is:\n" + WRITTEN, "forty-two\nmore")
    model.chat = False
    # when the task stops at the end of a line
    answer = await Fusion(prompt="analysis")(pool_of("one", "two"), tools(model, stop=("\n",)))
    # then only the answer is cut there
    assert [sampling.stop for _, sampling in model.requests] == [(), ("\n",)]
    assert (answer.text, answer.fallback) == ("forty-two", None)


# synthesis


async def test_a_tagged_solution_has_room_for_the_reasoning_before_it() -> None:
    model = Scripted("<NEW_SOLUTION>42</NEW_SOLUTION>")
    await Fusion(prompt="synthesis")(pool_of("one"), tools(model))
    await Fusion(prompt="synthesis")(pool_of("one"), tools(model, fusor_max_tokens=300))
    assert [sampling.max_tokens for _, sampling in model.requests] == [100 + COMPARISON_TOKENS, 300]


async def test_a_tagged_solution_is_not_cut_at_the_tasks_stop_strings() -> None:
    # given a plain-text model that reasons on a line of its own
    model = Scripted("Because.\n<NEW_SOLUTION>\n42\n</NEW_SOLUTION>", chat=False)
    # when the task stops at the end of a line
    answer = await Fusion(prompt="synthesis")(pool_of("one"), tools(model, stop=("\n",)))
    # then
    assert model.requests[0][1].stop == ()
    assert (answer.text, answer.fallback) == ("42", None)


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("<NEW_SOLUTION>\n42\n</NEW_SOLUTION>", "42"),
        ("Thoughts.\n<NEW_SOLUTION>41</NEW_SOLUTION>\nNo:\n<NEW_SOLUTION>42</NEW_SOLUTION>", "42"),
        ("<NEW_SOLUTION>a\nAnswer: 42</NEW_SOLUTION> trailing", "a\nAnswer: 42"),
    ],
)
async def test_the_last_tagged_solution_is_the_answer(reply: str, text: str) -> None:
    answer = await Fusion(prompt="synthesis")(pool_of("one"), tools(Scripted(reply)))
    assert (answer.text, answer.fallback) == (text, None)


@pytest.mark.parametrize(
    "reply", ["42", "<NEW_SOLUTION>42", "42</NEW_SOLUTION>", "<NEW_SOLUTION> </NEW_SOLUTION>"]
)
async def test_a_reply_without_a_tagged_solution_is_a_fallback(reply: str) -> None:
    answer = await Fusion(prompt="synthesis")(pool_of("one"), tools(Scripted(reply)))
    assert (answer.text, answer.chosen) == ("one", 0)
    assert answer.fallback is not None and "wrote no answer" in answer.fallback


def test_text_before_the_tags_is_the_comparison_and_text_after_them_a_departure() -> None:
    fused = read_tagged("Because.\n<NEW_SOLUTION>42</NEW_SOLUTION>\nBye.")
    assert (fused.comparison, fused.departures) == ("Because.", ("trailing",))


# agglm


async def test_agglm_takes_the_whole_reply() -> None:
    model = Scripted("I checked.\nAnswer: 42")
    answer = await Fusion(prompt="agglm")(pool_of("one", "two"), tools(model, language="fr"))
    assert answer.text == "I checked.\nAnswer: 42"
    assert "French" in model.prompt_texts[0] and "Do not count votes" in model.prompt_texts[0]
