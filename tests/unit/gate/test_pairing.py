"""Pairing a candidate with its baseline: nothing may be missing, and the setup must be the same."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gate_sides import check_paths, error_of_check, run, side
from run_folders import samples, write_run

from fusion_eval.gate.baseline import Baseline
from fusion_eval.gate.check import check
from fusion_eval.gate.sides import read_side


class TestMissingParts:
    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        tasks = {"quiz": samples([1.0, 0.0, 1.0]), "other": samples([1.0, 1.0], prefix="o")}
        return write_run(tmp_path / "old", tasks)

    def test_a_missing_task_is_an_error_or_left_out(self, old: Path, tmp_path: Path) -> None:
        new = run(tmp_path / "new", [1.0, 0.0, 1.0])
        message = error_of_check(old, new)
        assert message.startswith(f"The task other is in the baseline {old} and not in {new}; run it again")
        assert "make a new baseline, or leave it out with the option allow_partial" in message
        result = check_paths(old, new, allow_partial=True)
        assert [row.task for row in result.rows] == ["quiz"]
        assert f"The task other is in the baseline {old} and not in {new}, and is left out" in result.notes

    @pytest.mark.parametrize(("metric", "filtered"), [("f1", "none"), ("acc", "strict")])
    def test_a_missing_metric_or_filter_is_an_error_or_left_out(
        self, old: Path, tmp_path: Path, metric: str, filtered: str
    ) -> None:
        renamed = samples([1.0, 0.0, 1.0], metric, filtered=filtered)
        new = write_run(tmp_path / "new", {"quiz": renamed, "other": samples([1.0, 1.0], prefix="o")})
        assert error_of_check(old, new).startswith(
            f"The metric acc,none of quiz is in the baseline {old} and not"
        )
        assert [row.task for row in check_paths(old, new, allow_partial=True).rows] == ["other"]

    def test_missing_items_are_an_error_or_left_out(self, old: Path, tmp_path: Path) -> None:
        new = write_run(tmp_path / "new", {"quiz": samples([1.0, 0.0]), "other": samples([1.0, 1.0], prefix="o")}, limit=2)  # fmt: skip
        message = error_of_check(old, new)
        assert message.startswith(f"quiz: 1 items are in the baseline alone and 0 in {new} alone (--limit none and 2)")  # fmt: skip
        assert message.endswith("the option allow_partial checks the 2 that both have")
        result = check_paths(old, new, allow_partial=True)
        assert next(row.n for row in result.rows if row.task == "quiz") == 2
        assert any(note.endswith("2 are checked") for note in result.notes)

    def test_no_item_in_common_is_an_error(self, tmp_path: Path) -> None:
        one = run(tmp_path / "a", [1.0])
        other = write_run(tmp_path / "b", {"quiz": samples([1.0], prefix="x")})
        for partial in (False, True):
            assert "have no item in common; they ran on different data" in error_of_check(one, other, allow_partial=partial)  # fmt: skip

    def test_an_item_with_another_target_is_another_item(self, tmp_path: Path) -> None:
        one = run(tmp_path / "a", [1.0, 0.0])
        changed = samples([1.0, 0.0])
        changed[1]["target"] = "another"
        message = error_of_check(one, write_run(tmp_path / "b", {"quiz": changed}))
        assert "1 items are in the baseline alone and 1 in" in message
        assert "or their documents or targets have changed" in message

    def test_a_new_task_is_noted_and_not_checked(self, old: Path, tmp_path: Path) -> None:
        new = write_run(tmp_path / "new", {"quiz": samples([1.0, 0.0, 1.0]), "other": samples([1.0, 1.0], prefix="o"), "extra": samples([0.0], prefix="e")})  # fmt: skip
        result = check_paths(old, new)
        assert "extra: not in the baseline, and so not checked" in result.notes
        assert {row.task for row in result.rows} == {"quiz", "other", "all"}

    def test_the_order_of_items_does_not_matter(self, tmp_path: Path) -> None:
        one = run(tmp_path / "a", [1.0, 0.0, 1.0, 1.0])
        turned = samples([1.0, 0.0, 1.0, 1.0])[::-1]
        for number, sample in enumerate(turned):
            sample["doc_id"] = number
        (row,) = check_paths(one, write_run(tmp_path / "b", {"quiz": turned})).rows
        assert row.unchanged

    def test_item_hashes_of_different_lengths_match(self) -> None:
        # given a task so large that its items need longer hashes than those of a part of it
        short = side({"quiz": np.ones(1000)})
        (task,) = short.tasks
        longer = base64.b64encode(b"".join(key + b"!" for key in task.hashes())).decode()
        result = check(short, replace(short, tasks=(replace(task, hash_bytes=6, items=longer),)))
        assert (result.rows[0].n, result.rows[0].unchanged) == (1000, True)


class TestSetup:
    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"versions": {"quiz": 2.0}}, "its version is 1.0 in the baseline"),
            ({"fewshot": {"quiz": 5}}, "its number of few-shot examples is 0 in the baseline"),
        ],
    )
    def test_another_version_or_number_of_few_shot_examples_is_an_error(
        self, tmp_path: Path, changed: dict[str, Any], message: str
    ) -> None:
        one, other = run(tmp_path / "a", [1.0]), run(tmp_path / "b", [1.0], **changed)
        for partial in (False, True):
            assert message in error_of_check(one, other, allow_partial=partial)

    def test_an_unknown_setup_is_not_a_different_one(self, tmp_path: Path) -> None:
        one, other = run(tmp_path / "a", [1.0]), run(tmp_path / "b", [1.0], results=False)
        result = check_paths(one, other)
        assert result.verdict == "pass" and any("no results file" in note for note in result.notes)

    def test_different_prompts_are_noted(self, tmp_path: Path) -> None:
        asked = samples([1.0, 0.0])
        asked[0]["arguments"]["gen_args_0"]["arg_0"] = "Please: q0?"
        result = check_paths(run(tmp_path / "a", [1.0, 0.0]), write_run(tmp_path / "b", {"quiz": asked}))
        assert result.notes == ("quiz: the prompts are not those of the baseline",)

    def test_a_different_signature_of_a_corpus_metric_is_noted(self, tmp_path: Path) -> None:
        made = read_side(run(tmp_path / "a", [["a b c d", "a b c d"]], "bleu"))
        (task,) = made.tasks
        older = replace(task.metrics[0], signature="tok:intl")
        before: Baseline = replace(made, tasks=(replace(task, metrics=(older,)),))
        (note,) = check(before, made).notes
        assert note.startswith("quiz: bleu,none was tok:intl in the baseline and is nrefs:1|")


def test_a_metric_with_another_direction_is_an_error(tmp_path: Path) -> None:
    options = {"directions": {"quiz": {"acc": True}}}, {"directions": {"quiz": {"acc": False}}}
    old, new = (run(tmp_path / str(number), [1.0, 0.0], **each) for number, each in enumerate(options))
    assert "in the baseline higher is better of acc,none, and in" in error_of_check(old, new)
