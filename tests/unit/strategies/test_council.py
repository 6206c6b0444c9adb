"""`council` lets every model rank all candidates, and the chairman fuse them with the mean ranks in view."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from choosing_models import FAILURES, always_failing, counted, reason_of, shown
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.interface import Tools
from fusion_eval.strategies.methods.council import Council, mean_ranks
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.types import Candidate


def member(name: str, key: Callable[[str], float], *, fused: str = "the fused answer") -> Scripted:
    """Return a model that ranks candidates by a key, highest first, and that fuses as chairman."""

    def reply(prompt: str) -> str:
        texts = shown(prompt)
        if "Rank all of them" not in prompt:
            return fused
        order = sorted(range(len(texts)), key=lambda i: -key(texts[i]))
        return f"Each has its merits. [[{', '.join(str(i + 1) for i in order)}]]"

    model = Scripted(reply)
    model.identity = model.name = name
    return model


def council_of(*members: Scripted) -> Tools:
    return msgspec.structs.replace(tools(members[0]), samplers=members)


def lengths(text: str) -> float:
    return float(len(text))


async def test_every_model_ranks_all_candidates_and_the_chairman_sees_them_by_mean_rank() -> None:
    # given members that rank zzz, yy, x and yy, x, zzz
    first, second = member("a", lengths), member("b", {"yy": 2, "x": 1, "zzz": 0}.__getitem__)

    answer = await Council()(pool_of("x", "yy", "zzz"), council_of(first, second))

    # then the chairman, the first model, is shown the order of mean ranks and writes the answer
    assert len(first.requests) == 2
    assert len(second.requests) == 1
    chair = first.prompt_texts[-1]
    assert shown(chair) == ["yy", "zzz", "x"]
    assert [f"mean rank {rank}" in chair for rank in ("1.50", "2.00", "2.50")] == [True] * 3
    assert (answer.text, answer.chosen, answer.fallback) == ("the fused answer", None, None)
    assert len(answer.calls) == 3


@given(st.lists(st.permutations(range(4)), min_size=1, max_size=5))
def test_the_mean_rank_is_the_mean_place_in_all_rankings(rankings: list[list[int]]) -> None:
    places = [[place for r in rankings for place, i in enumerate(r, start=1) if i == n] for n in range(4)]

    assert mean_ranks(rankings, 4) == pytest.approx([sum(p) / len(rankings) for p in places])


async def test_scores_are_the_negative_mean_ranks() -> None:
    answer = await Council()(pool_of("a", "bbb", "cc"), council_of(member("a", lengths)))

    assert answer.scores == (-3.0, -1.0, -2.0)


async def test_no_member_sees_names_and_each_sees_an_order_of_its_own() -> None:
    members = [member(name, lengths) for name in "abcdef"]

    await Council()(pool_of(*"uvwxyz"), council_of(*members))

    orders = {tuple(shown(model.prompt_texts[0])) for model in members}
    assert len(orders) > 1
    assert not any("vendor/model" in prompt for model in members for prompt in model.prompt_texts)


async def test_a_model_that_samples_twice_ranks_once() -> None:
    model = member("a", lengths)

    answer = await Council()(pool_of("a", "bb"), council_of(model, model))

    assert len(answer.calls) == 2


@pytest.mark.parametrize(
    "ranking", ["[[1, 1, 2]]", "[[1, 2]]", "[[1, 2, 3, 4]]", "[[0, 1, 2]]", "1, 2, 3", ""]
)
async def test_a_ranking_that_does_not_name_every_candidate_once_is_left_out(ranking: str) -> None:
    # given a member that ranks, and one that does not
    good = member("good", lengths)
    bad = Scripted(ranking)
    bad.identity = bad.name = "bad"

    answer = await Council()(pool_of("a", "bbb", "cc"), council_of(good, bad))

    assert answer.scores == (-3.0, -1.0, -2.0)
    assert answer.fallback is None


async def test_without_any_ranking_the_chairman_fuses_without_ranks_and_the_answer_counts_as_a_fallback() -> (
    None
):
    model = Scripted(lambda prompt: "no idea" if "Rank all of them" in prompt else "fused")

    answer = await Council()(pool_of("a", "bb"), tools(model))

    assert answer.text == "fused"
    assert answer.fallback == "no ranking could be read; the chairman fused without ranks"
    assert "mean rank" not in model.prompt_texts[-1]


@pytest.mark.parametrize(
    ("fused", "reason"),
    [
        ("", "the chairman wrote no answer (stop)"),
        ("I'm sorry, but I cannot help with that.", "the chairman refused"),
    ],
)
async def test_without_the_chairmans_answer_the_best_mean_rank_is_the_answer(fused: str, reason: str) -> None:
    answer = await Council()(pool_of("a", "bbb", "cc"), council_of(member("a", lengths, fused=fused)))

    assert (answer.text, answer.chosen, answer.fallback) == ("bbb", 1, reason)


@always_failing
async def test_failing_models_lead_to_a_fallback_that_counts_every_accepted_request(failure: str) -> None:
    model = Scripted(lambda prompt: FAILURES[failure]())

    answer = await Council()(pool_of(Candidate("a", "m", 0), "b"), tools(model))

    assert answer.text == "a"
    assert answer.fallback == f"no ranking could be read, and {reason_of(failure, 'the chairman')}"
    assert len(answer.calls) == counted(failure, 2)


def test_an_option_out_of_range_is_an_error() -> None:
    with pytest.raises(ConfigError, match="max_tokens=0 should be"):
        load_strategy("council(max_tokens=0)")
