"""The filter `judge` under the command lines of lm-eval and of fusion-eval."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judged_task import TASK, documents, write_judged_task
from local_judge import ServerStart, by_quality, judge_server
from openai_server import Plan, Reply, Server, prompt_text

CLI = """
import functools, sys
from lm_eval.tasks import TaskManager
TaskManager.__init__ = functools.partialmethod(TaskManager.__init__, include_defaults=False)  # thousands
from lm_eval.__main__ import cli_evaluate
cli_evaluate()
"""


def lm_eval(folder: Path, server: Server) -> subprocess.CompletedProcess[str]:
    """Run lm-eval's command line in a process of its own, which finds the filter as any process does."""
    arguments = (
        f"run --tasks judged_task --include_path {folder} --output_path {folder / 'out'} --log_samples"
    )
    model = f"--model single --model_args model=test-model,base_url={server.base_url},n=1,temperature=0"
    return subprocess.run(
        [sys.executable, "-c", CLI, *arguments.split(), *model.split()],
        env=os.environ
        | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "datasets"), "DISABLE_MULTIPROC": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
    )


def writer_and_judge() -> Plan:
    """Plan a model that writes answers and judges them. The quality of an answer is a tenth of the question's number."""
    judge = judge_server(by_quality)

    def reply(request: dict[str, Any], index: int) -> str | Reply:
        question = re.fullmatch(r"Question (\d)\?", prompt_text(request))
        return f"ours q=0.{question[1]}" if question else judge.reply(request, index)

    return replace(judge, reply=reply)


@pytest.mark.slow
def test_plain_lm_eval_runs_a_task_with_the_filter(openai_server, tmp_path):
    server = openai_server(writer_and_judge())
    write_judged_task(tmp_path, server, 9)
    done = lm_eval(tmp_path, server)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    [path] = (tmp_path / "out").rglob("samples_*.jsonl")
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    assert [sample["win_rate"] for sample in samples] == [0.0] * 5 + [0.5] + [1.0] * 3
    [path] = (tmp_path / "out").rglob("results_*.json")
    result = json.loads(path.read_text())["results"]["judged_task"]
    assert result["win_rate,judged"] == pytest.approx(3.5 / 9)


def test_a_wrong_argument_ends_plain_lm_eval_with_one_sentence(openai_server, tmp_path):
    server = openai_server(writer_and_judge())
    write_judged_task(tmp_path, server, 1, more="        max_token: 5")
    done = lm_eval(tmp_path, server)
    assert done.returncode == 2
    assert (
        "fusion_eval: The filter judge has no argument 'max_token'. Did you mean 'max_tokens'?" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_fusion_eval_run_reports_a_wrong_argument_before_any_call(
    openai_server: ServerStart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fusion_eval.cli.main import main

    model = openai_server(Plan())
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, documents(2))), encoding="utf-8")
    task = TASK.format(
        data=data, target="x", repeats=1, judge="judge", url=model.base_url, more="        concurency: 3",
        aggregation="win_rate",
    )  # fmt: skip
    (tmp_path / "judged_task.yaml").write_text(task, encoding="utf-8")
    arguments = f"model=test-model,base_url={model.base_url},cache=off"
    given = ["--tasks", "judged_task", "--include_path", str(tmp_path), "--output", str(tmp_path / "out")]
    assert main(["run", *given, "--model_args", arguments]) == 2
    assert "concurrency" in capsys.readouterr().err and not model.calls
