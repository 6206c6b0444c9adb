"""Every registered strategy with models that always fail or lie: a counted fallback, and never a made-up answer."""

from __future__ import annotations

import pytest
from choosing_models import FAILURES, LIES, counted, failing
from scripted import Scripted, pool_of, tools

from fusion_eval.strategies.plugins import STRATEGIES, names
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.types import Answer, Candidate

POOL = pool_of("4 it is", Candidate("", "m", 0, error="timeout"), "5", "6 no doubt", "7")
"""Four candidates of which each gives another answer, so that every strategy that can ask a model does."""
NOTHING = ["", " \n", "I'm sorry, but I can't help with that."]
"""Replies that hold no answer, no choice, no ranking and no feedback."""
SMALL = {"rsa": "rsa(population=3,k=2,rounds=2)"}
"""Strategies whose defaults make more calls than a test needs."""
ASK_NOBODY = {"single", "random", "longest", "majority", "mbr"}
CHOOSING = {"usc", "genselect", "pairrank", "chops"}
"""Strategies whose model names a candidate. All others that ask a model, but `bon` and `weighted_majority`, let it write."""

SCORED = {"bon", "weighted_majority", "rank_fusion", "guarded_fusion", "refine"}

every_strategy = pytest.mark.parametrize("strategy", names(STRATEGIES))
with_every_scorer = pytest.mark.parametrize(
    ("strategy", "scorer"),
    [
        (name, scorer)
        for name in names(STRATEGIES)
        for scorer in ("chrf", "judge", "judge_pairwise")[: 3 if name in SCORED else 1]
    ],
)


async def answer_of(strategy: str, model: Scripted, scorer: str = "chrf") -> Answer:
    toolbox = tools(model, scorer=scorer, template="direct", extract=lambda text: text[:1])
    return await load_strategy(SMALL.get(strategy, strategy))(POOL, toolbox)


def is_candidate(answer: Answer) -> bool:
    return answer.chosen is not None and answer.text == POOL.usable[answer.chosen].text


@with_every_scorer
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failing_model_leads_to_a_counted_fallback_on_a_candidate(
    strategy: str, scorer: str, failure: str
) -> None:
    # given models that fail whatever they are asked
    model = failing(failure)
    # when
    answer = await answer_of(strategy, model, scorer)
    # then the answer is a candidate, and a fallback if a model was asked for it
    assert is_candidate(answer)
    assert (answer.fallback is not None) == bool(model.requests)
    assert len(answer.calls) == counted(failure, len(model.requests))
    assert strategy not in ASK_NOBODY or not model.requests


def test_every_strategy_that_scores_is_tested_with_failing_judges() -> None:
    kinds = {name: load_strategy(name) for name in names(STRATEGIES)}
    assert {name for name, kind in kinds.items() if "scorer" in getattr(kind, "uses", ())} == SCORED


@with_every_scorer
@pytest.mark.parametrize("reply", NOTHING)
async def test_a_model_that_says_nothing_leads_to_a_counted_fallback_on_a_candidate(
    strategy: str, scorer: str, reply: str
) -> None:
    if strategy == "greedy":
        pytest.skip("greedy is one more sample, so whatever the model writes is its answer")
    model = Scripted(reply)
    answer = await answer_of(strategy, model, scorer)
    assert is_candidate(answer)
    assert (answer.fallback is not None) == bool(model.requests)
    assert len(answer.calls) == len(model.requests)


@every_strategy
@pytest.mark.parametrize("lie", LIES)
async def test_a_lying_model_never_leads_to_a_made_up_answer(strategy: str, lie: str) -> None:
    # given a model that names no candidate that it was shown, whatever it is asked
    model = Scripted(lie)
    # when
    answer = await answer_of(strategy, model)
    # then the answer is a candidate, or word for word what a model that may write wrote
    assert is_candidate(answer) or (strategy not in CHOOSING and answer.text == lie)
    assert strategy not in CHOOSING or answer.fallback is not None
    assert len(answer.calls) == len(model.requests)
