"""The strategies `bon` and `single` choose a candidate of the pool."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import RequestError
from fusion_eval.strategies import Scored, Tools
from fusion_eval.strategies.methods.bon import BestOfN
from fusion_eval.strategies.methods.single import Single
from fusion_eval.strategies.scorers.chrf import Chrf
from fusion_eval.types import Candidate, Pool

FAILED = Candidate("", "m", 0, error="HTTP 500")


def scoring(*scores: float | None) -> Tools:
    """Tools whose scorer gives these scores."""

    async def scorer(pool: Pool, tools: Tools) -> Scored:
        return Scored(scores)

    return msgspec.structs.replace(tools(), scorer=scorer)


async def test_the_candidate_with_the_best_score_is_the_answer_word_for_word() -> None:
    answer = await BestOfN()(pool_of(" one", "two \n", "three"), scoring(1.0, 3.0, 2.0))
    assert (answer.text, answer.chosen, answer.scores, answer.fallback) == (
        "two \n",
        1,
        (1.0, 3.0, 2.0),
        None,
    )


@settings(max_examples=30)  # each has an event loop of its own
@given(st.lists(st.sampled_from([None, -1.0, 0.0, 5.0]), min_size=1, max_size=6))
async def test_the_earliest_of_the_best_wins_and_unscored_candidates_never_win(
    scores: list[float | None],
) -> None:
    answer = await BestOfN()(pool_of(*map(str, range(len(scores)))), scoring(*scores))
    known = [score for score in scores if score is not None]
    assert answer.chosen == (scores.index(max(known)) if known else 0)
    assert (answer.fallback is None) == bool(known)


async def test_a_score_of_nan_cannot_win() -> None:
    """NaN is neither above nor below a number, so the first comparison with it would decide."""
    assert (await BestOfN()(pool_of("one", "two"), scoring(float("nan"), 1.0))).text == "two"


async def test_without_any_score_it_falls_back_and_gives_the_reason() -> None:
    answer = await BestOfN()(pool_of("one", "two"), scoring(None, None))
    assert (answer.text, answer.fallback) == ("one", "no candidate could be scored")


async def test_failed_candidates_have_no_score() -> None:
    answer = await BestOfN()(pool_of(FAILED, "one", "two"), scoring(1.0, 2.0))
    assert (answer.text, answer.chosen) == ("two", 1)


async def test_the_judges_highest_rating_wins_and_ties_go_to_the_earlier_candidate() -> None:
    def rate(text: str) -> str:
        return "Good. [[8]]" if "good" in text else "Bad. [[2]]"

    judge = Scripted(rate)
    answer = await BestOfN()(pool_of("bad", "good one", "good two"), tools(judge, scorer="judge"))
    assert (answer.text, answer.scores) == ("good one", (2.0, 8.0, 8.0))
    assert len(answer.calls) == len(judge.requests) == 3


@pytest.mark.parametrize("reply", ["INCORRECT", "I would say 9 out of 10.", RequestError("HTTP 400")])
async def test_a_judge_whose_replies_cannot_be_read_decides_nothing(reply: str | Exception) -> None:
    """Other tools take an unreadable reply for the lowest grade, or find a grade inside a word."""
    answer = await BestOfN()(pool_of("one", "two"), tools(Scripted(lambda _: reply), scorer="judge"))
    assert (answer.text, answer.fallback) == ("one", "no candidate could be scored")


async def test_single_answers_with_the_first_candidate() -> None:
    answer = await Single()(pool_of("one", "two"), tools())
    assert (answer.text, answer.chosen, answer.fallback, answer.calls) == ("one", 0, None, ())


async def test_single_falls_back_on_the_next_candidate_if_the_first_failed() -> None:
    answer = await Single()(pool_of(FAILED, "two"), tools())
    assert (answer.text, answer.chosen) == ("two", 0)
    assert answer.fallback == "the first candidate failed: HTTP 500"


async def test_the_own_scorer_wins_over_that_of_the_model_arguments() -> None:
    # given tools whose scorer prefers the second candidate
    pool, defaults = pool_of("the cat sat", "a dog", "the cat sits"), scoring(0.0, 1.0, 0.0)
    # when one strategy has no scorer of its own and the other one has
    by_default, by_chrf = await BestOfN()(pool, defaults), await BestOfN(Chrf())(pool, defaults)
    # then only the first one uses the tools' scorer
    assert by_default.chosen == 1
    assert by_chrf.chosen in (0, 2)
