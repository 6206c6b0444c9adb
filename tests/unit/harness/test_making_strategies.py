"""Every strategy that writes a new text is a model type of the harness, and a dry run counts its calls."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from harness_tasks import GENERATE, answers, evaluate
from openai_server import Plan, prompt_text

from fusion_eval.cli.main import main
from fusion_eval.harness.lm import model_type
from fusion_eval.strategies.analysis import PARTS


def replying(request: dict[str, Any], index: int) -> str:
    """Play every role: sample, analyze, criticize, compare, and write new texts that the prompts ask for."""
    prompt = prompt_text(request)
    if "reply with one JSON object alone" in prompt:
        return json.dumps({part: ["x"] for part in PARTS})
    if "[[CHANGE]]" in prompt:
        return "Too short. [[CHANGE]]"
    if "in double brackets, like this: [[5]]" in prompt:
        return "Fine. [[7]]" if "written anew" not in prompt else "Better. [[9]]"
    if "<NEW_SOLUTION>" in prompt:
        return "<NEW_SOLUTION>\nwritten anew\n</NEW_SOLUTION>"
    if "Answer: [[" in prompt:
        return "Comparison: alike.\nAnswer: [[ written anew ]]"
    return "written anew" if "--- end of" in prompt else f"candidate {(request.get('seed') or 0) + index}"


@pytest.mark.parametrize(
    "strategy",
    [
        "fusion",
        "fusion(prompt=analysis)",
        "fusion(prompt=agglm)",
        "fusion(prompt=synthesis)",
        "rank_fusion(k=2,by=chrf)",
        "rank_fusion(k=2,by=judge)",
        "guarded_fusion(by=judge)",
        "refine(by=chrf)",
        "refine(rounds=2,by=chrf)",
        "moa",
        "moa(layers=1)",
        "rsa(population=4,k=2,rounds=2)",
    ],
)
def test_a_strategy_answers_every_prompt_of_a_task_without_a_fallback(
    openai_server: Any, tasks: Any, strategy: str
) -> None:
    # given a server that plays every role
    server = openai_server(Plan(reply=replying))
    arguments = {"model": "test-model", "base_url": server.base_url, "n": 3, "cache": "off"}
    lm = model_type(strategy)(**arguments)
    # when the harness evaluates it
    results = evaluate(lm, tasks("sums", more=GENERATE), "sums", limit=1)
    # then the answer is a new text
    assert lm.totals.overall.fallbacks == 0
    assert set(answers(results, "sums")) == {"written anew"}


@pytest.mark.parametrize("reply", ["", "I'm sorry, but I can't help with that."])
@pytest.mark.parametrize(
    "strategy",
    [
        "fusion(prompt=analysis)",
        "fusion(prompt=agglm)",
        "fusion(prompt=synthesis)",
        "rank_fusion(k=2,by=chrf)",
        "guarded_fusion(by=chrf)",
        "refine(by=chrf)",
        "moa",
        "rsa(population=4,k=2,rounds=2)",
    ],
)
def test_a_model_that_writes_nothing_or_refuses_is_a_counted_fallback(
    openai_server: Any, tasks: Any, strategy: str, reply: str
) -> None:
    def failing(request: dict[str, Any], index: int) -> str:
        sampled = "--- end of" not in prompt_text(request)
        return f"candidate {(request.get('seed') or 0) + index}" if sampled else reply

    server = openai_server(Plan(reply=failing))
    arguments = {"model": "test-model", "base_url": server.base_url, "n": 3, "cache": "off"}
    lm = model_type(strategy)(**arguments)
    results = evaluate(lm, tasks("sums", more=GENERATE), "sums", limit=1)
    assert lm.totals.overall.fallbacks == 1
    assert re.fullmatch(r"candidate \d", answers(results, "sums")[0])


def test_a_dry_run_counts_every_call(openai_server: Any, tasks: Any, tmp_path: Any, capsys: Any) -> None:
    # given two prompts with three candidates each, which the first strategy that rates them pays for
    server = openai_server(Plan())
    tasks("sums", more=GENERATE)
    specs = {
        "fusion(prompt=analysis)": {"fusor": 4},
        "rank_fusion(k=2,by=judge)": {"scorer": 6, "fusor": 2},
        "guarded_fusion(by=judge)": {"scorer": 2, "fusor": 2},
        "refine(rounds=2,by=chrf)": {"fusor": 8},
        "moa": {"fusor": 2},
    }
    command = [
        "run",
        "--tasks",
        "sums",
        "--include_path",
        str(tmp_path / "tasks"),
        "--limit",
        "2",
        "--dry_run",
    ]
    arguments = f"model=test-model,base_url={server.base_url},n=3,cache=off"
    # when
    assert main([*command, "--strategies", ",".join(specs), "--model_args", arguments]) == 0
    # then
    rows = [re.split(r" {2,}", line) for line in capsys.readouterr().out.splitlines()]
    counts = {(row[0], row[1]): row[2] for row in rows if len(row) == 6}
    for spec, roles in specs.items():
        for role, calls in roles.items():
            assert counts[spec, role] == str(calls), (spec, role)
    assert not server.calls
