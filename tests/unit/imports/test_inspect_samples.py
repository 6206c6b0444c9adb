"""Samples of inspect_ai's logs, in logs that are written here as inspect writes JSON."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

import fusion_eval as fe
from fusion_eval.cli.main import main

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None,
    reason="inspect_ai is not installed: the extra inspect brings it",
)


def sample(
    sample_id: int | str, text: object, answer: str | None = "answer", **changed: Any
) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer}
    choices = [] if answer is None else [{"message": message, "stop_reason": "stop"}]
    output = {"model": "m", "choices": choices}
    fields = {"id": sample_id, "epoch": 1, "input": text, "target": "4", "messages": [], "output": output}
    return {**fields, "scores": {"match": {"value": "C"}}, **changed}


def log(path: Path, model: str, *samples: dict[str, Any], **changed: Any) -> Path:
    """Write a log of inspect_ai in its JSON form."""
    dataset: dict[str, Any] = {}
    names = {"created": "2025-01-01T00:00:00+00:00", "task": "sums", "model": model}
    spec = {**names, "dataset": dataset, "config": {}}
    record = {"version": 2, "status": "success", "eval": spec, "samples": list(samples), **changed}
    path.write_text(json.dumps(record))
    return path


def test_a_number_and_its_text_are_two_samples_of_a_log(tmp_path: Path) -> None:
    # given
    source = log(tmp_path / "a.json", "mockllm/model", sample(1, "2+2?"), sample("1", "3+1?"))
    # when
    result = fe.import_pools(source, tmp_path / "out")
    # then
    samples = fe.read_runs(*result.runs)[0].tasks["sums"].samples
    assert [(one.doc["id"], one.doc["prompt"]) for one in samples] == [("1", "2+2?"), ('"1"', "3+1?")]


def test_logs_of_shuffled_samples_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    first = log(tmp_path / "a.json", "mockllm/a", sample(1, "2+2?"), sample(2, "3+1?"))
    second = log(tmp_path / "b.json", "mockllm/b", sample(1, "3+1?"), sample(2, "2+2?"))
    # when
    code = main(["compare", str(first), str(second)])
    # then
    assert code == 2
    assert f"{second}, sample 1: '1' has another prompt than in {first}, sample 1" in capsys.readouterr().err


def test_a_sample_without_an_output_is_left_out_and_counted(tmp_path: Path) -> None:
    # given
    source = log(tmp_path / "a.json", "mockllm/model", sample(1, "2+2?"), sample(2, "3+1?", None))
    # when
    result = fe.import_pools(source, tmp_path / "out")
    # then
    assert result.items == 1
    assert result.notes == (f"samples without an output, 1, are left out, the first is {source}, sample 2",)


def test_a_picture_in_an_input_and_a_log_without_scores_are_noted(tmp_path: Path) -> None:
    # given
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image", "image": "data:image/png;base64,"}]
    turns = [{"role": "user", "content": parts}]
    source = log(tmp_path / "a.json", "mockllm/model", sample(1, turns, scores={}))
    # when
    result = fe.import_pools(source, tmp_path / "out")
    # then
    assert result.notes == (
        f"{source}: no sample has a score that is a number",
        f"inputs with parts that are no text, 1, keep only their text, the first is {source}, sample 1",
    )


def test_comparing_a_log_that_was_cancelled_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # given
    right = log(tmp_path / "a.json", "mockllm/a", sample(1, "2+2?"), sample(2, "3+1?"))
    other = log(tmp_path / "b.json", "mockllm/b", sample(1, "2+2?"), sample(2, "3+1?"), status="cancelled")
    # when
    fe.compare(right, other)
    # then
    assert f"{other} ended with status cancelled; its 2 samples are used" in caplog.text


def test_an_archive_of_an_unknown_version_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    header = json.loads(log(tmp_path / "a.json", "mockllm/a").read_text()) | {"version": 999}
    del header["samples"]
    path = tmp_path / "future.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps(header))
        archive.writestr("samples/1_epoch_1.json", json.dumps(sample(1, "2+2?")))
    # when
    code = main(["import", str(path), "--output", str(tmp_path / "out")])
    # then
    assert code == 2
    assert f"{path} is a log of version 999, and the installed inspect_ai knows" in capsys.readouterr().err


def test_comparing_a_log_without_any_output_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    whole = log(tmp_path / "a.json", "mockllm/a", sample(1, "2+2?"))
    failed = log(tmp_path / "b.json", "mockllm/b", sample(1, "2+2?", None))
    # when
    code = main(["compare", str(whole), str(failed)])
    # then
    assert code == 2
    assert f"{failed} has no answers: none of its samples has an output" in capsys.readouterr().err
