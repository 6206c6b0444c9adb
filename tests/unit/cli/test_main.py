"""The command line: what it accepts, how it reports mistakes, and how light its help is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fusion_eval
from fusion_eval.cli import main as cli
from fusion_eval.errors import ConfigError, EndpointError
from fusion_eval.harness.run import Plan
from fusion_eval.harness.run_result import RunResult
from fusion_eval.report.outcome import Outcome
from fusion_eval.report.score_table import MeanScore, TaskScores
from fusion_eval.runs.totals import Totals

HEAVY = {
    "aiohttp",
    "datasets",
    "jinja2",
    "litellm",
    "lm_eval",
    "numpy",
    "pandas",
    "sacrebleu",
    "scipy",
    "torch",
}


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans that `fusion-eval run` would carry out; here each gives one row."""
    carried_out: list[Plan] = []

    def run(plan: Plan, report: Any) -> RunResult:
        carried_out.append(plan)
        report("progress")
        row = TaskScores("fr", {"fusion": MeanScore(50.0, 1.0)}, tokens=1_234, seconds=5.0)
        totals = {"fusion": Totals(prompts=3, aggregation_calls=3, fallbacks=1)}
        return RunResult(plan.output, plan.strategies, Outcome((row,), "chrf", totals))

    monkeypatch.setattr("fusion_eval.harness.run_result.run_and_compare", run)
    monkeypatch.setattr("fusion_eval.cli.run._write_report", lambda result, plan: None)  # there are no files
    return carried_out


def rejection(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line by which the parser rejects these arguments, with exit code 2."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    printed = capsys.readouterr()
    assert (stopped.value.code, printed.out) == (2, "")
    assert len(printed.err.splitlines()) == 1
    return printed.err


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, json\nfrom fusion_eval.cli.main import main\ntry:\n    main(['--help'])\n"
        "except SystemExit as end:\n    print(json.dumps([end.code, sorted(sys.modules)]), file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    status, modules = json.loads(done.stderr)
    assert status == 0
    assert not set(modules) & HEAVY
    assert all(
        command in done.stdout for command in ("run", "compare", "judge", "check", "doctor", "--version")
    )


def test_an_interrupted_process_does_not_wait_for_objects_that_end_slowly() -> None:
    # given a process that holds what takes long to go, as a server of llama.cpp does, and a library's own handler
    script = """
import atexit, sys, time
from fusion_eval.cli import doctor, main

class Slow:
    def __del__(self):
        time.sleep(60)

def interrupted(options):
    main.slow = Slow()
    atexit.register(print, "handled")
    raise KeyboardInterrupt

doctor.print_findings = interrupted
sys.argv = ["fusion-eval", "doctor"]
sys.exit(main.main())
"""
    # when
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    # then
    assert (done.returncode, done.stdout) == (130, "handled\n")
    assert done.stderr.endswith("run the same command again to continue\n")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])

    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip() == fusion_eval.__version__


def test_a_run_prints_results_on_stdout_and_progress_on_stderr(
    plans: list[Plan], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["run", "--output", str(tmp_path)]) == 0

    printed = capsys.readouterr()
    assert "50.0 ± 1.0" in printed.out
    assert "answers 3, calls beyond the pool 3, fallbacks 1" in printed.out
    assert "progress" in printed.err
    assert "progress" not in printed.out
    command = ("fusion-eval", "run", "--output", str(tmp_path))
    assert plans == [Plan(output=tmp_path, model_args={}, command=command)]


def test_options_take_dashes_and_underscores_and_values_keep_theirs(plans: list[Plan]) -> None:
    # given the same options in both spellings
    underscores = (
        "--tasks a_b,c-d --model_args=model=my-model,n=3 --limit 5 --num_fewshot 2 --include_path x-y "
        "--apply_chat_template"
    )
    dashes = underscores
    for name in ("model_args", "num_fewshot", "include_path", "apply_chat_template"):
        dashes = dashes.replace(f"--{name}", f"--{name.replace('_', '-')}")

    cli.main(["run", "--output", "o_p", *underscores.split()])
    cli.main(["run", "--output-path", "o_p", *dashes.split()])

    first, second = (replace(plan, command=()) for plan in plans)
    assert first == second
    assert first == Plan(
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

    assert plans[0].limit == limit
    assert isinstance(plans[0].limit, type(limit))


def test_lists_drop_spaces_and_empty_entries_and_tasks_count_once(plans: list[Plan]) -> None:
    cli.main(["run", "--output", "o", "--strategies", "bon, fusion,,", "--tasks", "a, b,,a"])

    assert plans[0].strategies == ("bon", "fusion")
    assert plans[0].tasks == ("a", "b")


def test_strategies_keep_their_options(plans: list[Plan]) -> None:
    strategies = "single,bon(scorer=judge(temperature=0.5,max_tokens=64))"

    cli.main(["run", "--output", "o", "--strategies", strategies])

    assert plans[0].strategies == ("single", "bon(scorer=judge(temperature=0.5,max_tokens=64))")


def test_a_model_argument_may_hold_a_scorer_with_options(plans: list[Plan]) -> None:
    cli.main(["run", "--output", "o", "--model_args", "n=3,scorer=judge(temperature=0,max_tokens=64)"])

    assert plans[0].model_args == {"n": 3, "scorer": "judge(temperature=0,max_tokens=64)"}


@pytest.mark.parametrize(
    ("unknown", "nearest"),
    [
        ("--taks", "--tasks"),
        ("--model-arg", "--model_args"),
        ("--strategy=bon", "--strategies"),
        ("--limt", "--limit"),
    ],
)
def test_an_unknown_option_is_reported_with_the_nearest(
    capsys: pytest.CaptureFixture[str], unknown: str, nearest: str
) -> None:
    line = rejection(capsys, "run", "--output", "o", unknown, "x")

    assert f"Did you mean '{nearest}'?" in line
    assert line.startswith("fusion-eval")


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["comapre", "a", "b"], "compare"),
        (["compare", "a", "b", "--format", "tabel"], "table"),
        (["export", "a", "-o", "b", "--format", "every-eval"], "every-eval-ever"),
        (["judge", "a", "b", "--judge", "m", "--swap", "rnadom"], "random"),
    ],
)
def test_an_unknown_choice_is_reported_with_the_nearest(
    capsys: pytest.CaptureFixture[str], arguments: list[str], nearest: str
) -> None:
    assert f"Did you mean '{nearest}'?" in rejection(capsys, *arguments)


def test_a_strategy_that_is_named_twice_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    # when / then
    assert cli.main(["run", "--output", "o", "--strategies", "single,single"]) == 2
    assert "The strategy single is named 2 times" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--judge=gpt-4o-mini", "--judge=openai/gpt-4o-mini"])
def test_a_judge_without_its_key_is_found_before_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, plans: list[Plan], option: str
) -> None:
    # given
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    # when
    code = cli.main(["run", "--output", "o", option])

    # then
    assert (code, plans) == (2, [])
    assert "OPENAI_API_KEY holds no key" in capsys.readouterr().err


def test_a_judge_that_is_not_installed_is_found_before_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, plans: list[Plan]
) -> None:
    # given
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    # when
    code = cli.main(["run", "--output", "o", "--judge", "qwen-coder-1.5b"])
    # then
    assert (code, plans) == (2, [])
    assert "python -m pip install 'fusion-eval[chat]'" in capsys.readouterr().err


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
def test_arguments_that_cannot_be_parsed_give_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], part: str
) -> None:
    assert part in rejection(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model_args", "n"], "--model_args: 'n' has no value; write n=…"),
        (["--model_args", "embedded,n=2"], "--model_args: 'embedded' has no value; write model=embedded"),
        (["--model_args", "gguf:x.gguf"], "'gguf:x.gguf' has no value; write model=gguf:x.gguf"),
        (["--model_args", "n=1,n=2"], "--model_args names n= more than once"),
        (["--model_args", "model=a,=,b"], "'=' has no value"),
        (["--tasks", ","], "The list ',' is empty"),
        (["--strategies", ""], "name"),
    ],
)
def test_a_value_that_cannot_work_gives_one_line_and_exit_code_2(
    plans: list[Plan], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(["run", "--output", "o", *arguments]) == 2

    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not plans


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ConfigError("no such task"), 2, "no such task"),
        (EndpointError("down"), 2, "down"),
        (KeyboardInterrupt(), 130, "run the same command again to continue"),
        (RuntimeError("a bug"), 70, "Traceback"),
    ],
)
def test_an_error_has_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    message: str,
) -> None:
    def fail(plan: Plan, report: Any) -> RunResult:
        raise error

    monkeypatch.setattr("fusion_eval.harness.run_result.run_and_compare", fail)

    assert cli.main(["run", "--output", "o"]) == code
    printed = capsys.readouterr().err
    assert message in printed
    assert ("Traceback" in printed) == (code == 70)


def test_a_dry_run_needs_no_output_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("fusion_eval.harness.dry_run.dry_run", lambda plan: "a table")

    assert cli.main(["run", "--dry-run"]) == 0
    assert capsys.readouterr().out == "a table\n"
    assert "--output" in rejection(capsys, "run")
