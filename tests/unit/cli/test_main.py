"""The command line: what it understands, what it says of the rest, and how light it is to ask for help."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fusion_eval import __version__, cli
from fusion_eval.errors import ConfigError, EndpointError
from fusion_eval.harness.run import Outcome, Plan
from fusion_eval.report.score_table import MeanScore, TaskScores
from fusion_eval.runs.totals import Totals

HEAVY = (
    "litellm",
    "torch",
    "lm_eval",
    "pandas",
    "scipy",
    "sacrebleu",
    "jinja2",
    "aiohttp",
    "numpy",
    "datasets",
)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that `fusion-eval run` would carry out; here they come to one row."""
    made: list[Plan] = []

    def run(plan: Plan, say: Any) -> Outcome:
        made.append(plan)
        say("at work")
        row = TaskScores("fr", {"fusion": MeanScore(50.0, 1.0)}, tokens=1_234, seconds=5.0)
        return Outcome((row,), "chrf", {"fusion": Totals(prompts=3, aggregation_calls=3, fallbacks=1)})

    monkeypatch.setattr("fusion_eval.harness.run.run", run)
    monkeypatch.setattr(cli, "_print_comparison", lambda plan, options: None)
    return made


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which the command line refuses these, with exit code 2."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    said = capsys.readouterr()
    assert (stopped.value.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1
    return said.err


def test_help_imports_nothing_heavy_and_comes_at_once() -> None:
    code = (
        "import sys, json\nfrom fusion_eval.cli.main import main\ntry:\n    main(['--help'])\n"
        "except SystemExit as end:\n    print(json.dumps([end.code, sorted(sys.modules)]), file=sys.stderr)"
    )
    taken = []
    for _ in range(3):  # the machine may be busy with something else
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        taken.append(time.perf_counter() - started)
    status, modules = json.loads(done.stderr)
    assert status == 0 and not set(modules) & set(HEAVY)
    assert min(taken) < 0.5
    assert all(command in done.stdout for command in ("run", "doctor", "--version"))


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert (stopped.value.code, capsys.readouterr().out.strip()) == (0, __version__)


def test_a_run_prints_its_table_and_totals_and_talks_on_stderr(
    plans: list[Plan], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["run", "--output", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "50.0 ± 1.0" in said.out and "answers 3, calls beyond the pool 3, fallbacks 1" in said.out
    assert "at work" in said.err and "at work" not in said.out
    assert plans == [Plan(output=tmp_path, model_args={})]


def test_dashes_and_underscores_are_alike_in_names_and_left_alone_in_values(plans: list[Plan]) -> None:
    given = "--tasks a_b,c-d --model_args=model=my-model,n=3 --limit 5 --num_fewshot 2 --include_path x-y --apply_chat_template"
    with_dashes = given.replace("_args", "-args").replace("_fewshot", "-fewshot").replace("_path", "-path")
    with_dashes = with_dashes.replace("_chat_template", "-chat-template")
    cli.main(["run", "--output", "o_p", *given.split()])
    cli.main(["run", "--output-path", "o_p", *with_dashes.split()])
    assert plans[0] == plans[1]
    assert plans[0] == Plan(
        output=Path("o_p"),
        tasks=("a_b", "c-d"),
        model_args={"model": "my-model", "n": 3},
        limit=5,
        include_path=Path("x-y"),
        apply_chat_template=True,
        num_fewshot=2,
    )


@pytest.mark.parametrize(("text", "limit"), [("10", 10), ("1", 1), ("0.25", 0.25)])
def test_a_limit_is_a_number_of_items_or_a_share(plans: list[Plan], text: str, limit: float) -> None:
    cli.main(["run", "--output", "o", "--limit", text])
    assert plans[0].limit == limit and isinstance(plans[0].limit, type(limit))


def test_names_in_a_list_are_taken_once_and_without_spaces(plans: list[Plan]) -> None:
    cli.main(["run", "--output", "o", "--strategies", "bon, fusion,,bon"])
    assert plans[0].strategies == ("bon", "fusion")


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("--taks", "--tasks"),
        ("--model-arg", "--model_args"),
        ("--strategy=bon", "--strategies"),
        ("--limt", "--limit"),
    ],
)
def test_an_unknown_option_is_told_with_the_nearest(
    capsys: pytest.CaptureFixture[str], unknown: str, nearest: str
) -> None:
    said = refused(capsys, "run", "--output", "o", unknown, "x")
    assert f"Did you mean '{nearest}'?" in said and said.startswith("fusion-eval")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "COMMAND"),
        (["rnu"], "invalid choice: 'rnu'"),
        (["run"], "--output"),
        (["run", "--output", "o", "--limit", "0"], "0 should be a whole number of items"),
        (["run", "--output", "o", "--limit", "-1"], "--limit"),
        (["run", "--output", "o", "--limit", "many"], "many should be a whole number"),
        (["run", "--output", "o", "--num_fewshot", "two"], "two should be a whole number"),
        (["doctor", "--output", "o"], "--output"),
    ],
)
def test_what_cannot_be_understood_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    assert part in refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model_args", "n"], "--model_args: 'n' has no value; write n=…"),
        (["--model_args", "model=a,=,b"], "'b' has no value"),
        (["--tasks", ","], "The list ',' names nothing"),
        (["--strategies", ""], "The list '' names nothing"),
    ],
)
def test_a_value_that_cannot_work_is_one_line_and_exit_code_2(
    plans: list[Plan], capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.main(["run", "--output", "o", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1 and not plans


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError("no such task"), 2), (EndpointError("down"), 2), (KeyboardInterrupt(), 130)],
)
def test_an_error_of_ours_is_one_sentence_and_an_interruption_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    def run(plan: Plan, say: Any) -> Outcome:
        raise error

    monkeypatch.setattr("fusion_eval.harness.run.run", run)
    monkeypatch.setattr(cli, "_print_comparison", lambda plan, options: None)
    assert cli.main(["run", "--output", "o"]) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said and (str(error) or "the same command goes on") in said


def test_a_dry_run_writes_nothing_and_so_needs_no_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fusion_eval.harness.dry_run.dry_run", lambda plan: "a table")
    assert cli.main(["run", "--dry-run"]) == 0
    assert capsys.readouterr().out == "a table\n"
    assert "--output" in refused(capsys, "run")
