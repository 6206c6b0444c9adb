"""`fusion-eval run --arms`: one model, one model several times, several models, and the best of them several times."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan, Server, prompt_text

from fusion_eval.cli.main import main
from fusion_eval.runs.traces import read_traces

MODELS = ("model-a", "model-b", "model-c")


def replying(request: dict[str, Any], index: int) -> str:
    """Model b knows every sum and model c one of them; the fusor takes over a right candidate."""
    prompt, model = prompt_text(request), request["model"]
    if model == "judge":
        return "[[C]]"
    if "Answer: [[" in prompt:
        right = next((f"{2 * i} in all" for i in range(4) if f"{2 * i} in all, says b" in prompt), "no idea")
        return f"Comparison: they differ.\nAnswer: [[ {right} ]]"
    number = next(i for i in range(4) if f"{i} + {i}?" in prompt)
    knows = model == "model-b" or (model == "model-c" and number == 0)
    return f"{2 * number} in all" if knows else f"no idea {index}"


@pytest.fixture
def server(openai_server: Any, tasks: Any) -> Server:
    """Start a server with three models, and write the task `sums`."""
    tasks("sums")
    return openai_server(Plan(reply=replying, models=(*MODELS, "judge")))


def run(
    folder: Path, server: Server, arguments: str = "", *options: str, models: str = "|".join(MODELS)
) -> int:
    where = ["--tasks", "sums", "--include_path", str(folder / "tasks"), "--output", str(folder / "out")]
    model_args = f"model={models},base_url={server.base_url},cache={folder}/store.sqlite{arguments}"
    return main(["run", "--arms", *where, "--model_args", model_args, *options])


def test_each_arm_has_its_folder_its_pool_and_the_same_fusor(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # when
    assert run(tmp_path, server) == 0
    # then each arm draws three candidates, from the models that make it what it is
    drawn = {
        arm: [
            c.model for c in next(iter(read_traces(tmp_path / "out" / arm / "traces.jsonl"))).pool.candidates
        ]
        for arm in ("single", "self", "multi", "best_single")
    }
    assert drawn["self"] == drawn["single"] == ["model-a"] * 3
    assert drawn["multi"] == list(MODELS)
    assert drawn["best_single"] == ["model-b"] * 3
    # and the first model fuses in all three arms that fuse
    fused = Counter(call.body["model"] for call in server.calls if "Answer: [[" in prompt_text(call.body))
    assert fused.keys() == {"model-a"} and fused["model-a"] <= 12
    # and candidates that arms share are drawn once: of each prompt three of a and of b, and one of c
    sampled: Counter[str] = Counter()
    for call in server.calls:
        if "Answer: [[" not in prompt_text(call.body):
            sampled[call.body["model"]] += call.body.get("n", 1)
    assert sampled == {"model-a": 12, "model-b": 12, "model-c": 4}
    # and the comparison has every arm against single
    rows = json.loads((tmp_path / "out/comparison.json").read_text())["rows"]
    assert {(row["baseline"], row["candidate"]) for row in rows} == {
        ("single", "self"),
        ("single", "multi"),
        ("single", "best_single"),
    }
    # and the terminal says how the best model was chosen
    captured = capsys.readouterr()
    assert "best model: model-b, by its single samples on the same items" in captured.err
    assert "candidates that arms share are paid for once" in " ".join(captured.out.split())


@pytest.mark.slow
def test_a_judge_compares_the_arms(server: Server, tmp_path: Path) -> None:
    # when
    judge = ["--judge", "judge", "--judge_base_url", server.base_url]
    assert run(tmp_path, server, "", *judge, models="model-a|model-b") == 0
    # then
    rows = json.loads((tmp_path / "out/comparison.json").read_text())["rows"]
    judged = {row["candidate"] for row in rows if row["metric"].startswith("judge:")}
    assert judged == {"self", "multi", "best_single"}


def test_a_dry_run_counts_each_arm_and_asks_nothing(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, server, "", "--dry_run") == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("arm ")] == [
        "arm single",
        "arm self",
        "arm multi",
    ]
    assert "best_single costs as self does" in out
    assert not server.calls


@pytest.mark.parametrize(
    ("arguments", "options", "models", "message"),
    [
        ("", [], "model-a", "--arms compares several models with one: name each once, model=A|B|C"),
        ("", [], "model-a|model-a", "--arms compares several models with one: name each once, model=A|B|C"),
        (",n=4", [], "model-a|model-b|model-c", "n=4 is no multiple; leave out n="),
        (",sampling=teachers", [], "model-a|model-b", "sampling= does not go with --arms"),
        (",adaptive=true", [], "model-a|model-b", "adaptive= does not go with --arms"),
        (",budget=1", [], "model-a|model-b", "budget= does not go with --arms"),
        (",temperature=0.3|0.7", [], "model-a|model-b", "--arms samples at one temperature"),
        ("", ["--strategies", "bon"], "model-a|model-b", "--arms runs strategies of its own"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_arms_is_an_error_before_any_call(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    options: list[str],
    models: str,
    message: str,
) -> None:
    try:
        code = run(tmp_path, server, arguments, *options, models=models)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    assert code == 2
    assert message in capsys.readouterr().err
    assert not server.calls
