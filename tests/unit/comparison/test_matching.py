"""Items are matched by content; runs that differ in what matters are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compared_runs import compared, only_row, write_each, write_quiz
from run_folders import samples, write_run

from fusion_eval.comparison.matching import match_runs
from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import read_runs


class TestMatchedItems:
    def test_items_match_by_document_whatever_their_order(self, tmp_path: Path) -> None:
        # given two runs with equal values, one of them in reverse order
        values = [1.0, 0.0, 1.0, 0.0]
        first = write_quiz(tmp_path / "a", values)
        second = write_run(tmp_path / "b", {"quiz": list(reversed(samples(values)))})
        # when they are compared
        row = only_row(compared(first, second))
        # then no item differs
        assert (row.n, row.ties, row.delta, row.p_value) == (4, 4, 0.0, 1.0)

    def test_two_equal_documents_are_two_items_of_one_cluster(self, tmp_path: Path) -> None:
        # given a task whose first two documents are equal
        def repeated(values: list[float]) -> list[dict[str, Any]]:
            records = samples(values)
            records[1]["doc"], records[1]["target"] = records[0]["doc"], records[0]["target"]
            return records

        first = write_run(tmp_path / "a", {"quiz": repeated([0.0, 0.0, 1.0])})
        second = write_run(tmp_path / "b", {"quiz": repeated([1.0, 0.0, 1.0])})
        # when
        row = only_row(compared(first, second))
        # then
        assert (row.n, row.clusters, row.wins, row.ties) == (3, 2, 1, 2)

    def test_samples_without_documents_match_by_prompt_and_target(self, tmp_path: Path) -> None:
        # given
        folders = []
        for name, values in (("a", [0.0, 1.0]), ("b", [1.0, 1.0])):
            records = samples(values)
            for record in records:
                del record["doc"]
            folders.append(write_run(tmp_path / name, {"quiz": records}))
        # when, then
        assert only_row(compared(*folders)).wins == 1

    def test_samples_without_documents_and_prompts_are_refused(self, tmp_path: Path) -> None:
        # given
        records = [{**record, "doc": None, "arguments": None} for record in samples([1.0])]
        folder = write_run(tmp_path / "a", {"quiz": records})
        # when, then
        with pytest.raises(ConfigError, match="hold neither document nor prompt"):
            compared(folder, folder)

    def test_each_filter_has_a_row(self, tmp_path: Path) -> None:
        # given a task that is scored under two filters
        folders = [
            write_run(
                tmp_path / name,
                {
                    "quiz": samples([0.0, strict], filtered="strict")
                    + samples([1.0, 1.0], filtered="flexible")
                },
            )
            for name, strict in (("a", 0.0), ("b", 1.0))
        ]
        # when
        rows = {row.filter: row for row in compared(*folders).rows}
        # then
        assert (rows["strict"].delta, rows["flexible"].delta) == (0.5, 0.0)

    def test_items_without_a_value_are_left_out_and_counted(self, tmp_path: Path) -> None:
        # given
        first = write_quiz(tmp_path / "a", [0.5, None, 0.5, 0.1])
        second = write_quiz(tmp_path / "b", [0.7, 0.5, float("nan"), 0.4])
        # when
        row = only_row(compared(first, second))
        # then
        assert row.n == 2
        assert "2 items without a value" in (row.note or "")

    def test_a_metric_without_any_value_is_left_out_with_a_note(self, tmp_path: Path) -> None:
        # given two runs that share no item with a value
        folders = write_each(tmp_path, {"a": [0.5, None], "b": [None, 0.5]})
        # when, then
        with pytest.raises(ConfigError, match="on no item have all runs a value"):
            compared(*folders)


class TestRefusedRuns:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"versions": {"quiz": 2.0}}, r"quiz .* version is 1.0 in a and 2.0 in b"),
            ({"fewshot": {"quiz": 5}}, r"quiz .* few-shot examples is 0 in a and 5 in b"),
        ],
    )
    @pytest.mark.parametrize("allow_partial", [False, True])
    def test_another_version_or_number_of_examples(
        self, tmp_path: Path, options: dict[str, Any], message: str, allow_partial: bool
    ) -> None:
        # given
        first, second = (
            write_quiz(tmp_path / "a", [1.0, 0.0]),
            write_quiz(tmp_path / "b", [1.0, 0.0], **options),
        )
        # when, then
        with pytest.raises(ConfigError, match=message):
            compared(first, second, allow_partial=allow_partial)

    def test_another_limit_unless_partial_runs_are_allowed(self, tmp_path: Path) -> None:
        # given
        first = write_quiz(tmp_path / "a", [1.0, 0.0, 1.0])
        second = write_quiz(tmp_path / "b", [1.0, 1.0], limit=2)
        # when, then
        with pytest.raises(
            ConfigError,
            match=r"1 items are in a alone and 0 in b alone \(--limit none and 2\); the option allow_partial",
        ):
            compared(first, second)
        # when partial runs are allowed, then the common items are compared with a note
        comparison = compared(first, second, allow_partial=True)
        assert only_row(comparison).n == 2
        assert any("1 items are in a alone and 0 in b alone" in note for note in comparison.notes)

    @pytest.mark.parametrize("allow_partial", [False, True])
    def test_no_common_item(self, tmp_path: Path, allow_partial: bool) -> None:
        # given
        first = write_quiz(tmp_path / "a", [1.0])
        second = write_run(tmp_path / "b", {"quiz": samples([1.0], prefix="other")})
        # when, then
        with pytest.raises(ConfigError, match="no item in common"):
            compared(first, second, allow_partial=allow_partial)

    def test_documents_with_another_target(self, tmp_path: Path) -> None:
        # given
        changed = samples([1.0, 1.0])
        changed[0]["target"] = "another"
        first, second = (
            write_quiz(tmp_path / "a", [1.0, 0.0]),
            write_run(tmp_path / "b", {"quiz": changed}),
        )
        # when, then
        with pytest.raises(ConfigError, match="1 of 2 documents have another target in b than in a"):
            compared(first, second)

    def test_a_metric_that_only_one_run_has(self, tmp_path: Path) -> None:
        # given
        records = [{**record, "f1": 0.5, "metrics": ["acc", "f1"]} for record in samples([1.0, 0.0])]
        first, second = write_run(tmp_path / "a", {"quiz": records}), write_quiz(tmp_path / "b", [1.0, 0.0])
        # when, then
        with pytest.raises(
            ConfigError, match=r"metric f1 of quiz is in a and not in b; the option allow_partial"
        ):
            compared(first, second)
        assert only_row(compared(first, second, allow_partial=True)).metric == "acc"

    def test_a_task_that_only_one_run_has(self, tmp_path: Path) -> None:
        # given
        first = write_run(tmp_path / "a", {"quiz": samples([1.0]), "more": samples([1.0])})
        # when, then
        with pytest.raises(ConfigError, match="task more is in a and not in b"):
            compared(first, write_quiz(tmp_path / "b", [1.0]))

    def test_several_tasks_that_only_one_run_has(self, tmp_path: Path) -> None:
        # given
        tasks = {name: samples([1.0]) for name in ("quiz", "more", "other")}
        first = write_run(tmp_path / "a", tasks)
        # when, then
        with pytest.raises(
            ConfigError,
            match=r"tasks more, other are in a and not in b; the option allow_partial leaves them",
        ):
            compared(first, write_quiz(tmp_path / "b", [1.0]))

    def test_no_common_task(self, tmp_path: Path) -> None:
        # given
        first, second = write_quiz(tmp_path / "a", [1.0]), write_quiz(tmp_path / "b", [1.0], task="other")
        # when, then
        with pytest.raises(ConfigError, match="a and b have no task in common"):
            compared(first, second, allow_partial=True)


def test_one_run_without_a_metric_is_not_told_of_others(tmp_path: Path) -> None:
    folder = write_quiz(tmp_path / "a", [999, 999], "bypass")
    with pytest.raises(ConfigError, match=r"a has no metric of quiz$"):
        match_runs(read_runs([folder]), allow_partial=False)
