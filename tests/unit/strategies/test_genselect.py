"""`genselect` lets the fusor name the best candidate of each window, and then the best of those."""

from __future__ import annotations

import pytest
from choosing_models import always_failing, chooser, counted, failing, lying, reason_of, shown
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.methods.genselect import GenSelect
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.types import Candidate


@given(st.lists(st.integers(0, 99), min_size=2, max_size=20, unique=True), st.integers(2, 8))
async def test_a_model_that_knows_the_best_finds_it_through_all_rounds(
    values: list[int], window: int
) -> None:
    model = chooser(float)
    pool = pool_of(*map(str, values))

    answer = await GenSelect(window=window)(pool, tools(model))

    # then it is the best of all, as one comparison of all would find
    assert answer.text == str(max(values))
    assert answer.fallback is None
    assert len(answer.calls) == len(model.requests)


@pytest.mark.parametrize(
    ("n", "window", "sizes"),
    [
        (5, 8, [[5]]),
        (9, 8, [[5, 4], [2]]),
        (20, 8, [[7, 7, 6], [3]]),
        (5, 2, [[2, 2], [2], [2]]),  # a candidate without a rival goes on without a request
    ],
)
async def test_windows_are_as_few_and_as_equal_as_they_can_be(
    n: int, window: int, sizes: list[list[int]]
) -> None:
    model = chooser(float)

    await GenSelect(window=window)(pool_of(*map(str, range(n))), tools(model))

    counts = [len(shown(prompt)) for prompt in model.prompt_texts]
    assert counts == [size for one_round in sizes for size in one_round]


async def test_every_candidate_is_shown_in_the_first_round() -> None:
    model = chooser(float)

    await GenSelect(window=3)(pool_of(*map(str, range(7))), tools(model))

    first_round = [text for prompt in model.prompt_texts[:3] for text in shown(prompt)]
    assert sorted(first_round) == list("0123456")


async def test_the_defaults_are_those_of_nemo_skills() -> None:
    model = chooser(len)

    await GenSelect()(pool_of("a", "bb"), tools(model))

    assert (GenSelect().window, model.requests[0][1].temperature) == (8, 0.6)


@always_failing
async def test_a_failing_model_leads_to_a_fallback_that_counts_every_accepted_request(failure: str) -> None:
    answer = await GenSelect(window=2)(pool_of("a", "b", "c"), tools(failing(failure)))

    assert answer.text in "abc"
    assert answer.fallback == f"2 of 2 choices: {reason_of(failure)}"
    assert len(answer.calls) == counted(failure, 2)


@lying
async def test_a_reply_that_names_no_candidate_leads_to_a_fallback(lie: str) -> None:
    answer = await GenSelect()(pool_of("a", "b"), tools(Scripted(lie)))

    assert answer.text == "a"
    assert "named no candidate that it was shown" in (answer.fallback or "")


async def test_of_a_window_that_cannot_be_read_the_likeliest_candidate_goes_on() -> None:
    likely = Candidate("likely", "m", 0, mean_logprob=-0.1)
    unlikely = Candidate("unlikely", "m", 1, mean_logprob=-2.0)

    answer = await GenSelect()(pool_of(unlikely, likely), tools(Scripted("no idea")))

    assert answer.text == "likely"


async def test_equal_texts_are_not_asked_about() -> None:
    answer = await GenSelect()(pool_of("a", "a"), tools())

    assert (answer.text, answer.calls) == ("a", ())


@pytest.mark.parametrize("option", ["window=1", "temperature=-1.5", "max_tokens=0"])
def test_an_option_out_of_range_is_an_error(option: str) -> None:
    with pytest.raises(ConfigError, match=f"{option} should be"):
        load_strategy(f"genselect({option})")
