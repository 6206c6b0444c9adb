"""What the strategy `fusion` makes of the fusor's reply, and when it falls back on a candidate."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ContextOverflowError, EndpointError, RequestError
from fusion_eval.strategies import fall_back
from fusion_eval.strategies.methods.fusion import Fusion
from fusion_eval.types import Candidate

FUSED = "Comparison: they differ.\nAnswer: [[ forty-two ]]"


def order(written: str, texts: list[str]) -> list[str]:
    """The candidates in the order in which the fusor's prompt shows them."""
    return sorted(texts, key=lambda text: written.index(f"\n{text}\n"))


def best_of_two() -> tuple[Candidate, Candidate]:
    return Candidate("one", "m", 0, mean_logprob=-2.0), Candidate("two", "m", 1, mean_logprob=-1.0)


# What becomes of the reply


async def test_the_answer_is_the_fused_text_and_keeps_the_comparison() -> None:
    answer = await Fusion()(pool_of("one", "two"), tools(Scripted(FUSED)))
    assert (answer.text, answer.comparison) == ("forty-two", "they differ.")
    assert (answer.chosen, answer.fallback, answer.departures, answer.dropped) == (None, None, (), 0)
    assert [call.text for call in answer.calls] == [FUSED]


@pytest.mark.parametrize(
    ("template", "reply"),
    [
        ("paper", "Comparison: all agree.\nAnswer: [[ 6 · 7 is 42.\nAnswer: 42 ]]"),
        ("paper", "6 · 7 is 42.\nAnswer: 42"),
        ("direct", "6 · 7 is 42.\nAnswer: 42"),
    ],
)
async def test_a_label_that_the_task_asks_for_stays_in_the_answer(template: str, reply: str) -> None:
    answer = await Fusion()(pool_of("Answer: 42"), tools(Scripted(reply), template=template))
    assert answer.text == "6 · 7 is 42.\nAnswer: 42"


async def test_a_reply_that_was_cut_off_is_marked_truncated() -> None:
    cut_off = Candidate("Comparison: x\nAnswer: [[ forty", "m", 0, finish_reason="length")
    answer = await Fusion()(pool_of("one"), tools(Scripted(lambda _: cut_off)))
    assert (answer.text, answer.departures) == ("forty", ("unclosed", "truncated"))


# No answer: a candidate, and the reason on record


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (RequestError("HTTP 400: content policy"), "refused: HTTP 400"),
        (Candidate("", "m", 0, error="timed out"), "failed: timed out"),
        ("", "wrote no answer"),
        ("Comparison: the first", "wrote no answer"),
        ("Comparison: x\nAnswer: [[  ]]", "wrote no answer"),
        ("Comparison: <your comparison>\nAnswer: [[ <the final response> ]]", "wrote no answer"),
        ("Comparison: x\nAnswer: [[ I'm sorry, but I can't help with that. ]]", "refused"),
        ("Je suis désolé, mais je ne peux pas vous aider.", "refused"),
        (Candidate("no", "m", 0, finish_reason="refusal"), "refused"),
        (Candidate("no", "m", 0, finish_reason="content_filter"), "refused"),
    ],
)
async def test_without_a_fused_answer_it_falls_back_on_the_likeliest_candidate(
    reply: str | Candidate | Exception, reason: str
) -> None:
    """Other tools store a fallback and count it as a fusion."""
    answer = await Fusion()(pool_of(*best_of_two()), tools(Scripted(lambda _: reply)))
    assert (answer.text, answer.chosen) == ("two", 1)
    assert answer.fallback is not None and reason in answer.fallback
    assert len(answer.calls) == (0 if isinstance(reply, Exception) else 1)


async def test_an_answer_in_html_is_not_taken_for_an_unfilled_placeholder() -> None:
    answer = await Fusion()(pool_of("one"), tools(Scripted("Comparison: x\nAnswer: [[ <b>42</b> ]]")))
    assert answer.text == "<b>42</b>"


async def test_an_endpoint_that_is_down_stops_the_run() -> None:
    with pytest.raises(EndpointError):
        await Fusion()(pool_of("one"), tools(Scripted(lambda _: EndpointError("down"))))


def test_if_one_candidate_has_no_log_probability_the_first_one_is_the_fallback() -> None:
    first, second = best_of_two()
    unknown = msgspec.structs.replace(first, mean_logprob=None)
    assert fall_back(pool_of(unknown, second), "x").text == "one"
    assert fall_back(pool_of(second, unknown), "x").text == "two"
    assert fall_back(pool_of(Candidate("", "m", 0, error="x"), first, second), "x").chosen == 1


@given(st.permutations([-3.0, -2.0, -1.0]))
def test_the_fallback_is_the_likeliest_candidate_wherever_it_stands(values: list[float]) -> None:
    pool = pool_of(*(Candidate(str(value), "m", i, mean_logprob=value) for i, value in enumerate(values)))
    assert fall_back(pool, "x").text == "-1.0"


# A prompt that is too long


def fits(n: int):
    """A fusor whose context holds n candidates."""
    return Scripted(
        lambda text: ContextOverflowError("too long") if text.count("--- candidate") > n else FUSED
    )


async def test_the_last_candidates_are_dropped_until_the_prompt_fits() -> None:
    # given four candidates, a fusor with room for all, and one with room for two
    texts = [f"text {letter}" for letter in "abcd"]
    roomy, narrow = Scripted(FUSED), fits(2)
    await Fusion()(pool_of(*texts), tools(roomy))
    # when the second one is asked
    answer = await Fusion()(pool_of(*texts), tools(narrow))
    # then it sees the first two in the same order, and the answer says that two are missing
    assert (answer.text, answer.dropped, answer.fallback) == ("forty-two", 2, None)
    kept = [text for text in texts if text in narrow.prompt_texts[-1]]
    assert set(kept) == set(order(roomy.prompt_texts[0], texts)[:2])


async def test_if_not_even_one_candidate_fits_it_falls_back() -> None:
    answer = await Fusion()(pool_of(*best_of_two()), tools(fits(0)))
    assert (answer.text, answer.dropped) == ("two", 2)
    assert answer.fallback == "not even 1 of the texts fits the context of scripted"


async def test_a_fallback_after_dropping_candidates_records_both() -> None:
    replies = itertools.chain([ContextOverflowError("too long")], itertools.repeat(""))
    answer = await Fusion()(pool_of("one", "two"), tools(Scripted(lambda _: next(replies))))
    assert answer.dropped == 1 and answer.fallback is not None
