"""Two sources with one id and another prompt or target are never mixed: one sentence names both places."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

import fusion_eval as fe
from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError
from fusion_eval.imports.pools import ImportedItem, ImportedTask, SystemAnswer, user_prompt

needs_inspect = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None,
    reason="inspect_ai is not installed: the extra inspect brings it",
)


def task_with(*items: ImportedItem) -> ImportedTask:
    task = ImportedTask("t")
    for number, item in enumerate(items):
        task.merge(item, {f"system {number}": SystemAnswer("answer")})
    return task


def test_answers_to_one_prompt_are_merged() -> None:
    first, second = (ImportedItem("1", user_prompt("Why?"), where) for where in ("a, line 1", "b, line 1"))
    assert len(task_with(first, second).items) == 1


def test_one_key_with_two_prompts_is_refused_with_both_places() -> None:
    first = ImportedItem("1", user_prompt("Why?"), "a.jsonl, line 1")
    second = ImportedItem("1", user_prompt("How?"), "b.jsonl, line 7")
    with pytest.raises(ConfigError) as refusal:
        task_with(first, second)
    assert str(refusal.value) == (
        "b.jsonl, line 7: '1' has another prompt than in a.jsonl, line 1; import the two separately, or give the items "
        "different ids"
    )


def test_one_key_with_two_targets_is_refused() -> None:
    first, second = (ImportedItem("1", user_prompt("2+2?"), target, target=target) for target in "45")
    with pytest.raises(ConfigError, match="5: '1' has another target than in 4"):
        task_with(first, second)


def test_an_item_without_a_prompt_fits_one_that_has_it() -> None:
    answer, judgement = (ImportedItem("q", user_prompt(text), text) for text in ("Why?", ""))
    assert len(task_with(answer, judgement).items) == 1
    assert len(task_with(judgement, answer).items) == 1


def test_lines_of_one_id_with_two_targets_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    source = tmp_path / "rows.jsonl"
    rows = [{"i": 1, "q": "2+2?", "a": "4", "t": target} for target in ("4", "5")]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    # when
    columns = "id=i,prompt=q,answer=a,target=t"
    code = main(["import", str(source), "--columns", columns, "--output", str(tmp_path / "out")])
    # then
    assert code == 2
    assert "line 2: '1' has another target than in" in capsys.readouterr().err


def log(path: Path, model: str, *samples: tuple[int | str, str]) -> Path:
    """Write a log of inspect_ai in its JSON form, with samples of an id and an input."""

    def sample(sample_id: int | str, text: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": f"answer of {model}"}
        output = {"model": model, "choices": [{"message": message, "stop_reason": "stop"}]}
        return {"id": sample_id, "epoch": 1, "input": text, "target": "4", "messages": [], "output": output}

    dataset: dict[str, Any] = {}
    spec = {
        "created": "2025-01-01T00:00:00+00:00",
        "task": "sums",
        "model": model,
        "dataset": dataset,
        "config": {},
    }
    record = {
        "version": 2,
        "status": "success",
        "eval": spec,
        "samples": [sample(*one) for one in samples],
    }
    path.write_text(json.dumps(record))
    return path


@needs_inspect
def test_a_number_and_its_text_are_two_samples_of_a_log(tmp_path: Path) -> None:
    # given
    source = log(tmp_path / "a.json", "mockllm/model", (1, "2+2?"), ("1", "3+1?"))
    # when
    result = fe.import_pools(source, tmp_path / "out")
    # then
    samples = fe.read_runs(*result.runs)[0].tasks["sums"].samples
    assert [(sample.doc["id"], sample.doc["prompt"]) for sample in samples] == [
        ("1", "2+2?"),
        ('"1"', "3+1?"),
    ]


@needs_inspect
def test_logs_of_shuffled_samples_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    first = log(tmp_path / "a.json", "mockllm/a", (1, "2+2?"), (2, "3+1?"))
    second = log(tmp_path / "b.json", "mockllm/b", (1, "3+1?"), (2, "2+2?"))
    # when
    code = main(["compare", str(first), str(second)])
    # then
    assert code == 2
    assert f"{second}, sample 1: '1' has another prompt than in {first}, sample 1" in capsys.readouterr().err
