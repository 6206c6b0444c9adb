"""`route` votes where candidates agree, and fuses where they do not."""

from __future__ import annotations

from collections import Counter

import pytest
from choosing_models import always_failing, failing
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.methods.majority import Majority
from fusion_eval.strategies.methods.route import Route
from fusion_eval.strategies.specs import load_strategy

FUSED = "Comparison: x\nAnswer: [[ fused ]]"


def answer_in(text: str) -> str | None:
    return None if text.startswith("?") else text[:1]


@given(st.lists(st.sampled_from("abc?"), min_size=1, max_size=8), st.sampled_from([0.2, 0.5, 0.6, 1.0]))
async def test_the_vote_decides_from_the_share_on_and_the_fusor_below_it(
    answers: list[str], above: float
) -> None:
    # given the share of the most frequent answer among all candidates
    counts = Counter(answer for answer in answers if answer != "?")
    share = max(counts.values(), default=0) / len(answers)
    model = Scripted(FUSED)
    pool = pool_of(*(f"{answer}{i}" for i, answer in enumerate(answers)))

    answer = await Route(above=above)(pool, tools(model, extract=answer_in))

    if share >= above:
        assert answer == await Majority()(pool, tools(extract=answer_in))
        assert model.requests == []
    else:
        assert answer.text == "fused"
        assert len(model.requests) == len(answer.calls) == 1


@pytest.mark.parametrize(("agreeing", "fused"), [(3, False), (2, True)])
async def test_three_of_five_are_enough_by_default(agreeing: int, fused: bool) -> None:
    texts = ["a"] * agreeing + list("bcd")[: 5 - agreeing]

    answer = await Route()(pool_of(*texts), tools(Scripted(FUSED), extract=answer_in))

    assert bool(answer.calls) is fused


async def test_candidates_without_an_answer_count_as_disagreement() -> None:
    answer = await Route()(pool_of("a", "?", "?"), tools(Scripted(FUSED), extract=answer_in))

    assert answer.text == "fused"


@always_failing
async def test_a_failing_fusor_leads_to_a_fallback_and_is_not_asked_where_candidates_agree(
    failure: str,
) -> None:
    model = failing(failure)

    disagreeing = await Route()(pool_of("a", "b"), tools(model, extract=answer_in))
    agreeing = await Route()(pool_of("a", "a"), tools(model, extract=answer_in))

    assert (disagreeing.text, agreeing.text, agreeing.fallback) == ("a", "a", None)
    assert disagreeing.fallback is not None


async def test_without_a_task_one_sentence_names_strategies_that_take_texts() -> None:
    with pytest.raises(ConfigError, match="there is no task here; use a strategy that takes texts"):
        await Route()(pool_of("a", "b"), tools())


@pytest.mark.parametrize("option", ["above=0", "above=1.1", "by=mood"])
def test_an_option_out_of_range_is_an_error(option: str) -> None:
    with pytest.raises(ConfigError, match=option.split("=")[0]):
        load_strategy(f"route({option})")
