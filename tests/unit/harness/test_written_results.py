"""`fusion-eval run` writes its results whole or not at all, and compares the files that it just wrote."""

from __future__ import annotations

import builtins
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lm_eval.loggers import EvaluationTracker, evaluation_tracker
from openai_server import Plan as ServerPlan
from openai_server import Server

from fusion_eval.cli.main import main

Start = Callable[..., int]


@pytest.fixture
def start(openai_server: Callable[[ServerPlan], Server], tmp_path: Path) -> Start:
    """Return a function that runs strategies on two prompts, and returns the exit code."""
    server = openai_server(ServerPlan())

    def run(strategies: str = "single") -> int:
        arguments = f"model=test-model,base_url={server.base_url},n=2,cache={tmp_path / 'store.sqlite'}"
        options = ["--tasks", "fusion_demo_fr", "--limit", "2", "--output", str(tmp_path / "out")]
        return main(["run", "--strategies", strategies, "--model_args", arguments, *options])

    return run


class FullDisk(io.StringIO):
    """A file on a disk that has room for some characters only, and fails after them."""

    def __init__(self, path: Path, room: int) -> None:
        super().__init__()
        self.path, self.room = path, room
        path.touch()

    def write(self, text: str) -> int:
        self.path.write_bytes(self.path.read_bytes() + text[: self.room].encode())
        if len(text) > self.room:
            raise OSError(28, "No space left on device")
        self.room -= len(text)
        return len(text)


def written(folder: Path) -> list[str]:
    """The names of the results and samples files."""
    return sorted(path.name.split("_")[0] for path in folder.rglob("*.json*") if path.name != "traces.jsonl")


@pytest.mark.parametrize("room", [0, 30, 2_000])
def test_samples_that_a_full_disk_cuts_end_the_run_with_one_sentence(
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    room: int,
) -> None:
    # given a disk that has room for a part of the samples; the harness logs that and goes on
    def open_on_full_disk(path: Path, *_: Any, **__: Any) -> FullDisk:
        return FullDisk(path, room)

    monkeypatch.setattr(evaluation_tracker, "open", open_on_full_disk, raising=False)

    # when
    code = start()

    # then
    assert code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "The results cannot be written to" in error and "free disk space" in error
    assert written(tmp_path / "out") == []

    # and the same command writes them once there is room
    monkeypatch.setattr(evaluation_tracker, "open", builtins.open)
    assert start() == 0
    assert written(tmp_path / "out") == ["results", "samples"]


@pytest.mark.parametrize("kept", [0, 100])
def test_results_that_a_full_disk_cuts_end_the_run_with_one_sentence(
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kept: int,
) -> None:
    write = EvaluationTracker.save_results_aggregated

    def write_a_part(tracker: EvaluationTracker, *arguments: Any, **options: Any) -> None:
        write(tracker, *arguments, **options)
        [path] = Path(tracker.output_path).rglob("results_*.json")
        path.write_bytes(path.read_bytes()[:kept])

    monkeypatch.setattr(EvaluationTracker, "save_results_aggregated", write_a_part)

    assert start() == 2
    assert "The results cannot be written to" in capsys.readouterr().err
    assert written(tmp_path / "out") == []


def test_results_that_cannot_be_written_at_all_end_the_run_with_one_sentence(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(EvaluationTracker, "save_results_aggregated", lambda *_, **__: None)

    assert start() == 2
    assert "The results cannot be written to" in capsys.readouterr().err


def test_a_clock_that_was_set_back_does_not_mix_runs(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given runs whose files carry a date in the future, with other scores
    assert start("single,bon(scorer=chrf)") == 0
    for path in (tmp_path / "out").rglob("*_20*.json*"):
        date = path.stem.rpartition("_")[2]
        path.write_text(path.read_text(encoding="utf-8").replace('"doc_id": 0', '"doc_id": 1000'))
        path.rename(path.with_name(path.name.replace(date, "2999-01-01T00-00-00.000000")))
    capsys.readouterr()

    # when the strategies run again
    assert start("single,bon(scorer=chrf)") == 0

    # then the comparison reads the files of this run
    comparison = (tmp_path / "out" / "comparison.json").read_text(encoding="utf-8")
    assert "2999-01-01" not in comparison
    assert f'"path": "{tmp_path / "out" / "single"}"' in comparison
