"""Strategies that write a new text from ranked, guarded or refined candidates."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ConfigError, RequestError
from fusion_eval.strategies import Pool, Scored, Tools
from fusion_eval.strategies.methods.guarded_fusion import GuardedFusion
from fusion_eval.strategies.methods.rank_fusion import RankFusion
from fusion_eval.strategies.methods.refine import Refine
from fusion_eval.strategies.scorers.logprob import Logprob
from fusion_eval.strategies.specs import format_spec, load_strategy
from fusion_eval.types import Candidate

FUSED = "Comparison: they differ.\nAnswer: [[ fused ]]"
FAILURES = [
    RequestError("HTTP 400"),
    Candidate("", "m", 0, error="timed out"),
    "",
    "I'm sorry, but I can't help with that.",
]


def by(**scores: float | None):
    """Return a scorer that knows the score of each text."""

    async def score(pool: Pool, tools: Tools) -> Scored:
        return Scored(tuple(scores[candidate.text] for candidate in pool.usable))

    return score


def shown(prompt: str, texts: str) -> set[str]:
    return {text for text in texts if f"\n{text}\n" in prompt}


# rank_fusion


@given(st.permutations([1.0, 2.0, 3.0, 4.0, None]), st.integers(1, 6))
async def test_rank_fusion_shows_the_k_candidates_with_the_best_scores(
    values: list[float | None], k: int
) -> None:
    # given
    scores = dict(zip("abcde", values, strict=True))
    model = Scripted(FUSED)
    # when
    answer = await RankFusion(k=k, by=by(**scores))(pool_of(*"abcde"), tools(model))
    # then
    ranked = sorted((text for text in "abcde" if scores[text]), key=lambda text: -(scores[text] or 0))
    expected = set("abcde") if k >= 5 else set(ranked[:k])
    assert shown(model.prompt_texts[0], "abcde") == expected
    assert (answer.text, answer.chosen, answer.fallback) == ("fused", None, None)
    assert answer.scores == (() if k >= 5 else tuple(values))


@pytest.mark.parametrize("failure", FAILURES)
async def test_rank_fusion_falls_back_on_the_best_candidate(failure: str | Candidate | Exception) -> None:
    scorer = by(a=1.0, b=3.0, c=2.0)
    answer = await RankFusion(k=2, by=scorer)(pool_of(*"abc"), tools(Scripted(lambda _: failure)))
    assert (answer.text, answer.chosen) == ("b", 1)
    assert answer.fallback


async def test_rank_fusion_without_scores_asks_no_fusor() -> None:
    model = Scripted(FUSED)
    answer = await RankFusion(k=1, by=by(a=None, b=None))(pool_of("a", "b"), tools(model))
    assert (answer.text, answer.fallback, model.requests) == ("a", "no candidate could be scored", [])


# guarded_fusion


@pytest.mark.parametrize(
    ("fused", "text", "chosen", "fallback"),
    [
        (9.0, "fused", None, None),
        (3.0, "b", 1, None),
        (1.0, "b", 1, None),
        (None, "b", 1, "the fused text could not be scored"),
    ],
)
async def test_the_fused_text_is_kept_only_where_the_scorer_prefers_it(
    fused: float | None, text: str, chosen: int | None, fallback: str | None
) -> None:
    scorer = by(a=2.0, b=3.0, fused=fused)
    answer = await GuardedFusion(by=scorer)(pool_of("a", "b"), tools(Scripted(FUSED)))
    assert (answer.text, answer.chosen, answer.fallback) == (text, chosen, fallback)
    assert answer.scores == (2.0, 3.0)
    assert answer.comparison == "they differ."


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_guard_without_a_fused_text_falls_back_on_the_best_candidate(
    failure: str | Candidate | Exception,
) -> None:
    answer = await GuardedFusion(by=by(a=2.0, b=3.0))(pool_of("a", "b"), tools(Scripted(lambda _: failure)))
    assert (answer.text, answer.chosen) == ("b", 1)
    assert answer.fallback


async def test_a_guard_that_can_score_nothing_falls_back() -> None:
    answer = await GuardedFusion(by=by(a=None, fused=None))(pool_of("a"), tools(Scripted(FUSED)))
    assert (answer.text, answer.chosen) == ("a", 0)
    assert answer.fallback == "neither a candidate nor the fused text could be scored"


async def test_the_guard_scores_the_fused_text_up_to_the_stop_string_as_it_does_the_candidates() -> None:
    # given a fusor that goes on after the task's stop string
    model = Scripted("Comparison: they differ.\nAnswer: [[ fused\nQ: the next question ]]")
    # when
    answer = await GuardedFusion(by=by(a=1.0, fused=2.0))(pool_of("a"), tools(model, stop=("\nQ:",)))
    # then the scorer knows the text, and prefers it
    assert (answer.chosen, answer.fallback) == (None, None)


def test_a_guard_by_log_probability_is_refused_before_any_call() -> None:
    with pytest.raises(ConfigError, match=r"guarded_fusion cannot use scorer=logprob: .*by=judge"):
        GuardedFusion(by=Logprob())
    with pytest.raises(ConfigError, match="guarded_fusion cannot use scorer=logprob"):
        GuardedFusion().own_tools(tools(scorer="logprob"))


# refine


def critic(*replies: str | Candidate | Exception) -> Scripted:
    """Return a model that gives these replies one after the other: feedback, draft, feedback, …"""
    waiting = itertools.chain(replies)
    return Scripted(lambda _: next(waiting))


async def test_refine_rewrites_the_best_candidate_as_its_feedback_asks() -> None:
    # given
    model = critic("Too short. [[CHANGE]]", "better")
    # when
    answer = await Refine(by=by(a=1.0, b=2.0))(pool_of("a", "b"), tools(model))
    # then
    assert (answer.text, answer.chosen, answer.fallback) == ("better", None, None)
    assert answer.scores == (1.0, 2.0)
    assert [call.text for call in answer.calls] == ["Too short. [[CHANGE]]", "better"]
    feedback, rewrite = model.prompt_texts
    assert shown(feedback, "ab") == shown(rewrite, "ab") == {"b"}
    assert "\nToo short.\n" in rewrite and "[[CHANGE]]" not in rewrite


async def test_each_round_sees_the_earlier_drafts_with_their_feedback() -> None:
    model = critic("First fault. [[CHANGE]]", "second", "Second fault. [[CHANGE]]", "third")
    answer = await Refine(rounds=2, by=by(a=1.0))(pool_of("a"), tools(model))
    assert answer.text == "third"
    last = model.prompt_texts[-1]
    places = [last.index(f"\n{text}\n") for text in ("a", "First fault.", "second", "Second fault.")]
    assert places == sorted(places)


async def test_feedback_without_a_fault_ends_the_loop() -> None:
    model = critic("Fine. [[KEEP]]")
    answer = await Refine(rounds=5, by=by(a=1.0, b=2.0))(pool_of("a", "b"), tools(model))
    assert (answer.text, answer.chosen, answer.fallback, len(model.requests)) == ("b", 1, None, 1)


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        (["Nice [[KEEP]] but no."], "no verdict"),
        (["no idea"], "no verdict"),
        ([RequestError("HTTP 400")], "refused: HTTP 400"),
        ([Candidate("", "m", 0, error="timed out")], "failed: timed out"),
        (["x [[CHANGE]]", ""], "wrote no answer"),
        (["x [[CHANGE]]", RequestError("HTTP 400")], "refused: HTTP 400"),
        (["x [[CHANGE]]", "I'm sorry, but I can't help with that."], "the fusor refused"),
    ],
)
async def test_a_round_that_fails_leaves_the_draft_and_is_counted(
    replies: list[str | Candidate | Exception], reason: str
) -> None:
    answer = await Refine(by=by(a=1.0, b=2.0))(pool_of("a", "b"), tools(critic(*replies)))
    assert (answer.text, answer.chosen) == ("b", 1)
    assert answer.fallback is not None and reason in answer.fallback


async def test_a_later_round_that_fails_leaves_the_draft_of_the_round_before() -> None:
    model = critic("x [[CHANGE]]", "second", "no verdict")
    answer = await Refine(rounds=2, by=by(a=1.0))(pool_of("a"), tools(model))
    assert (answer.text, answer.chosen) == ("second", None)
    assert answer.fallback == "the feedback has no verdict at its end"


# All of them


@pytest.mark.parametrize(
    "text",
    [
        "rank_fusion",
        "rank_fusion(k=2,by=chrf)",
        "guarded_fusion(by=chrf)",
        "refine(rounds=3,by=chrf)",
        "moa(layers=3)",
        "rsa(population=8,k=2,rounds=3)",
        "fusion(prompt=analysis)",
    ],
)
def test_a_strategy_is_read_and_written_as_text(text: str) -> None:
    assert format_spec(load_strategy(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rank_fusion(k=0)", "k"),
        ("refine(rounds=0)", "rounds"),
        ("moa(layers=0)", "layers"),
        ("rsa(k=9,population=8)", "population of 8 has; use k=8"),
        ("rsa(rounds=0)", "rounds"),
        ("guarded_fusion(by=logprob)", "use guarded_fusion"),
        ("fusion(prompt=analysi)", "Did you mean 'analysis'"),
        ("fusion(prompt=direct,fusor_prompt=direct)", "leave one"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_strategy(text)
