"""`moa` and `rsa` write new texts out of new texts, round by round."""

from __future__ import annotations

import itertools
import random
import re

import msgspec
import pytest
from scripted import Scripted, pool_of, text_of, tools

from fusion_eval.errors import ContextOverflowError, RequestError
from fusion_eval.strategies.methods.moa import MixtureOfAgents
from fusion_eval.strategies.methods.rsa import RecursiveSelfAggregation
from fusion_eval.types import Candidate

REFUSED = "I'm sorry, but I can't help with that."


def numbered(prefix: str = "new") -> Scripted:
    """Return a model that writes `new0`, `new1`, …"""
    count = itertools.count()
    model = Scripted(lambda _: f"{prefix}{next(count)}")
    model.identity = prefix
    return model


def shown(prompt: str) -> set[str]:
    """Return the texts that a prompt shows as candidates, which are single words here."""
    return set(re.findall(r"^--- (?:candidate|response) .*\n(\S+)\n--- end of", prompt, re.MULTILINE))


# moa


async def test_every_layer_sees_the_whole_layer_before_and_the_fusor_writes_the_last() -> None:
    # given three candidates, and as many proposals in each of two layers
    model, fusor = numbered(), Scripted("final")
    given = msgspec.structs.replace(tools(model), fusor=fusor)
    # when
    answer = await MixtureOfAgents(layers=3)(pool_of("a", "b", "c"), given)
    # then
    assert [shown(prompt) for prompt in model.prompt_texts] == [{"a", "b", "c"}] * 3 + [
        {"new0", "new1", "new2"}
    ] * 3
    assert [shown(prompt) for prompt in fusor.prompt_texts] == [{"new3", "new4", "new5"}]
    assert (answer.text, answer.chosen, answer.fallback) == ("final", None, None)
    assert [call.text for call in answer.calls] == [f"new{i}" for i in range(6)] + ["final"]


async def test_one_layer_is_one_call_of_the_fusor() -> None:
    model = Scripted("final")
    answer = await MixtureOfAgents(layers=1)(pool_of("a", "b"), tools(model))
    assert (answer.text, len(model.requests)) == ("final", 1)


async def test_the_samplers_take_turns_and_no_two_proposals_share_a_seed() -> None:
    first, second = numbered("x"), numbered("y")
    given = msgspec.structs.replace(tools(Scripted("final")), samplers=(first, second))
    await MixtureOfAgents(layers=3)(pool_of("a", "b", "c"), given)
    assert (len(first.requests), len(second.requests)) == (4, 2)
    seeds = [sampling.seed for model in (first, second) for _, sampling in model.requests]
    assert not set(seeds) & {0, 1, 2}
    for model in (first, second):
        own = [sampling.seed for _, sampling in model.requests]
        assert len(set(own)) == len(own)


@pytest.mark.parametrize("n", [7, 9])
async def test_a_model_with_several_turns_is_never_asked_the_same_twice(n: int) -> None:
    # given the samplers of a|b with the weights 2|1
    first, second = numbered("x"), numbered("y")
    given = msgspec.structs.replace(tools(Scripted("final")), samplers=(first, first, second))
    # when
    answer = await MixtureOfAgents()(pool_of(*map(str, range(n))), given)
    # then
    for model in (first, second):
        requests = [(text_of(prompt), sampling) for prompt, sampling in model.requests]
        assert len(set(requests)) == len(requests)
    assert len(answer.calls) == n + 1


async def test_proposals_are_written_at_the_temperatures_of_the_candidates() -> None:
    # given hedged sampling: one greedy candidate, and others
    model = numbered()
    given = msgspec.structs.replace(tools(model), fusor=Scripted("final"), temperatures=(0.0, 0.7, 0.7))
    # when
    await MixtureOfAgents()(pool_of("a", "b", "c"), given)
    # then
    assert [sampling.temperature for _, sampling in model.requests] == [0.0, 0.7, 0.7]


async def test_without_temperatures_proposals_have_the_one_of_the_sampling_options() -> None:
    model = numbered()
    await RecursiveSelfAggregation(population=2, k=2, rounds=1)(pool_of("a", "b"), tools(model))
    assert [sampling.temperature for _, sampling in model.requests] == [0.7, 0.7]


@pytest.mark.parametrize("bad", ["", REFUSED, Candidate("", "m", 0, error="timed out")])
async def test_a_proposal_that_failed_is_left_out_of_the_next_layer(bad: str | Candidate) -> None:
    replies = iter(["one", bad, "three", "final"])
    model = Scripted(lambda _: next(replies))
    answer = await MixtureOfAgents()(pool_of("a", "b", "c"), tools(model))
    assert shown(model.prompt_texts[-1]) == {"one", "three"}
    assert (answer.text, answer.fallback, len(answer.calls)) == ("final", None, 4)


@pytest.mark.parametrize(
    "failure",
    [
        RequestError("HTTP 400"),
        ContextOverflowError("too long"),
        Candidate("", "m", 0, error="x"),
        "",
        REFUSED,
    ],
)
async def test_a_layer_without_any_proposal_falls_back_on_a_candidate_of_the_pool(
    failure: str | Candidate | Exception,
) -> None:
    answer = await MixtureOfAgents()(pool_of("a", "b"), tools(Scripted(lambda _: failure)))
    assert (answer.text, answer.chosen) == ("a", 0)
    assert answer.fallback == "every proposal of layer 1 failed"


async def test_a_fusor_that_fails_falls_back_on_a_candidate_of_the_pool_not_on_a_proposal() -> None:
    given = msgspec.structs.replace(tools(numbered()), fusor=Scripted(""))
    answer = await MixtureOfAgents()(pool_of("a", "b"), given)
    assert (answer.text, answer.chosen) == ("a", 0)
    assert answer.fallback is not None and "wrote no answer" in answer.fallback


# rsa


async def test_each_member_is_written_from_k_members_of_the_population_before() -> None:
    # given
    model = numbered()
    strategy = RecursiveSelfAggregation(population=6, k=2, rounds=3)
    # when
    answer = await strategy(pool_of(*"abcde"), tools(model))
    # then
    prompts = model.prompt_texts
    assert len(prompts) == 18
    populations = [set("abcde"), {f"new{i}" for i in range(6)}, {f"new{i}" for i in range(6, 12)}]
    for i, prompt in enumerate(sorted(prompts, key=prompts.index)):
        assert len(shown(prompt)) == 2 and shown(prompt) <= populations[i // 6]
    assert (answer.text, answer.chosen, answer.fallback) == ("new12", None, None)
    assert len(answer.calls) == 18


async def test_the_subsets_are_those_that_the_seed_decides() -> None:
    """The definition by hand: `random.sample` of the members, for each new member in turn."""
    model = numbered()
    await RecursiveSelfAggregation(population=4, k=3, rounds=1)(pool_of(*"abcd"), tools(model, seed=7))
    draw = random.Random(f"7|1|{list('abcd')}")
    expected = [set(draw.sample(list("abcd"), 3)) for _ in range(4)]
    assert sorted(map(sorted, map(shown, model.prompt_texts))) == sorted(map(sorted, expected))


async def test_the_same_seed_writes_the_same_population() -> None:
    def echo(prompt: str) -> str:
        return "+".join(sorted(shown(prompt)))[:40]

    strategy = RecursiveSelfAggregation(population=4, k=2, rounds=2)
    first = await strategy(pool_of(*"abcd"), tools(Scripted(echo)))
    second = await strategy(pool_of(*"abcd"), tools(Scripted(echo)))
    other = Scripted(echo)
    await strategy(pool_of(*"abcd"), tools(other, seed=1))
    assert first.text == second.text
    assert len({sampling.seed for _, sampling in other.requests}) == 8


async def test_no_request_is_sent_twice_even_where_all_members_have_become_the_same() -> None:
    model = Scripted("same")
    await RecursiveSelfAggregation(population=9, k=2, rounds=3)(pool_of("a", "b"), tools(model))
    assert len({(text_of(prompt), sampling.seed) for prompt, sampling in model.requests}) == 27


async def test_a_member_that_failed_is_left_out_and_smaller_subsets_follow() -> None:
    replies = iter(["one", "", REFUSED, "final"])
    model = Scripted(lambda prompt: next(replies, "final"))
    answer = await RecursiveSelfAggregation(population=3, k=3, rounds=2)(pool_of(*"abc"), tools(model))
    assert shown(model.prompt_texts[-1]) == {"one"}
    assert (answer.text, answer.fallback) == ("final", None)


@pytest.mark.parametrize("failure", [RequestError("HTTP 400"), Candidate("", "m", 0, error="x"), "", REFUSED])
async def test_a_round_that_fails_whole_falls_back_on_a_candidate(
    failure: str | Candidate | Exception,
) -> None:
    strategy = RecursiveSelfAggregation(population=2, k=2, rounds=2)
    answer = await strategy(pool_of("a", "b"), tools(Scripted(lambda _: failure)))
    assert (answer.text, answer.chosen) == ("a", 0)
    assert answer.fallback == "every member of round 1 failed"


@pytest.mark.parametrize(
    "strategy", [RecursiveSelfAggregation(population=2, k=2, rounds=1), MixtureOfAgents()]
)
async def test_a_base_model_is_shown_drafts_instead_of_instructions(
    strategy: RecursiveSelfAggregation | MixtureOfAgents,
) -> None:
    # given a base model, which goes on where a text ends
    model = Scripted("x", chat=False)
    # when
    await strategy(pool_of("a", "b"), tools(model, stop=("\n",)))
    # then
    assert all(prompt.text.endswith("\nFinal:") for prompt, _ in model.requests)
    assert {sampling.stop for _, sampling in model.requests} == {("\n\nTask:", "\n")}
