"""`bon` and `single`: which candidate of the pool is taken."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import RequestError
from fusion_eval.strategies import Scored, Tools
from fusion_eval.strategies.bon import BestOfN
from fusion_eval.strategies.single import Single
from fusion_eval.types import Candidate, Pool

FAILED = Candidate("", "m", 0, error="HTTP 500")


def scoring(*scores: float | None) -> Tools:
    """Tools whose scorer gives these."""

    async def scorer(pool: Pool, tools: Tools) -> Scored:
        return Scored(scores)

    return dataclasses.replace(tools(), scorer=scorer)


async def test_the_best_scored_candidate_is_taken_word_for_word() -> None:
    answer = await BestOfN()(pool_of(" one", "two \n", "three"), scoring(1.0, 3.0, 2.0))
    assert (answer.text, answer.chosen, answer.scores, answer.fallback) == (
        "two \n",
        1,
        (1.0, 3.0, 2.0),
        None,
    )


@settings(max_examples=30)  # each has an event loop of its own
@given(st.lists(st.sampled_from([None, -1.0, 0.0, 5.0]), min_size=1, max_size=6))
async def test_the_earliest_of_the_best_wins_and_the_unscored_never(scores: list[float | None]) -> None:
    answer = await BestOfN()(pool_of(*map(str, range(len(scores)))), scoring(*scores))
    known = [score for score in scores if score is not None]
    assert answer.chosen == (scores.index(max(known)) if known else 0)
    assert (answer.fallback is None) == bool(known)


async def test_a_score_that_is_no_number_cannot_win() -> None:
    """NaN is neither above nor below, so whoever compares with it first wins."""
    assert (await BestOfN()(pool_of("one", "two"), scoring(float("nan"), 1.0))).text == "two"


async def test_where_none_can_be_scored_the_fallback_says_so() -> None:
    answer = await BestOfN()(pool_of("one", "two"), scoring(None, None))
    assert (answer.text, answer.fallback) == ("one", "no candidate could be scored")


async def test_scores_stand_beside_the_candidates_that_did_not_fail() -> None:
    answer = await BestOfN()(pool_of(FAILED, "one", "two"), scoring(1.0, 2.0))
    assert (answer.text, answer.chosen) == ("two", 1)


async def test_with_a_judge_the_highest_rating_wins_and_ties_go_to_the_earlier() -> None:
    def rate(text: str) -> str:
        return "Good. [[8]]" if "good" in text else "Bad. [[2]]"

    judge = Scripted(rate)
    answer = await BestOfN()(pool_of("bad", "good one", "good two"), tools(judge, scorer="judge"))
    assert (answer.text, answer.scores) == ("good one", (2.0, 8.0, 8.0))
    assert len(answer.calls) == len(judge.requests) == 3


@pytest.mark.parametrize("reply", ["INCORRECT", "I would say 9 out of 10.", RequestError("HTTP 400")])
async def test_a_judge_that_nobody_can_read_decides_nothing(reply: str | Exception) -> None:
    """Elsewhere an unreadable reply became the lowest grade, or a letter found inside a word."""
    answer = await BestOfN()(pool_of("one", "two"), tools(Scripted(lambda _: reply), scorer="judge"))
    assert (answer.text, answer.fallback) == ("one", "no candidate could be scored")


async def test_single_is_the_first_candidate_of_the_same_pool() -> None:
    answer = await Single()(pool_of("one", "two"), tools())
    assert (answer.text, answer.chosen, answer.fallback, answer.calls) == ("one", 0, None, ())


async def test_single_says_where_the_first_candidate_failed() -> None:
    answer = await Single()(pool_of(FAILED, "two"), tools())
    assert (answer.text, answer.chosen) == ("two", 0)
    assert answer.fallback == "the first candidate failed: HTTP 500"
