"""The controls `greedy`, `random` and `longest` need no judge: any other strategy should beat them."""

from __future__ import annotations

from collections import Counter

from choosing_models import always_failing, failing
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.strategies.methods.greedy import Greedy
from fusion_eval.strategies.methods.longest import Longest
from fusion_eval.strategies.methods.random_choice import RandomChoice
from fusion_eval.types import Candidate

texts = st.lists(st.text("ab ", max_size=4), min_size=1, max_size=6)

# greedy


async def test_greedy_asks_the_first_sampler_once_at_temperature_0_and_else_as_the_pool_was_sampled() -> None:
    model = Scripted("the likeliest text")
    chosen = tools(model, seed=7, stop=("\n",))

    answer = await Greedy()(pool_of("a", "b"), chosen)

    [(prompt, sampling)] = model.requests
    assert prompt == pool_of("a").prompt
    assert (sampling.temperature, sampling.max_tokens, sampling.seed, sampling.stop) == (0.0, 100, 7, ("\n",))
    assert (answer.text, answer.chosen, answer.fallback) == ("the likeliest text", None, None)
    assert [call.text for call in answer.calls] == ["the likeliest text"]


@always_failing
async def test_greedy_falls_back_on_a_candidate_if_the_model_fails(failure: str) -> None:
    answer = await Greedy()(pool_of("a", "b"), tools(failing(failure)))

    assert answer.text == "a"
    assert (answer.fallback or "").startswith("the model failed at temperature 0: it ")


# random


async def test_random_takes_the_same_candidate_each_time_for_a_seed() -> None:
    pool = pool_of(*"abcdef")

    picks = [await RandomChoice()(pool, tools(seed=3)) for _ in range(3)]

    assert len({pick.chosen for pick in picks}) == 1
    assert all(pick.text == pool.usable[pick.chosen or 0].text for pick in picks)


async def test_random_takes_each_usable_candidate_about_as_often() -> None:
    failed = Candidate("", "m", 0, error="timeout")
    pool = pool_of("a", failed, "b", "c", "d")

    picks = Counter([(await RandomChoice()(pool, tools(seed=seed))).text for seed in range(2000)])

    assert all(400 < picks[text] < 600 for text in "abcd")


# longest


@given(texts)
async def test_longest_takes_the_first_of_those_with_the_most_characters(candidates: list[str]) -> None:
    answer = await Longest()(pool_of(*candidates), tools())

    stripped = [text.strip() for text in candidates]
    assert answer.chosen == stripped.index(max(stripped, key=len))
    assert answer.text == candidates[answer.chosen]
