"""Fixtures that tests of several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from check_command import quiz_run
from judge_command import NamedJudge, judge_options, random_answers
from local_judge import by_quality, judge_server, open_run
from openai_server import Plan, Server

from fusion_eval.cli.main import main


@pytest.fixture
def rejection(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail with exit code 2 and one line on stderr; return that line."""

    def run(*arguments: str | Path) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert len(printed.err.splitlines()) == 1
        return printed.err

    return run


@pytest.fixture
def open_runs(tmp_path: Path) -> list[str]:
    """Three runs of open-ended answers, the worst first: base, cand, third."""
    shifts = {"base": 0.0, "cand": 0.5, "third": 0.1}
    return [
        str(open_run(tmp_path / name, random_answers(seed, shift)))
        for seed, (name, shift) in enumerate(shifts.items())
    ]


@pytest.fixture
def judge(openai_server: Callable[[Plan], Server], tmp_path: Path) -> NamedJudge:
    """A judge that judges by quality, with a store."""
    server = openai_server(judge_server(by_quality))
    return NamedJudge(server, judge_options(server, f"cache={tmp_path / 'store.sqlite'}"))


@pytest.fixture(autouse=True)
def no_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test as a user who is not on GitHub."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return quiz_run(tmp_path / "good", 160)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return quiz_run(tmp_path / "bad", 80)


@pytest.fixture
def base(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "base.json.gz"
    assert main(["baseline", str(good), "-o", str(path)]) == 0
    capsys.readouterr()
    return path
