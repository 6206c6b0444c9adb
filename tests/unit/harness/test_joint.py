"""Strategies of one run answer together, task by task: order, lines of progress, and what a failure leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import Fault, Server, prompt_text
from openai_server import Plan as ServerPlan

from fusion_eval.errors import FusionEvalError
from fusion_eval.harness.run import Plan, run
from fusion_eval.runs.traces import read_traces

TASKS = ("fusion_demo_de", "fusion_demo_en", "fusion_demo_fr")
STRATEGIES = ("single", "bon(scorer=chrf)", "fusion")


@pytest.fixture
def run_on(openai_server: Callable[[ServerPlan], Server], tmp_path: Path) -> Callable[..., Any]:
    """Return a function that runs three strategies on three tasks of two prompts, and returns server and lines."""

    def start(
        server_plan: ServerPlan, folder: str = "out", **arguments: object
    ) -> tuple[Server, list[str], Any]:
        server, lines = openai_server(server_plan), []
        model_args = {"model": "test-model", "base_url": server.base_url, "n": 2, "max_retries": 0}
        model_args |= {"cache": tmp_path / f"{folder}.sqlite"}
        plan = Plan(tmp_path / folder, TASKS, STRATEGIES, model_args | arguments, limit=2)
        return server, lines, lambda: run(plan, lines.append)

    return start


def language(request: dict[str, Any]) -> str:
    """Return the language that a request's prompt asks for."""
    return prompt_text(request).split(" into ")[1].split(".")[0]


def is_fusion(request: dict[str, Any]) -> bool:
    return "Answer: [[" in prompt_text(request)


def test_a_task_ends_before_the_last_begins(run_on: Any) -> None:
    # given an endpoint that takes one request at a time
    server, _, start = run_on(ServerPlan(), concurrency=1)
    # when three strategies run
    start()
    # then the first task's fusions stand before the last task's samples
    calls = [(is_fusion(call.body), language(call.body)) for call in server.calls if call.body]
    assert len(calls) == 3 * 2 * 2
    last_fusion = max(i for i, call in enumerate(calls) if call == (True, calls[0][1]))
    assert last_fusion < calls.index((False, calls[-1][1]))


def test_a_line_says_the_scores_of_each_task_as_it_ends(run_on: Any, tmp_path: Path) -> None:
    # given / when
    _, lines, start = run_on(ServerPlan(), concurrency=1)
    outcome = start()
    # then there is a line for each task, in the order of the tasks
    ended = [line for line in lines if " of 3 tasks, " in line]
    assert [line.split()[0] for line in ended] == list(TASKS)
    assert lines[1] == "6 prompts in 3 tasks; a line follows as each task ends"
    # and its scores are those of the harness
    for line, row in zip(ended, sorted_rows(outcome, TASKS), strict=True):
        digits = 1 if any(score.value > 1 for score in row.scores.values()) else 3
        for strategy, score in row.scores.items():
            assert f"{strategy} {score.value:.{digits}f}" in line


def test_a_task_whose_scores_fail_ends_without_them(run_on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a metric that fails while tasks run
    def fail(*_: object) -> None:
        raise RuntimeError("a metric of the task")

    monkeypatch.setattr("fusion_eval.harness.joint.first_score", fail)
    _, lines, start = run_on(ServerPlan())
    # when
    start()
    # then every task has its line all the same
    assert sum(" of 3 tasks, " in line for line in lines) == 3


def sorted_rows(outcome: Any, tasks: tuple[str, ...]) -> list[Any]:
    """Return the score table's rows in the order of the tasks, whose languages they name."""
    rows = {row.label: row for row in outcome.rows}
    return [rows[task.rsplit("_", 1)[1]] for task in tasks]


def test_each_call_is_made_once_and_each_strategy_counts_what_it_used(run_on: Any, tmp_path: Path) -> None:
    # given / when
    server, _, start = run_on(ServerPlan())
    outcome = start()
    # then six pools were drawn and six fusions made
    assert len(server.calls) == 6 + 6
    assert [total.candidates for total in outcome.totals.values()] == [12, 12, 12]
    assert [total.aggregation_calls for total in outcome.totals.values()] == [0, 0, 6]
    # and the traces stand in the order of the prompts
    for strategy in STRATEGIES:
        [path] = (tmp_path / "out").glob(f"{strategy}/traces.jsonl")
        assert [trace.task for trace in read_traces(path)] == [task for task in TASKS for _ in range(2)]


def test_a_second_run_writes_the_same_answers_and_asks_nobody(run_on: Any, tmp_path: Path) -> None:
    # given a finished run
    server, _, start = run_on(ServerPlan())
    start()
    first = answers(tmp_path / "out")
    asked = len(server.calls)
    # when it is repeated
    start()
    # then
    assert answers(tmp_path / "out") == first
    assert len(server.calls) == asked


def answers(folder: Path) -> dict[str, list[Any]]:
    """Return the answers of the newest samples file of each strategy and task."""
    found: dict[str, list[Any]] = {}
    for path in sorted(folder.rglob("samples_*.jsonl")):
        name = f"{path.relative_to(folder).parts[0]} {path.name.rsplit('_', 1)[0]}"
        found[name] = [json.loads(line)["resps"] for line in path.read_text().splitlines()]
    return found


def test_a_prompt_without_candidates_stops_no_other_and_is_asked_once(run_on: Any, tmp_path: Path) -> None:
    # given an endpoint that refuses the first request alone
    def first_is_refused(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("status", 400) if number == 1 else None

    server, _, start = run_on(ServerPlan(faults=first_is_refused), concurrency=1)
    # when it runs
    with pytest.raises(FusionEvalError, match=r"^1 of 6 prompts have no answer \(fusion_demo_de, document 0"):
        start()
    # then no strategy asked again for that prompt, and all others are kept
    assert len(server.calls) == 1 + 5 + 5
    assert not list((tmp_path / "out").rglob("traces.jsonl*"))
    # and a second run asks for that prompt alone
    start()
    assert len(server.calls) == 11 + 2


def test_a_budget_that_ends_stops_every_strategy(run_on: Any, tmp_path: Path) -> None:
    # given a budget for a few calls
    _, _, start = run_on(ServerPlan(), price_in=1000, price_out=1000, budget=0.5, max_tokens=8)
    # when / then
    with pytest.raises(FusionEvalError, match="budget"):
        start()
    assert not list((tmp_path / "out").rglob("*.json*"))
