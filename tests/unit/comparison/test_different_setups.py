"""What may differ between runs if it is allowed or not asked for: few-shot examples, and metrics of one run."""

from __future__ import annotations

from pathlib import Path

import pytest
from compared_runs import compared, only_row, write_quiz
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError

FEWSHOT = ("num_fewshot",)


@pytest.fixture
def other_shots(tmp_path: Path) -> tuple[Path, Path]:
    """Return two runs of one task, with no and with five examples in each prompt."""
    return (
        write_quiz(tmp_path / "zero", [0.0, 1.0]),
        write_quiz(tmp_path / "five", [1.0, 1.0], fewshot={"quiz": 5}),
    )


def write_two_metrics(folder: Path) -> Path:
    """Write a run with the metrics `acc` and `f1`."""
    records = [record | {"f1": 0.5, "metrics": ["acc", "f1"]} for record in samples([1.0, 0.0])]
    return write_run(folder, {"quiz": records})


class TestFewShotExamples:
    def test_other_numbers_of_examples_are_refused_with_the_way_out(
        self, other_shots: tuple[Path, Path]
    ) -> None:
        with pytest.raises(ConfigError, match=r"is 0 in zero and 5 in five; .*allow_setup=num_fewshot"):
            compared(*other_shots)

    def test_they_are_compared_with_a_note_if_that_is_allowed(self, other_shots: tuple[Path, Path]) -> None:
        # when
        comparison = compared(*other_shots, allow_setup=FEWSHOT)
        # then
        assert only_row(comparison).delta == 0.5
        assert "quiz: its number of few-shot examples is 0 in zero and 5 in five" in comparison.notes

    def test_equal_numbers_of_examples_need_no_note(self, tmp_path: Path) -> None:
        # given
        same = write_quiz(tmp_path / "a", [1.0]), write_quiz(tmp_path / "b", [1.0])
        # when
        comparison = compared(*same, allow_setup=FEWSHOT)
        # then
        assert not any("few-shot" in note for note in comparison.notes)

    def test_another_version_is_refused_all_the_same(self, tmp_path: Path) -> None:
        # given
        first = write_quiz(tmp_path / "a", [1.0])
        second = write_quiz(tmp_path / "b", [1.0], fewshot={"quiz": 5}, versions={"quiz": 2.0})
        # when, then
        with pytest.raises(ConfigError, match=r"version is 1\.0 in a and 2\.0 in b; run one of them again$"):
            compared(first, second, allow_setup=FEWSHOT)

    def test_the_command_has_the_option(
        self, other_shots: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        # given
        command = ["compare", *map(str, other_shots), "--resamples", "500"]
        # when, then
        assert main(command) == 2
        assert "allow_setup=num_fewshot" in capsys.readouterr().err
        assert main([*command, "--allow_setup", "num_fewshot"]) == 0
        assert "note: quiz: its number of few-shot examples is 0" in capsys.readouterr().out

    def test_nothing_else_may_be_allowed(
        self, other_shots: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["compare", *map(str, other_shots), "--allow_setup", "version"]) == 2
        assert "'num_fewshot'" in capsys.readouterr().err


class TestMetricsThatOneRunLacks:
    def test_a_metric_that_nobody_asked_for_is_ignored_without_a_word(self, tmp_path: Path) -> None:
        # given
        folders = write_two_metrics(tmp_path / "a"), write_quiz(tmp_path / "b", [1.0, 1.0])
        # when
        comparison = compared(*folders, metrics=("acc",))
        # then
        assert only_row(comparison).metric == "acc"
        assert not any("f1" in note for note in comparison.notes)

    @pytest.mark.parametrize("lacking_first", [True, False])
    def test_a_metric_that_was_asked_for_is_missed(self, tmp_path: Path, lacking_first: bool) -> None:
        # given
        folders = [write_two_metrics(tmp_path / "a"), write_quiz(tmp_path / "b", [1.0, 1.0])]
        # when, then
        with pytest.raises(ConfigError, match="metric f1 of quiz is in a and not in b"):
            compared(*(folders[::-1] if lacking_first else folders), metrics=("acc", "f1"))

    def test_a_metric_is_left_out_with_a_note_if_partial_runs_are_allowed(self, tmp_path: Path) -> None:
        # given
        folders = write_two_metrics(tmp_path / "a"), write_quiz(tmp_path / "b", [1.0, 1.0])
        # when
        comparison = compared(*folders, metrics=("acc", "f1"), allow_partial=True)
        # then
        assert only_row(comparison).metric == "acc"
        assert any("f1 of quiz is in a and not in b, and is left out" in note for note in comparison.notes)


class TestDirections:
    @staticmethod
    def notes(tmp_path: Path, second: dict[str, dict[str, bool]]) -> list[str]:
        first = write_quiz(tmp_path / "a", [1.0, 0.0], directions={"quiz": {"acc": True}})
        comparison = compared(first, write_quiz(tmp_path / "b", [0.0, 0.0], directions=second))
        assert only_row(comparison).higher_is_better
        return [note for note in comparison.notes if "disagree" in note]

    def test_directions_that_differ_are_noted(self, tmp_path: Path) -> None:
        (note,) = self.notes(tmp_path, {"quiz": {"acc": False}})
        assert note == (
            "quiz: the results files disagree on which acc is better (higher in a, lower in b); the first is believed"
        )

    @pytest.mark.parametrize("second", [{"quiz": {"acc": True}}, {}])
    def test_equal_or_unknown_directions_need_no_note(
        self, tmp_path: Path, second: dict[str, dict[str, bool]]
    ) -> None:
        assert self.notes(tmp_path, second) == []
