"""The console commands against a server in a process of its own; every call it gets is checked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from openai_server import Call, prompt_text, read_calls, spawn

from fusion_eval.cli.main import main
from fusion_eval.harness.tasks.folder import folder

BIN = Path(sys.executable).parent
LM_EVAL = """
import functools
from lm_eval.tasks import TaskManager
TaskManager.__init__ = functools.partialmethod(TaskManager.__init__, include_defaults=False)  # thousands
from lm_eval.__main__ import cli_evaluate
cli_evaluate()
"""
"""The command line of the harness, without its own tasks."""
FUSED = "Comparison: one is better.\nAnswer: [[ Bonjour ]]"


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a console command of this environment to its end."""
    return subprocess.run(
        [str(BIN / words[0]), *words[1:]],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )


def count_samples_and_fusions(calls: tuple[Call, ...]) -> tuple[Counter[str], Counter[str]]:
    """Count how often each prompt was sampled (such calls have n in their body), and how often it was fused."""
    sampled = Counter(prompt_text(call.body) for call in calls if call.body.get("n", 1) > 1)
    fused = Counter(prompt_text(call.body) for call in calls if call.body.get("n", 1) == 1)
    return sampled, fused


def samples(folder: Path) -> dict[str, list[str]]:
    """Return the lines of the newest sample file of each task."""
    newest = {path.name.split("_2")[0]: path for path in sorted(folder.rglob("samples_*.jsonl"))}
    return {task: path.read_text(encoding="utf-8").splitlines() for task, path in newest.items()}


def run_command(base_url: str, tmp_path: Path) -> list[str]:
    """Return the words of a `run` of both demo tasks, four prompts each."""
    arguments = f"model=test-model,base_url={base_url},n=3,scorer=chrf,cache={tmp_path / 'store.sqlite'}"
    return [
        "fusion-eval", "run", "--tasks", "fusion_demo_fr,fusion_demo_ja", "--limit", "4",
        "--model_args", arguments, "--output", str(tmp_path / "out"),
    ]  # fmt: skip


def test_run_asks_for_n_candidates_and_one_fusion_of_each_prompt_and_its_repetition_for_nothing(tmp_path):
    # when the same command runs twice
    log = tmp_path / "calls.jsonl"
    with spawn("--log", str(log), "--fusor-text", FUSED) as base_url:
        done = command(*run_command(base_url, tmp_path))
        sent, first = len(read_calls(log)), samples(tmp_path / "out" / "fusion")
        again = command(*run_command(base_url, tmp_path))

    # then the second run sends no call and writes the same samples
    assert again.returncode == 0
    assert len(read_calls(log)) == sent
    assert samples(tmp_path / "out" / "fusion") == first
    # and the first one asked once for each pool, and once for each fusion
    assert done.returncode == 0, done.stderr
    sampled, fused = count_samples_and_fusions(read_calls(log))
    assert len(sampled) == len(fused) == 8
    assert set(sampled.values()) == set(fused.values()) == {1}
    assert {call.body["n"] for call in read_calls(log) if "n" in call.body} == {3}
    for strategy in ("single", "bon", "fusion"):
        folder = tmp_path / "out" / strategy
        assert len(list(folder.glob("test-model/results_*.json"))) == 2
        assert len(samples(folder)) == 2
        assert len((folder / "traces.jsonl").read_text().splitlines()) == 8
    assert "fr" in done.stdout and "±" in done.stdout
    rows = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))["rows"]
    assert {(row["baseline"], row["candidate"], row["language"]) for row in rows} == {
        ("single", candidate, language) for candidate in ("bon", "fusion") for language in ("fr", "ja", "all")
    }
    assert "delta" in done.stdout and "runs that share a letter" in done.stdout


def test_a_killed_run_goes_on_and_repeats_no_finished_call(tmp_path):
    # given a run that is killed when 11 calls are answered
    first_log, second_log = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with spawn("--log", str(first_log), "--fusor-text", FUSED, "--slow-after", "11") as base_url:
        port = base_url.rsplit(":", 1)[1].removesuffix("/v1")
        words = run_command(base_url, tmp_path)
        with subprocess.Popen([str(BIN / words[0]), *words[1:]], stderr=subprocess.DEVNULL) as process:
            try:
                wait_for_lines(first_log, 11)
                time.sleep(0.5)  # the last answer's way into the store
            finally:
                process.send_signal(signal.SIGKILL)
    assert not list((tmp_path / "out" / "fusion").rglob("*.json")), "nothing half-written"

    # when the same command is run again
    with spawn("--log", str(second_log), "--fusor-text", FUSED, "--port", port) as base_url:
        done = command(*run_command(base_url, tmp_path))

    # then the finished calls are not sent again
    assert done.returncode == 0, done.stderr
    before = tuple(call for call in read_calls(first_log) if call.status == 200)
    assert len(before) == 11
    sampled, fused = count_samples_and_fusions(before + read_calls(second_log))
    assert len(sampled) == len(fused) == 8
    assert set(sampled.values()) == set(fused.values()) == {1}


@pytest.mark.slow  # it reads the harness's whole index of tasks
def test_the_harness_command_runs_fusion_from_a_config_file(tmp_path):
    log, output = tmp_path / "calls.jsonl", tmp_path / "out"
    with spawn("--log", str(log), "--fusor-text", FUSED) as base_url:
        config = tmp_path / "config.yaml"
        config.write_text(
            "model: fusion\ntasks: fusion_demo_fr\nlimit: 3\nlog_samples: true\n"
            f"output_path: {output}\napply_chat_template: true\nfewshot_as_multiturn: true\n"
            f"model_args:\n  model: [test-model]\n  base_url: {base_url}\n  n: 2\n  trace_dir: {tmp_path / 't'}\n"
        )
        done = command("lm_eval", "run", "--config", str(config))

    assert done.returncode == 0, done.stderr
    sampled, fused = count_samples_and_fusions(read_calls(log))
    assert len(sampled) == len(fused) == 3
    [results] = output.rglob("results_*.json")
    assert json.loads(results.read_text())["config"]["strategy"] == "fusion"
    assert all('"Bonjour"' in line for line in samples(output)["samples_fusion_demo_fr"])


def test_an_error_under_the_harness_is_one_sentence_and_exit_code_2(tmp_path):
    done = command(
        "python", "-c", LM_EVAL, "run", "--model", "fusion", "--model_args", "model=m,base_url=http://127.0.0.1:9/v1",
        "--include_path", str(folder()), "--tasks", "fusion_demo_fr", "--limit", "2", "--output_path", str(tmp_path / "out"),
    )  # fmt: skip

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.count("Cannot reach http://127.0.0.1:9/v1") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--model_args", "temprature=0.5"],
            "Unknown model argument 'temprature'. Did you mean 'temperature'?",
        ),
        (["--model_args", "n=0"], "n=0 should be a whole number, 1 or more"),
        (["--model_args", "model=gguf:/nowhere/x.gguf"], "There is no file /nowhere/x.gguf"),
        (
            ["--model_args", "model=m,base_url=http://127.0.0.1:9/v1,fusor_prompt=papper"],
            "Did you mean 'paper'?",
        ),
        (
            ["--model_args", "model=m,base_url=localhost:8000"],
            "should be a URL such as http://localhost:8000/v1",
        ),
        (["--model_args", "model=m,base_url=http://127.0.0.1:9/v1"], "Cannot reach http://127.0.0.1:9/v1"),
        (["--strategies", "fussion"], "There is no strategy 'fussion'. Did you mean 'fusion'?"),
        pytest.param(
            ["--tasks", "fusion_demo_xx"],
            "There is no task 'fusion_demo_xx'. Did you mean 'fusion_demo'?",
            marks=pytest.mark.slow,  # it reads the harness's whole index of tasks
        ),
        (["--include_path", "/nowhere"], "--include_path /nowhere is not a folder"),
        (["--taks", "x"], "Did you mean '--tasks'?"),
        (["--limit", "many"], "--limit"),
    ],
)
def test_a_mistake_of_the_user_is_one_sentence_and_exit_code_2(
    tmp_path, capsys, monkeypatch, words, sentence
):
    # given a command in this process, where the harness is imported already
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    try:
        code = main(["run", "--output", str(tmp_path / "out"), *words])
    except SystemExit as exit:  # argparse ends this way
        code = exit.code

    stderr = capsys.readouterr().err
    assert code == 2
    assert sentence in stderr
    assert "Traceback" not in stderr
    assert len(stderr.splitlines()) <= 3
    assert not list((tmp_path / "out").rglob("*.json*"))


@pytest.mark.parametrize(
    ("options", "model_args", "sentence"),
    [
        (
            ["--api-key", "right"],
            "model=test-model,api_key_env=MY_KEY",
            "came from the environment variable MY_KEY",
        ),
        ([], "model=other-model", "has no model 'other-model'"),
        (["--fail-every", "1", "500"], "model=test-model,max_retries=0", "failed on 8 prompts in a row"),
    ],
)
def test_a_refusal_of_the_server_is_shown_once_and_without_the_key(
    tmp_path, capfd, monkeypatch, options, model_args, sentence
):
    # given a command in this process, where the harness is imported already
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("MY_KEY", "sk-wrong-and-secret")
    log = tmp_path / "calls.jsonl"
    with spawn("--log", str(log), *options) as base_url:
        arguments = f"{model_args},base_url={base_url}"
        code = main(["run", "--output", str(tmp_path / "out"), "--model_args", arguments])

    printed = capfd.readouterr()
    assert code == 2
    assert printed.err.count(sentence) == 1, printed.err
    assert "wrong-and-secret" not in printed.err + printed.out
    assert len(read_calls(log)) <= 154


def wait_for_lines(path: Path, count: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if path.exists() and len(path.read_bytes().splitlines()) >= count:
            return
        time.sleep(0.05)
    raise AssertionError(f"{path.name} never had {count} lines")
