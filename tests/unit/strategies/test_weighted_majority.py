"""`weighted_majority` takes the answer with the largest sum of the votes that a scorer weighs."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.methods.majority import Majority
from fusion_eval.strategies.methods.weighted_majority import WeightedMajority
from fusion_eval.strategies.scorers.chrf import Chrf
from fusion_eval.strategies.scorers.confidence import Confidence
from fusion_eval.strategies.scorers.endpoint import EndpointScorer
from fusion_eval.strategies.scorers.logprob import Logprob
from fusion_eval.strategies.scorers.reward import Reward
from fusion_eval.strategies.scorers.self_certainty import SelfCertainty
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.types import Candidate, Pool


@dataclass(frozen=True)
class Given:
    """A scorer that gives the scores of a test."""

    scores: tuple[float | None, ...]

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        return Scored(self.scores, (Candidate("a call", "judge", 0),))


def answer_in(text: str) -> str | None:
    """Extract the answer: the text before the number, or nothing if that is a question mark."""
    return None if text.startswith("?") else text[:1]


votes = st.lists(st.tuples(st.sampled_from("ab?"), st.floats(0, 10) | st.none()), min_size=1, max_size=8)


async def winner_of(strategy: WeightedMajority, ballots: list[tuple[str, float | None]]) -> str | None:
    pool = pool_of(*(f"{answer}{i}" for i, (answer, _) in enumerate(ballots)))
    answer = await strategy(pool, tools(extract=answer_in))
    assert answer.text == pool.usable[answer.chosen or 0].text
    return None if answer.fallback else answer_in(answer.text)


def best(totals: dict[str, float]) -> float:
    return max(totals.values(), default=0.0)


@given(votes)
async def test_votes_are_the_sums_of_scores(ballots: list[tuple[str, float | None]]) -> None:
    totals: dict[str, float] = defaultdict(float)
    for answer, score in ballots:
        if answer != "?" and score is not None:
            totals[answer] += score

    winner = await winner_of(WeightedMajority(Given(tuple(score for _, score in ballots))), ballots)

    assert winner is None if not totals else totals[winner or ""] == pytest.approx(best(totals))


@given(votes, st.sampled_from([0.5, 1.0, 2.0]))
async def test_borda_votes_are_those_of_self_certainty(
    ballots: list[tuple[str, float | None]], power: float
) -> None:
    # given the loop of the paper's code: rank all outputs by score, and add up (N - rank)**power, ranks from 0
    scored = [i for i, (_, score) in enumerate(ballots) if score is not None]
    ordered = sorted(scored, key=lambda i: ballots[i][1] or 0.0, reverse=True)
    totals: dict[str, float] = defaultdict(float)
    for rank, i in enumerate(ordered):
        if ballots[i][0] != "?":
            totals[ballots[i][0]] += (len(ordered) - rank) ** power
    strategy = WeightedMajority(Given(tuple(score for _, score in ballots)), votes="borda", power=power)

    winner = await winner_of(strategy, ballots)

    assert winner is None if not totals else totals[winner or ""] == pytest.approx(best(totals))


@given(votes, st.sampled_from([0.1, 0.5, 0.9, 1.0]))
async def test_the_filter_is_deepconfs(ballots: list[tuple[str, float | None]], keep: float) -> None:
    # given the filter of DeepConf's code: a percentile of the scores of candidates with an answer
    valid = [(answer, score) for answer, score in ballots if answer != "?" and score is not None]
    threshold = np.percentile([score for _, score in valid], (1 - keep) * 100) if valid else 0.0
    totals: dict[str, float] = defaultdict(float)
    for answer, score in valid:
        if score >= threshold - 1e-12:
            totals[answer] += score
    strategy = WeightedMajority(Given(tuple(score for _, score in ballots)), keep=keep)

    winner = await winner_of(strategy, ballots)

    assert winner is None if not totals else totals[winner or ""] == pytest.approx(best(totals))


async def test_probability_votes_are_exponentials_so_that_log_probabilities_can_vote() -> None:
    # given one sure candidate against two unsure ones
    sure, unsure = math.log(0.9), math.log(0.3)
    strategy = WeightedMajority(Given((unsure, sure, unsure)), votes="probability")

    assert await winner_of(strategy, [("a", 0), ("b", 0), ("a", 0)]) == "b"


@pytest.mark.parametrize(
    ("by", "winner"), [(Logprob(), "b"), (SelfCertainty(), "a"), (Confidence(), "b"), (Chrf(), "a")]
)
async def test_a_scorer_says_how_its_scores_vote(by: Any, winner: str) -> None:
    # given two candidates that agree, and a third one of which its model is much more certain
    def candidate(text: str, certainty: float) -> Candidate:
        return Candidate(text, "m", 0, mean_logprob=math.log(certainty), confidences=(20 * certainty,))

    pool = pool_of(candidate("a1", 0.2), candidate("a2", 0.3), candidate("b3", 0.9))

    answer = await WeightedMajority(by)(pool, tools(extract=answer_in))

    # then scores and probabilities add up to its answer, and ranks to that of the two
    assert answer_in(answer.text) == winner


@given(st.lists(st.sampled_from("abc?"), min_size=1, max_size=8))
async def test_with_equal_weights_it_is_the_majority(answers: list[str]) -> None:
    pool = pool_of(*(f"{answer}{i}" for i, answer in enumerate(answers)))
    both = tools(extract=answer_in)

    weighted = await WeightedMajority(Given((1.0,) * len(answers)))(pool, both)

    assert weighted.chosen == (await Majority()(pool, both)).chosen


async def test_negative_scores_are_no_votes_and_one_sentence_says_what_to_set() -> None:
    strategy = WeightedMajority(Given((-1.0, -2.0)))

    with pytest.raises(ConfigError, match=r"a score is negative \(-1\); set votes=probability"):
        await strategy(pool_of("a1", "b2"), tools(extract=answer_in))


async def test_without_a_scored_answer_it_falls_back_and_counts_what_scoring_cost() -> None:
    answer = await WeightedMajority(Given((None, math.nan)))(pool_of("a1", "b2"), tools(extract=answer_in))

    assert answer.text == "a1"
    assert answer.fallback == "no candidate with an answer could be scored"
    assert len(answer.calls) == 1


async def test_without_any_answer_it_falls_back() -> None:
    answer = await WeightedMajority(Given((1.0, 1.0)))(pool_of("?1", "?2"), tools(extract=answer_in))

    assert answer.fallback == "no candidate gives an answer that the task can read"
    assert len(answer.calls) == 1


@pytest.mark.parametrize("text", ["keep=0", "keep=1.1", "power=0", "votes=veto"])
def test_an_option_out_of_range_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match=text.split("=")[0]):
        load_strategy(f"weighted_majority({text})")


@pytest.mark.parametrize("scorer", [Reward("a-model"), EndpointScorer("http://127.0.0.1:9/score")])
async def test_a_reward_models_negative_scores_count_by_their_rank(
    scorer: Reward | EndpointScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    async def score(self: object, pool: Pool, tools: Tools) -> Scored:
        return Scored((-3.0, -1.0, -2.0))

    monkeypatch.setattr(type(scorer), "__call__", score)
    # when
    answer = await WeightedMajority(scorer)(pool_of("a0", "b1", "a2"), tools(extract=answer_in))
    # then a has 1 + sqrt(2) votes, and b has sqrt(3)
    assert (answer.text, answer.fallback) == ("a0", None)
