"""`majority` takes the candidate whose answer most candidates give."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.methods.majority import Majority
from fusion_eval.types import Candidate


def last_word(text: str) -> str | None:
    """Extract the last word of a reply that ends with a full stop."""
    return text.rstrip(".").split()[-1] if text.endswith(".") else None


async def test_the_most_frequent_answer_wins_and_its_first_candidate_is_the_text() -> None:
    pool = pool_of("It is 41.", "So 42.", "Surely 42.", "Perhaps 43.")

    answer = await Majority()(pool, tools(extract=last_word))

    assert (answer.text, answer.chosen, answer.calls, answer.fallback) == ("So 42.", 1, (), None)


async def test_of_equally_frequent_answers_the_one_given_first_wins() -> None:
    answer = await Majority()(pool_of("a 2.", "b 1.", "c 1.", "d 2."), tools(extract=last_word))

    assert answer.text == "a 2."


async def test_candidates_without_an_answer_and_failed_ones_do_not_vote() -> None:
    failed = Candidate("", "m", 0, error="timeout")

    answer = await Majority()(pool_of("no idea", failed, "no idea", "It is 7."), tools(extract=last_word))

    assert (answer.text, answer.chosen) == ("It is 7.", 2)


async def test_without_any_answer_it_falls_back_and_says_so() -> None:
    answer = await Majority()(pool_of("no idea", "none"), tools(extract=last_word))

    assert answer.text == "no idea"
    assert answer.fallback == "no candidate gives an answer that the task can read"


async def test_without_a_task_one_sentence_names_strategies_that_take_texts() -> None:
    with pytest.raises(ConfigError, match="there is no task here; use a strategy that takes texts: bon"):
        await Majority()(pool_of("a", "b"), tools())


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=9))
async def test_it_agrees_with_the_most_common_answer_of_the_standard_library(answers: list[str]) -> None:
    result = await Majority()(pool_of(*answers), tools(extract=str))

    assert result.text == Counter(answers).most_common(1)[0][0]
