"""The judge's score is the mean of the ratings that it could have written, weighted by their probability."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.models.openai.candidates import candidates_of
from fusion_eval.models.openai.decoding import decode_reply
from fusion_eval.strategies.ratings import rating_in
from fusion_eval.strategies.scorers.judge import Judge
from fusion_eval.types import ALTERNATIVES, Candidate, Sampling, from_json, to_json

SAMPLING = Sampling(max_tokens=10, temperature=0.0, seed=0)
Token = tuple[str, dict[str, float]]
"""A token as it is written, and the probabilities of all tokens in its place."""
weights = st.lists(st.floats(0.01, 1), min_size=10, max_size=10)


def reply(tokens: list[Token], *, chat: bool = True, reported: bool = True) -> Candidate:
    """Return the candidate that the OpenAI door makes of a reply with these tokens."""
    text = "".join(token for token, _ in tokens)
    rows = [{t: math.log(p) for t, p in row.items()} for _, row in tokens]
    own = [row.get(token, -0.1) for (token, _), row in zip(tokens, rows, strict=True)]
    if chat:
        content = [
            {
                "token": token,
                "logprob": value,
                "top_logprobs": [{"token": t, "logprob": v} for t, v in row.items()] if reported else [],
            }
            for (token, _), value, row in zip(tokens, own, rows, strict=True)
        ]
        choice = {"message": {"content": text}, "finish_reason": "stop", "logprobs": {"content": content}}
    else:
        plain = {"tokens": [token for token, _ in tokens], "token_logprobs": own, "top_logprobs": rows}
        choice = {"text": text, "finish_reason": "stop", "logprobs": plain}
    [candidate] = candidates_of(decode_reply(msgspec.json.encode({"choices": [choice]})), "m", SAMPLING, 0.0)
    return candidate


def certain(token: str) -> Token:
    return token, {token: 1.0}


def shares(values: list[float]) -> list[float]:
    return [value / sum(values) for value in values]


@pytest.mark.parametrize("chat", [True, False])
@settings(max_examples=40)
@given(values=weights, written=st.integers(1, 10))
def test_where_each_rating_is_one_token_the_mean_is_over_all_ratings(
    chat: bool, values: list[float], written: int
) -> None:
    # given the probability of each rating, and of a word that is none
    odds = shares([*values, 0.3])
    row = {str(rating): odds[rating - 1] for rating in range(1, 11)} | {"nine": odds[10]}
    # when
    judged = reply(
        [certain("It names 3 facts."), certain(" [["), (str(written), row), certain("]]")], chat=chat
    )
    # then
    expected = sum(r * odds[r - 1] for r in range(1, 11)) / sum(odds[:10])
    assert rating_in(judged) == pytest.approx(expected, abs=2e-3)


@settings(max_examples=40)
@given(values=weights, ten=st.floats(0.05, 0.9), written=st.sampled_from([1, 10]))
def test_where_digits_are_tokens_and_a_1_was_written_all_strings_count(
    values: list[float], ten: float, written: int
) -> None:
    # given a model that writes 10 as 1 and 0, and 11 and 1 otherwise
    first = dict(zip("123456789", shares(values[:9]), strict=True))
    second = {"0": ten, "1": 0.05, "]]": 0.95 - ten}
    tokens: list[Token] = [certain("[["), ("1", first)]
    tokens += [("]]", second)] if written == 1 else [("0", second), certain("]]")]
    # when the strings are enumerated
    odds = {int(digit): p for digit, p in first.items() if digit != "1"}
    odds |= {1: first["1"] * second["]]"], 10: first["1"] * ten}
    # then
    expected = sum(r * p for r, p in odds.items()) / sum(odds.values())
    assert rating_in(reply(tokens)) == pytest.approx(expected, abs=2e-3)


def test_where_digits_are_tokens_a_1_that_was_not_written_is_no_rating() -> None:
    # given a 1 that may be the beginning of 10
    row = {"9": 0.5, "8": 0.3, "1": 0.2}
    # then it is left out
    assert rating_in(reply([certain("[["), ("9", row), certain("]]")])) == pytest.approx(6.9 / 0.8, abs=1e-3)


def test_spaces_around_a_number_do_not_make_it_another() -> None:
    row = {" 9": 0.5, "9": 0.3, " 7": 0.2}
    assert rating_in(reply([certain("[["), (" 9", row), certain(" ]]")])) == pytest.approx(8.6, abs=1e-3)


@pytest.mark.parametrize(
    "tokens",
    [
        [certain("Good. [[8]]")],
        [certain("[["), certain("8]]")],
        [certain("[[8"), certain("]]")],
    ],
)
def test_a_rating_in_a_token_with_other_characters_is_read_as_it_is_written(tokens: list[Token]) -> None:
    assert rating_in(reply(tokens)) == 8.0


def test_without_alternatives_the_written_rating_counts() -> None:
    judged = reply([certain("[["), ("8", {"8": 0.5, "9": 0.5}), certain("]]")], reported=False)
    assert judged.last_number == () and rating_in(judged) == 8.0


def test_a_reply_without_a_rating_has_none_whatever_its_tokens_say() -> None:
    assert rating_in(reply([certain("I give "), ("8", {"8": 0.5, "9": 0.5})])) is None


def test_the_alternatives_are_stored_with_the_reply() -> None:
    judged = reply([certain("[["), ("8", {"8": 0.5, "9": 0.5}), certain("]]")])
    assert from_json(to_json(judged), Candidate) == judged and len(judged.last_number) == 2


async def test_the_judge_asks_for_alternatives_to_each_token() -> None:
    judged = reply([certain("[["), ("8", {"8": 0.5, "9": 0.5}), certain("]]")])
    model = Scripted(lambda _: judged)
    assert (await Judge()(pool_of("one"), tools(model))).scores == (pytest.approx(8.5, abs=1e-3),)
    assert dict(model.requests[0][1].extra) == {ALTERNATIVES: 5}


async def test_an_endpoint_that_refuses_the_request_is_asked_without_them() -> None:
    # given an endpoint that refuses requests for alternatives
    model = Scripted(
        lambda _: RequestError("top_logprobs must be at most 3") if len(model.requests) == 1 else "[[8]]"
    )
    # when
    scored = await Judge()(pool_of("one"), tools(model))
    # then
    assert scored.scores == (8.0,)
    assert [sampling.logprobs for _, sampling in model.requests] == [True, False]


async def test_a_prompt_that_does_not_fit_is_not_sent_twice() -> None:
    model = Scripted(lambda _: ContextOverflowError("too long"))
    assert (await Judge()(pool_of("one"), tools(model))).scores == (None,)
    assert len(model.requests) == 1
