"""Options of sampling in the harness: what reaches the endpoint, and what a run tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness_tasks import GENERATE, answers, evaluate
from openai_server import Plan, prompt_text

from fusion_eval.cli.main import main
from fusion_eval.harness.lm import model_type

FILTER = GENERATE + (
    "filter_list:\n  - name: first word\n    filter:\n"
    '      - function: regex\n        regex_pattern: "^(\\\\w+)"\n      - function: take_first\n'
)


def mostly_right(request: dict[str, Any], index: int) -> str:
    """Reply `right`, but `wrong` for one seed of the first question's pool."""
    seed = (request.get("seed") or 0) + index
    return "wrong" if "0 + 0" in prompt_text(request) and seed == 1 else "right"


def run(folder: Path, arguments: str, *options: str) -> int:
    tasks = ["--tasks", "sums", "--include_path", str(folder / "tasks"), "--output", str(folder / "out")]
    return main(["run", *tasks, "--model_args", arguments, *options])


def test_adaptive_sampling_asks_less_and_says_what_it_saved(
    openai_server: Any, tasks: Any, tmp_path: Path, capsys: Any
) -> None:
    # given a question with some wrong replies, and three whose replies are all equal
    server = openai_server(Plan(reply=mostly_right))
    tasks("sums", more=FILTER)
    arguments = f"model=test-model,base_url={server.base_url},n=12,adaptive=true,cache={tmp_path}/store"
    # when two strategies run on pools that stop early
    assert run(tmp_path, arguments, "--strategies", "single,majority") == 0
    # then the first pool stops at six votes to one, and the others at four to none
    pools = [json.loads(line) for line in (tmp_path / "out/majority/traces.jsonl").read_text().splitlines()]
    sizes = [len(trace["pool"]["candidates"]) for trace in pools]
    assert sizes == [7, 4, 4, 4]
    assert [one["seed"] for one in pools[0]["pool"]["candidates"]] == list(range(7))
    # and both strategies say what was saved
    saved = 48 - 19
    out = capsys.readouterr().out
    assert f"single: adaptive sampling saved {saved} of 48 candidates" in out
    assert f"majority: adaptive sampling saved {saved} of 48 candidates" in out
    config = json.loads(next((tmp_path / "out/majority").rglob("results*.json")).read_text())["config"]
    assert config["totals"]["saved_candidates"] == saved
    assert "|n:12|adaptive:true|" in config["signature"]
    # and the pools are no baseline
    command = ["compare", str(tmp_path / "out/majority"), "--baseline", "expected"]
    assert main([*command, "--include_path", str(tmp_path / "tasks")]) == 2
    assert "needs pools of one size" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "strategies", "message"),
    [
        (GENERATE, "single", "extracts no answer from a reply"),
        (FILTER, "single,rsa(population=9,k=2)", "adaptive=true may stop before; leave it out"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--dry_run"]])
def test_adaptive_sampling_where_it_cannot_be_is_an_error_before_any_call(
    openai_server: Any,
    tasks: Any,
    tmp_path: Path,
    capsys: Any,
    more: str,
    strategies: str,
    message: str,
    options: list[str],
) -> None:
    # given a task without a filter, or a strategy that needs pools of one size
    server = openai_server(Plan())
    tasks("sums", more=more)
    arguments = f"model=test-model,base_url={server.base_url},n=9,adaptive=true,cache=off"
    # when, then
    assert run(tmp_path, arguments, "--strategies", strategies, *options) == 2
    assert message in capsys.readouterr().err
    assert not server.calls


def test_a_dry_run_counts_the_pools_that_never_stop_early(
    openai_server: Any, tasks: Any, tmp_path: Path, capsys: Any
) -> None:
    # given
    server = openai_server(Plan())
    tasks("sums", more=FILTER)
    arguments = f"model=test-model,base_url={server.base_url},n=9,adaptive=true,cache=off"
    # when
    assert run(tmp_path, arguments, "--strategies", "single", "--dry_run") == 0
    # then
    [row] = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("single")]
    assert (row[2], row[4]) == ("4", "1,440"), "four calls for nine replies of 40 tokens each"


def test_hedged_sampling_and_min_p_reach_the_endpoint(openai_server: Any, tasks: Any) -> None:
    # given
    server = openai_server(Plan(reply=mostly_right))
    lm = model_type("majority")(
        model="test-model", base_url=server.base_url, n=5, sampling="hedged", min_p=0.1, cache="off"
    )
    # when
    results = evaluate(lm, tasks("sums", more=FILTER), "sums")
    # then each pool is a greedy candidate and four others
    bodies = [call.body for call in server.calls]
    assert (
        sorted((body["temperature"], body.get("n", 1)) for body in bodies) == [(0.0, 1)] * 4 + [(0.7, 4)] * 4
    )
    assert {body["min_p"] for body in bodies} == {0.1}
    assert set(answers(results, "sums")) == {"right"}
    assert "|n:5|sampling:hedged|" in lm.get_model_info()["signature"]


def test_weights_and_system_prompts_reach_the_endpoint(
    openai_server: Any, tasks: Any, tmp_path: Path
) -> None:
    # given two models, of which one has two turns in three, and two system prompts
    server = openai_server(Plan(reply=mostly_right, models=("model-a", "model-b")))
    for name in ("brief", "careful"):
        (tmp_path / name).write_text(f"Be {name}.")
    lm = model_type("single")(
        model="model-a|model-b",
        weights="2|1",
        n=6,
        system_prompts=f"{tmp_path}/brief|{tmp_path}/careful",
        base_url=server.base_url,
        cache="off",
    )
    # when
    evaluate(lm, tasks("sums", more=FILTER), "sums", limit=1)
    # then the six candidates are a, b, a, a, b, a, with the system prompts in turn
    asked = sorted(
        (body["model"], body["messages"][0]["content"], body.get("n", 1))
        for body in (call.body for call in server.calls)
    )
    assert asked == [
        ("model-a", "Be brief.", 2),
        ("model-a", "Be careful.", 2),
        ("model-b", "Be brief.", 1),
        ("model-b", "Be careful.", 1),
    ]
    assert "|system:" in lm.get_model_info()["signature"]
