"""Scorers that need more than a text: the alternatives to each token, or comparisons with the other candidates."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Scripted, pool_of, tools

from fusion_eval.errors import ConfigError, RequestError
from fusion_eval.strategies.interface import needs_logprobs
from fusion_eval.strategies.methods.bon import BestOfN
from fusion_eval.strategies.scorers.confidence import Confidence, window_means
from fusion_eval.strategies.scorers.judge_pairwise import PairwiseJudge
from fusion_eval.strategies.scorers.self_certainty import SelfCertainty
from fusion_eval.strategies.specs import load_scorer, load_strategy
from fusion_eval.types import Candidate

VALUES = st.lists(st.floats(0, 30), min_size=1, max_size=40)


def confident(*values: float, text: str = "x") -> Candidate:
    return Candidate(text, "m", 0, confidences=values)


async def score(scorer: object, *candidates: Candidate) -> tuple[float | None, ...]:
    return (await scorer(pool_of(*candidates), tools())).scores


# confidence


@given(VALUES, st.integers(1, 12))
async def test_confidence_is_that_of_the_definition(values: list[float], window: int) -> None:
    # given the windows of DeepConf by hand
    windows = [values[i : i + window] for i in range(len(values) - window + 1)] or [values]
    means = sorted(sum(each) / len(each) for each in windows)
    tenth = means[: max(1, int(len(means) * 0.1))]
    expected = {
        "bottom": sum(tenth) / len(tenth),
        "lowest": means[0],
        "tail": sum(values[-window:]) / len(values[-window:]),
        "mean": sum(values) / len(values),
    }
    # when, then
    for of, value in expected.items():
        scorer = load_scorer(f"confidence(of={of},window={window})")
        assert await score(scorer, confident(*values)) == pytest.approx((value,), abs=1e-6)


def test_the_means_of_windows_are_exact_for_long_texts() -> None:
    values = [float(i % 7) for i in range(5000)]
    assert window_means(values, 2048)[-1] == pytest.approx(sum(values[-2048:]) / 2048)


async def test_the_more_confident_candidate_wins_and_one_without_alternatives_is_unscored() -> None:
    pool = pool_of(confident(1.0, text="a"), confident(text="b"), confident(9.0, text="c"))
    answer = await BestOfN(scorer=Confidence())(pool, tools())
    assert (answer.text, answer.scores) == ("c", (1.0, None, 9.0))


# self_certainty


@given(st.lists(st.lists(st.floats(-20, 0), min_size=20, max_size=20), min_size=1, max_size=5))
async def test_self_certainty_is_the_divergence_from_the_uniform_distribution(
    rows: list[list[float]],
) -> None:
    # given the definition: the mean over tokens of -1/V Σ log(V p), with the 20 alternatives as the vocabulary
    expected = sum(-sum(math.log(20) + value for value in row) / 20 for row in rows) / len(rows)
    # when
    candidate = confident(*(-sum(row) / len(row) for row in rows))
    # then
    assert await score(SelfCertainty(), candidate) == pytest.approx((expected,))


@pytest.mark.parametrize("name", ["confidence", "self_certainty"])
async def test_an_endpoint_without_alternatives_is_an_error_that_names_other_scorers(name: str) -> None:
    with pytest.raises(ConfigError, match=f"scorer={name} needs .* 20 alternatives .* m reports none; use"):
        await score(load_scorer(name), confident(), confident())
    assert await score(load_scorer(name), confident(text="")) == (None,)


def test_a_strategy_asks_for_alternatives_only_if_a_scorer_among_its_options_needs_them() -> None:
    wanted = {
        "single": 0,
        "bon(scorer=chrf)": 0,
        "bon(scorer=logprob)": 1,
        "bon(scorer=confidence)": 20,
        "rank_fusion(by=self_certainty)": 20,
    }
    assert {text: needs_logprobs(load_strategy(text)) for text in wanted} == wanted


# judge_pairwise


def prefers(*ranking: str) -> Scripted:
    """Return a judge that prefers the text that stands first in `ranking`."""

    def reply(prompt: str) -> str:
        shown = re.findall(r"^--- candidate .*\n(\S+)\n--- end of", prompt, re.MULTILINE)
        return f"Because. [[{1 + shown.index(min(shown, key=ranking.index))}]]"

    return Scripted(reply)


@given(st.permutations("abcd"))
async def test_the_score_is_the_share_of_won_comparisons_in_both_orders(ranking: list[str]) -> None:
    model = prefers(*ranking)
    scored = await PairwiseJudge()(pool_of(*"abcd"), tools(model))
    assert scored.scores == tuple((3 - ranking.index(text)) / 3 for text in "abcd")
    assert len(scored.calls) == len(model.requests) == 12


async def test_a_judge_that_always_takes_the_first_prefers_nobody() -> None:
    scored = await PairwiseJudge()(pool_of(*"abc"), tools(Scripted("[[1]]")))
    assert scored.scores == (0.5, 0.5, 0.5)


async def test_equal_texts_are_compared_as_one_and_a_lone_text_costs_nothing() -> None:
    model = prefers("a", "b")
    scored = await PairwiseJudge()(pool_of("a", "b", "a "), tools(model))
    assert (scored.scores, len(model.requests)) == ((1.0, 0.0, 1.0), 2)
    alone = Scripted("never asked")
    assert (await PairwiseJudge()(pool_of("a", "a"), tools(alone))).scores == (1.0, 1.0)
    assert alone.requests == []


@pytest.mark.parametrize("reply", ["no idea", "[[3]]", "[[1]] or [[2]]?", RequestError("HTTP 400"), ""])
async def test_comparisons_that_cannot_be_read_leave_candidates_unscored(reply: str | Exception) -> None:
    pool = pool_of("a", "b")
    given_tools = tools(Scripted(lambda _: reply))
    assert (await PairwiseJudge()(pool, given_tools)).scores == (None, None)
    answer = await BestOfN(scorer=PairwiseJudge())(pool, given_tools)
    assert (answer.text, answer.fallback) == ("a", "no candidate could be scored")
