"""Mistakes in the options and runs of `fusion-eval judge`: one sentence each, before the judge is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from judge_command import NamedJudge, judge_options
from openai_server import Plan, Server
from run_folders import samples, write_run

from fusion_eval.cli.main import main

ServerStart = Callable[[Plan], Server]
Rejection = Callable[..., str]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--judge_prompt", "helpfulnes"], "Did you mean 'helpfulness'?"),
        (["--judge_args", "concurency=3"], "Did you mean 'concurrency'?"),
        (["--judge_args", "model=x"], "--judge and --judge_base_url name who judges"),
        (["--judge_args", "top_p=0.5"], "top_p= has no use here"),
        (["--judge_args", "budget=1,cache=off"], "budget= needs a price"),
        (["--opponent", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["--gold", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["--judge_repeats", "2", "--judge_args", "temperature=0,cache=off"], "needs a temperature above 0"),
        (["--cluster", "documnt"], "no such field"),
        (["--judge", "test-model|openai/test-model"], "are one model, called test-model"),
    ],
)
def test_a_wrong_option_is_named(
    open_runs: list[str], judge: NamedJudge, rejection: Rejection, options: list[str], message: str
) -> None:
    assert message in rejection(
        "judge", *open_runs[:2], *judge.options, *options
    )  # the last of two options counts
    assert not judge.server.calls


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--opponent", "x.jsonl", "--every_pair"], "--every_pair"),
        (["--sequential", "--test", "permutation"], "--test"),
        (["--test", "mcnemar"], "test=mcnemar"),
        (["--judge", "test-model|"], "--judge"),
        (["--output", __file__], "--output"),
    ],
)
def test_options_that_do_not_go_together_are_named(
    open_runs: list[str], judge: NamedJudge, rejection: Rejection, options: list[str], name: str
) -> None:
    assert name in rejection("judge", *open_runs[:2], *judge.options, *options)
    assert not judge.server.calls


def test_one_run_is_not_enough(open_runs: list[str], judge: NamedJudge, rejection: Rejection) -> None:
    assert "judge needs two runs or more" in rejection("judge", open_runs[0], *judge.options)


def test_a_judge_must_be_named(open_runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["judge", *open_runs])

    assert stopped.value.code == 2
    assert "--judge" in capsys.readouterr().err


def test_runs_without_generated_answers_cannot_be_judged(
    judge: NamedJudge, tmp_path: Path, rejection: Rejection
) -> None:
    # given runs of a multiple-choice task
    choices = [sample | {"resps": [[["-1.0", "False"]]]} for sample in samples([0.0, 1.0])]
    folders = [write_run(tmp_path / name, {"quiz": choices}) for name in ("a", "b")]

    # when / then
    assert "hold no generated answers to judge" in rejection("judge", *folders, *judge.options)


def test_a_judge_without_any_verdict_is_quoted(
    open_runs: list[str], openai_server: ServerStart, rejection: Rejection
) -> None:
    # given
    server = openai_server(Plan(reply=lambda request, index: "Both have merits."))

    # when
    error = rejection("judge", *open_runs[:2], *judge_options(server))

    # then
    assert "None of 40 pairs has a verdict" in error
    assert "Both have merits." in error
