"""A scorer that needs log-probabilities, and models that report none: one sentence, after one call at the most."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import recording_models  # noqa: F401 - registers the model type `recording`
from openai_server import Plan
from scripted import Scripted, tools

from fusion_eval.errors import ConfigError, RequestError
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.strategies.log_probabilities import check_first_candidates
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.shares import Share, solve_shares
from fusion_eval.strategies.solver import Solver
from fusion_eval.strategies.specs import load_scorer, load_strategy
from fusion_eval.types import Candidate, Prompt, Sampling, Trace, with_logprobs

NEEDING = [
    ("bon(scorer=logprob)", {}),
    ("bon", {"scorer": "logprob"}),
    ("bon(scorer=self_certainty)", {}),
    ("weighted_majority(by=confidence)", {}),
    ("rank_fusion(k=2,by=logprob)", {}),
    ("refine(by=self_certainty)", {}),
]


def questions(count: int) -> list[Question]:
    sampling = with_logprobs(Sampling(max_tokens=8, temperature=0.7, seed=0), 20)
    return [
        Question("quiz", i, 0, "en", Prompt(f"{i} + {i}?"), sampling, (0.7,), extract=str)
        for i in range(count)
    ]


async def solve(arguments: dict[str, Any], *strategies: str) -> list[Trace]:
    """Answer ten questions by several strategies together."""
    checked, traces = parse(arguments), []
    with open_store(checked) as store:
        opener = Opener(checked, store)
        try:
            shares = [
                Share(
                    questions(10),
                    Solver(strategy, checked, opener),
                    lambda index, trace: traces.append(trace),
                )
                for strategy in strategies
            ]
            await solve_shares(shares, width=10)
        finally:
            await opener.close()
    return traces


@pytest.mark.parametrize(("strategy", "arguments"), NEEDING)
async def test_an_endpoint_that_reports_none_gets_one_request_for_one_candidate(
    openai_server: Any, tmp_path: Path, strategy: str, arguments: dict[str, str]
) -> None:
    # given an endpoint without log-probabilities, and a second strategy that needs none
    server = openai_server(Plan(logprobs=False))
    model = {
        "model": "test-model",
        "base_url": server.base_url,
        "n": 4,
        "cache": str(tmp_path / "store.sqlite"),
    }
    # when / then
    with pytest.raises(ConfigError, match=r"test-model reports none; use scorer=chrf, or scorer=judge$"):
        await solve(model | arguments, "single", strategy)
    assert [call.body.get("n") or 1 for call in server.calls] == [1]
    # when it runs again, then the store holds that candidate, and nothing is asked
    with pytest.raises(ConfigError, match="reports none"):
        await solve(model | arguments, "single", strategy)
    assert len(server.calls) == 1


async def test_an_endpoint_with_log_probabilities_but_without_alternatives_is_told_apart(
    openai_server: Any,
) -> None:
    server = openai_server(Plan())
    model = {"model": "test-model", "base_url": server.base_url, "cache": "off"}
    with pytest.raises(
        ConfigError, match=r"20 alternatives to each token, .*; use scorer=logprob, scorer=chrf"
    ):
        await solve(model, "bon(scorer=self_certainty)")
    assert len(server.calls) == 1


async def test_where_they_are_reported_the_first_candidate_is_not_asked_for_twice(openai_server: Any) -> None:
    # given ten questions with pools of four
    server = openai_server(Plan())
    model = {"model": "test-model", "base_url": server.base_url, "n": 4, "cache": "off"}
    # when
    traces = await solve(model, "single", "bon(scorer=logprob)")
    # then the first pool took two requests, which together asked for its four candidates
    assert len(traces) == 20
    assert sorted(call.body.get("n") or 1 for call in server.calls) == [1, 3, *[4] * 9]


async def test_pools_that_a_strategy_never_scores_need_none(openai_server: Any) -> None:
    server = openai_server(Plan(logprobs=False))
    model = {
        "model": "test-model",
        "base_url": server.base_url,
        "n": 3,
        "cache": "off",
        "fusor_prompt": "direct",
    }
    traces = await solve(model, "rank_fusion(by=logprob)")
    assert [trace.answer.fallback for trace in traces] == [None] * 10


async def test_a_model_of_the_harness_is_known_to_report_none_before_any_call() -> None:
    arguments = parse({"model": "lm_eval:recording", "cache": "off"})
    with open_store(arguments) as store:
        opener = Opener(arguments, store)
        for strategy in ("bon(scorer=logprob)", "weighted_majority(by=self_certainty)"):
            with pytest.raises(ConfigError, match=r"lm_eval:recording reports none; use scorer=chrf"):
                Solver(strategy, arguments, opener)
        Solver("bon(scorer=chrf)", arguments, opener)
        assert opener.inner_harness_model().batches == []


def reporting(name: str, *values: float | None) -> Scripted:
    """Return a model that reports these mean log-probabilities in turn; None for a candidate that failed."""
    left = iter(values)

    def reply(prompt: str) -> Candidate:
        value = next(left)
        return Candidate(
            "word", name, 0, mean_logprob=value if value else None, error="broken" if value is None else None
        )

    model = Scripted(reply)
    model.identity = model.name = name
    return model


async def check(*models: Scripted) -> None:
    solver = SimpleNamespace(
        strategy=load_strategy("bon"),
        tools=tools(scorer="logprob"),
        models=models,
        arguments=SimpleNamespace(n=4, samples_locally=False),
        system_prompts=(),
    )
    assert load_scorer("logprob") == solver.tools.scorer
    await check_first_candidates(solver, questions(1)[0])  # type: ignore[arg-type] # the attributes it reads


async def test_models_are_asked_in_turn_until_one_reports_them() -> None:
    silent, speaking, later = reporting("a", 0.0), reporting("b", -1.0), reporting("c")
    await check(silent, silent, speaking, later)
    assert [len(model.requests) for model in (silent, speaking, later)] == [1, 1, 0]


async def test_if_no_model_reports_them_each_was_asked_once() -> None:
    models = reporting("a", 0.0), reporting("b", 0.0)
    with pytest.raises(ConfigError, match="a reports none"):
        await check(*models)
    assert [len(model.requests) for model in models] == [1, 1]


async def test_a_candidate_that_failed_shows_nothing() -> None:
    await check(reporting("a", None))


async def test_a_first_prompt_that_is_refused_stops_no_run() -> None:
    # given a model that refuses the first prompt, as one that is too long
    def refuse(prompt: str) -> Candidate:
        raise RequestError("the prompt is too long")

    # when / then
    await check(Scripted(refuse))
