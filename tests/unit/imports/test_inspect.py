"""Logs of inspect_ai are imported with their epochs as pools, and compared as they are."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import fusion_eval as fe
from fusion_eval.cli.main import main
from fusion_eval.runs.traces import read_traces

needs_inspect = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None,
    reason="inspect_ai is not installed: the extra inspect brings it",
)


def log(folder: Path, answers: list[str], epochs: int = 2) -> Path:
    """Run an evaluation of four sums with a mock model that gives these answers in turn, and return its log."""
    import inspect_ai
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from inspect_ai.scorer import match
    from inspect_ai.solver import generate

    def output(text: str) -> Any:
        made = ModelOutput.from_content("mockllm/model", text)
        made.usage = ModelUsage(input_tokens=3, output_tokens=1, total_tokens=4)
        return made

    task = inspect_ai.Task(
        name="sums",
        dataset=[Sample(id=f"s{i}", input=f"{i}?", target=str(i)) for i in range(1, 5)],
        solver=[generate()],
        scorer=[match()],
        epochs=epochs,
    )
    model = get_model("mockllm/model", custom_outputs=[output(text) for text in answers])
    done = inspect_ai.eval(task, model=model, log_dir=str(folder), display="none", max_samples=1)
    assert done[0].status == "success"
    return Path(done[0].location)


@needs_inspect
@pytest.mark.slow
def test_epochs_are_a_pool_and_logs_compare_by_their_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    wrong = log(tmp_path / "a", ["1", "2", "3", "9"] * 2)
    right = log(tmp_path / "b", ["1", "2", "3", "4"] * 2)
    # when
    result = fe.import_pools(wrong, tmp_path / "out")
    run = fe.read_runs(*result.runs)[0]
    traces = list(read_traces(run.traces[0]))
    rows = fe.compare(wrong, right).rows
    code = main(["compare", str(wrong), str(right)])
    # then
    assert (result.kind, result.items, result.candidates) == ("inspect", 4, 8)
    assert [len(trace.pool.candidates) for trace in traces] == [2] * 4
    assert traces[0].answer.scores and traces[0].pool.candidates[0].completion_tokens == 1
    assert [(row.metric, row.n) for row in rows] == [("match", 4)]
    assert rows[0].candidate_value == 1.0 and 0 < rows[0].baseline_value < 1
    assert code == 0 and "match" in capsys.readouterr().out


@needs_inspect
def test_a_truncated_log_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.eval"
    broken.write_bytes(b"PK\x03\x04 cut off")
    assert main(["import", str(broken), "--output", str(tmp_path / "out")]) == 2
    assert (
        "broken.eval cannot be read as a log of inspect_ai: the archive is cut off" in capsys.readouterr().err
    )


@needs_inspect
@pytest.mark.parametrize(("content", "reason"), [(b"", "it is empty"), (b"text", "it is no archive")])
def test_a_file_that_is_no_log_is_named(
    content: bytes, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.eval").write_bytes(content)
    assert main(["import", str(tmp_path / "one.eval"), "--output", str(tmp_path / "out")]) == 2
    assert f"one.eval cannot be read as a log of inspect_ai: {reason}" in capsys.readouterr().err


@needs_inspect
def test_a_log_of_an_unknown_version_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    future = tmp_path / "future.json"
    future.write_text('{"version": 999, "status": "success", "eval": {"task": "t", "model": "m"}}')
    assert main(["import", str(future), "--output", str(tmp_path / "out")]) == 2
    assert "future.json cannot be read as a log of inspect_ai" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("inspect_ai") is not None, reason="inspect_ai is installed")
def test_without_inspect_the_extra_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.eval").write_bytes(b"PK\x03\x04")
    assert main(["compare", str(tmp_path / "one.eval"), str(tmp_path / "one.eval")]) == 2
    assert "pip install 'fusion-eval[inspect]'" in capsys.readouterr().err
