"""Every strategy that chooses is a model type of the harness."""

from __future__ import annotations

import re
from typing import Any

import pytest
from choosing_models import shown
from harness_tasks import GENERATE, answers, evaluate
from openai_server import Plan, prompt_text

from fusion_eval.cli.main import main
from fusion_eval.harness.lm import model_type

FILTER = GENERATE + (
    "filter_list:\n  - name: first word\n    filter:\n"
    '      - function: regex\n        regex_pattern: "^(\\\\w+)"\n      - function: take_first\n'
)
GOOD = "right indeed"


def replying(request: dict[str, Any], index: int) -> str:
    """Sample three answers by seed, two of which agree; choose and rank the longest text; write checklists and fuse."""
    prompt = prompt_text(request)
    texts = shown(prompt)
    if "double brackets" not in prompt:
        candidates = ["wrong", GOOD, "right so"]
        return candidates[((request.get("seed") or 0) + index) % 3] if not texts else GOOD
    order = sorted(range(1, len(texts) + 1), key=lambda i: -len(texts[i - 1]))
    return f"[[{', '.join(map(str, order))}]]" if "Rank all" in prompt else f"[[{order[0]}]]"


@pytest.mark.parametrize(
    ("strategy", "answer"),
    [
        ("greedy", "wrong"),
        ("longest", GOOD),
        ("majority", GOOD),
        ("weighted_majority", GOOD),
        ("mbr", GOOD),
        ("mbr(utility=bleu)", GOOD),
        ("usc", GOOD),
        ("genselect", GOOD),
        ("genselect(window=2)", GOOD),
        ("chops", GOOD),
        ("pairrank", GOOD),
        ("pairrank(budget=2n)", GOOD),
        ("council", GOOD),
        ("route", GOOD),
        ("route(above=0.9)", GOOD),
    ],
)
def test_a_strategy_answers_every_prompt_of_a_task_without_a_fallback(
    openai_server: Any, tasks: Any, tmp_path: Any, strategy: str, answer: str
) -> None:
    # given a server whose model chooses the longest text, and a task that extracts the first word
    server = openai_server(Plan(reply=replying))
    arguments = {"model": "test-model", "base_url": server.base_url, "n": 3, "scorer": "chrf", "cache": "off"}
    lm = model_type(strategy)(**arguments, fusor_prompt="direct")
    # when the harness evaluates it
    results = evaluate(lm, tasks("sums", more=FILTER), "sums")
    # then all answers are the strategy's own
    assert lm.totals.overall.fallbacks == 0
    assert set(answers(results, "sums")) == {answer}


def test_a_dry_run_counts_what_strategies_that_vote_may_cost(
    openai_server: Any, tasks: Any, tmp_path: Any, capsys: Any
) -> None:
    # given two prompts with three candidates each, and strategies that rate each candidate, or may fuse, or ask nobody
    server = openai_server(Plan())
    tasks("sums", more=FILTER)
    strategies = "single,majority,weighted_majority(by=judge),weighted_majority(by=confidence),route"
    arguments = f"model=test-model,base_url={server.base_url},n=3,cache=off"
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
    # when
    assert main([*command, "--strategies", strategies, "--model_args", arguments]) == 0
    # then
    rows = [re.split(r" {2,}", line) for line in capsys.readouterr().out.splitlines()]
    counts = {(row[0], row[1]): row[2] for row in rows if len(row) == 6}
    assert counts["weighted_majority(by=judge)", "scorer"] == "6"
    assert counts["route", "fusor"] == "2"
    assert not server.calls
