"""`cross_lingual=k`: the last candidates of a pool answer the prompt in English, and only fusors read them."""

from __future__ import annotations

import dataclasses

import pytest
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ConfigError, RequestError
from fusion_eval.model_arguments import parse
from fusion_eval.strategies.cross_lingual import draw_cross_lingually
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.types import Candidate, Pool, Prompt, Sampling, from_json, to_json

SAMPLING = Sampling(max_tokens=64, temperature=0.7, seed=10, stop=("###",))
ENGLISH = Question("quiz_en", 0, 0, "en", Prompt("Say six."), SAMPLING, (0.7,))
FRENCH = Question("quiz_fr", 0, 0, "fr", Prompt("Dis six."), SAMPLING, (0.7,), english=ENGLISH)
OWN = ("six", "cinq", "six ou sept")
MARK = "the number of half a dozen"
"""The text of a candidate in English; it is the longest and stands in no other text."""


def cross_pool() -> Pool:
    """Return a pool of three candidates, with two more for the prompt in English, of which one failed."""
    failed = Candidate("", "vendor/model-4", 4, error="it failed")
    return Pool(Prompt("Dis six."), pool_of(*OWN).candidates, (Candidate(MARK, "vendor/model-3", 3), failed))


async def test_the_last_candidates_answer_the_prompt_in_english_with_the_seeds_of_their_places() -> None:
    # given a model that answers in the prompt's language
    model = Scripted(lambda prompt: f"re: {prompt} ### more")
    # when five candidates are drawn, two of them in English
    pool = await draw_cross_lingually([model], FRENCH, ENGLISH, 5, 2)
    # then they have the seeds of the last places, and their own prompt's stop strings
    assert sorted((prompt.text, sampling.seed) for prompt, sampling in model.requests) == [
        *(("Dis six.", seed) for seed in (10, 11, 12)),
        *(("Say six.", seed) for seed in (13, 14)),
    ]
    assert [one.text for one in pool.cross_lingual] == ["re: Say six. "] * 2
    assert len(pool.candidates) == 3 and len(pool.drawn) == 5


async def test_a_refused_prompt_in_english_costs_no_answer() -> None:
    # given a model that refuses the prompt in English
    model = Scripted(lambda prompt: RequestError("refused") if prompt == "Say six." else "six")
    # when a pool is drawn
    pool = await draw_cross_lingually([model], FRENCH, ENGLISH, 3, 1)
    # then only the candidate in English failed
    assert [one.text for one in pool.usable] == ["six", "six"]
    assert [one.error for one in pool.cross_lingual] == ["refused"] and pool.evidence == pool.usable


def test_a_pool_without_such_candidates_is_written_as_before() -> None:
    # given a pool of today, and one with candidates in English
    plain, crossed = pool_of("a"), cross_pool()
    # then the first has no further field, and both are read as they were
    assert b"cross_lingual" not in to_json(plain) and b"cross_lingual" in to_json(crossed)
    assert from_json(to_json(plain), Pool) == plain and from_json(to_json(crossed), Pool) == crossed


@pytest.mark.parametrize(
    "strategy",
    [
        *("single", "random", "longest", "mbr", "majority", "bon(scorer=chrf)", "bon(scorer=judge)"),
        *("weighted_majority(by=chrf)", "usc", "genselect(window=2)", "pairrank", "chops"),
    ],
)
async def test_a_strategy_that_chooses_neither_shows_nor_scores_them(strategy: str) -> None:
    # given a model that takes the first candidate that it is shown
    model = Scripted("The first one. [[1]]")
    # when the strategy answers
    chosen = load_strategy(strategy)
    given = tools(model, extract=str.strip)
    given = chosen.own_tools(given) if hasattr(chosen, "own_tools") else given
    answer = await chosen(cross_pool(), given)
    # then the answer is a candidate in the prompt's language, and no request shows one in English
    assert answer.text in OWN and len(answer.scores) in (0, 3)
    assert not any(MARK in prompt for prompt in model.prompt_texts)


@pytest.mark.parametrize(
    "strategy",
    [
        *("fusion", "fusion(prompt=direct)", "rank_fusion(k=1,by=chrf)", "guarded_fusion(by=chrf)", "moa"),
        *("rsa(population=4,k=4,rounds=1)", "council", "route"),
    ],
)
async def test_a_strategy_that_fuses_shows_them_to_the_fusor(strategy: str) -> None:
    # given a model that writes an answer of its own
    model = Scripted("Comparison: alike.\nAnswer: [[ six, sans doute ]]")
    # when the strategy answers
    fusing = load_strategy(strategy)
    given = tools(model, extract=str.strip)
    given = fusing.own_tools(given) if hasattr(fusing, "own_tools") else given
    answer = await fusing(cross_pool(), given)
    # then a request shows the candidate in English, and scores are those of the others
    assert any(MARK in prompt for prompt in model.prompt_texts)
    assert len(answer.scores) in (0, 3) and answer.dropped == 0


@pytest.mark.parametrize(
    "strategy", ["fusion", "rank_fusion(k=1,by=chrf)", "moa", "council", "refine(by=chrf)"]
)
async def test_a_fallback_takes_no_candidate_in_english(strategy: str) -> None:
    # given a model that always fails
    model = Scripted(lambda prompt: RequestError("it is down"))
    # when the strategy answers
    fusing = load_strategy(strategy)
    given = tools(model)
    answer = await fusing(cross_pool(), fusing.own_tools(given) if hasattr(fusing, "own_tools") else given)
    # then the fallback is a candidate in the prompt's language
    assert answer.fallback and answer.text in OWN


async def test_a_council_ranks_the_others_and_shows_those_in_english_without_a_rank() -> None:
    # given members that rank, and a chairman that writes
    model = Scripted(lambda prompt: "[[1, 2, 3]]" if "Rank all of them" in prompt else "six")
    # when the council answers
    await load_strategy("council")(cross_pool(), tools(model))
    # then the chairman sees three ranks and four candidates
    shown = model.prompt_texts[-1]
    assert shown.count(", mean rank ") == 3 and shown.count("--- end of candidate") == 4
    assert "Those without a rank answer the same request in English." in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"n": 3, "cross_lingual": 3}, "use cross_lingual=2 at most"),
        ({"n": 1, "cross_lingual": 1}, "raise n"),
        ({"cross_lingual": -1}, "cross_lingual"),
        ({"n": 8, "cross_lingual": 2, "adaptive": True}, "leave one out"),
        ({"model": "pool:run", "base_url": None, "cross_lingual": 2}, "leave it out"),
        ({"n": 4, "cross_lingual": 2, "temperature": 0}, "all the same"),
    ],
)
def test_impossible_mixes_are_refused(arguments: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse({"model": "test-model", "base_url": "http://localhost:1/v1", "n": 5} | arguments)


def test_two_greedy_candidates_for_two_prompts_are_not_the_same() -> None:
    given = parse(
        {"model": "m", "base_url": "http://localhost:1/v1", "n": 2, "cross_lingual": 1, "temperature": 0}
    )
    assert dataclasses.asdict(given)["cross_lingual"] == 1
