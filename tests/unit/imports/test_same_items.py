"""Two sources with one id and another prompt or target are never mixed: one sentence names both places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError
from fusion_eval.imports.pools import ImportedItem, ImportedTask, SystemAnswer, user_prompt


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
