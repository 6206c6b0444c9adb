"""Read runs: tasks, names and notes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_folders import DATE, samples, write_run

from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import read_runs, with_unique_names
from fusion_eval.runs.task_info import TaskInfo, higher_is_better
from fusion_eval.text.file_names import safe_file_name


def test_a_run_has_its_tasks_values_and_setup(tmp_path: Path) -> None:
    # given a run folder as the harness writes it
    folder = write_run(
        tmp_path / "run",
        {"quiz_fr": samples([1.0, 0.0, 1.0])},
        config={"quiz_fr": {"metadata": {"language": "fr"}}},
        versions={"quiz_fr": 2.0},
        fewshot={"quiz_fr": 4},
        limit=3,
        reported={"quiz_fr": {"acc,none": 2 / 3, "acc_stderr,none": 0.3, "alias": "quiz"}},
        directions={"quiz_fr": {"acc": True}},
    )
    # when
    (run,) = read_runs([folder])
    # then
    task = run.tasks["quiz_fr"]
    assert [sample.values["acc"] for sample in task.samples] == [1.0, 0.0, 1.0]
    assert (task.info.version, task.info.fewshot, task.info.limit, task.language) == ("2.0", 4, 3, "fr")
    assert task.info.reported == {("acc", "none"): 2 / 3}
    assert (run.name, run.path, run.model, run.date) == ("run", folder, "dummy", DATE)


def test_a_run_carries_its_files(tmp_path: Path) -> None:
    # given
    folder = write_run(tmp_path / "run", {"quiz": samples([1.0])})
    (folder / "traces.jsonl").write_text("")
    # when
    (run,) = read_runs([folder])
    # then
    assert [file.path.name for file in run.files.samples] == [f"samples_quiz_{DATE}.jsonl"]
    assert run.traces == (folder / "traces.jsonl",)
    assert run.files.results("quiz") == run.files.newest_results() != {}
    assert run.files.results("another") == {}


class TestLanguages:
    def test_without_metadata_the_language_comes_from_the_name(self, tmp_path: Path) -> None:
        # when
        (run,) = read_runs([write_run(tmp_path / "run", {"mgsm_direct_ja": samples([1.0])})])
        # then
        assert run.tasks["mgsm_direct_ja"].language == "ja"

    @pytest.mark.parametrize("spelling", ["fr", "French", "fr_FR"])
    def test_a_language_is_a_code_however_the_metadata_spell_it(self, tmp_path: Path, spelling: str) -> None:
        # given
        config = {"quiz": {"metadata": {"language": spelling}}}
        folder = write_run(tmp_path / "run", {"quiz": samples([1.0])}, config=config)
        # when, then
        assert read_runs([folder])[0].tasks["quiz"].language == "fr"


class TestNames:
    def test_names_are_the_shortest_ends_of_the_paths_that_differ(self, tmp_path: Path) -> None:
        # given
        paths = [
            write_run(tmp_path / strategy / "model_x", {"t": samples([1.0])})
            for strategy in ("bon", "fusion")
        ]
        # when, then
        assert [run.name for run in read_runs(paths)] == ["bon/model_x", "fusion/model_x"]
        assert [run.name for run in read_runs([paths[0], paths[0]])] == ["model_x", "model_x (2)"]

    def test_equal_names_are_numbered_until_they_differ(self, tmp_path: Path) -> None:
        # given
        (run,) = read_runs([write_run(tmp_path / "run", {"a": samples([1.0])})])
        # when
        runs = with_unique_names([run] * 4, ["x", "x", "x (2)", "x"])
        # then
        assert [each.name for each in runs] == ["x", "x (2)", "x (2) (2)", "x (3)"]

    def test_no_path_is_no_run(self) -> None:
        assert read_runs([]) == []

    def test_a_folder_of_a_strategy_with_options_has_the_name_of_the_strategy(self, tmp_path: Path) -> None:
        # given the folder name that `fusion-eval run` makes for a strategy
        strategy = "rank_fusion(k=2,by=chrf)"
        folder = write_run(tmp_path / safe_file_name(strategy), {"a": samples([1.0])})
        path = folder / "model" / f"results_{DATE}.json"
        results = json.loads(path.read_text())
        results["config"]["strategy"] = strategy
        path.write_text(json.dumps(results))
        # when, then
        assert read_runs([folder])[0].name == strategy


class TestNotes:
    def test_of_several_runs_in_a_folder_the_newest_is_read_task_by_task(self, tmp_path: Path) -> None:
        # given a folder that two runs wrote to
        folder = write_run(
            tmp_path / "run", {"a": samples([0.0]), "b": samples([0.0])}, date="2026-01-01T00-00-00.1"
        )
        write_run(folder, {"a": samples([1.0])}, date="2026-01-02T00-00-00.1")
        # when
        (run,) = read_runs([folder])
        # then task `a` has the newer samples, task `b` the older ones, and a note says so
        assert run.tasks["a"].samples[0].values == {"acc": 1.0}
        assert run.tasks["b"].samples[0].values == {"acc": 0.0}
        assert any("newest" in note for note in run.notes)

    def test_samples_without_a_results_file_are_read_with_a_note(self, tmp_path: Path) -> None:
        # when
        (run,) = read_runs([write_run(tmp_path / "run", {"a": samples([0.5])}, results=False)])
        # then
        assert run.tasks["a"].info.version is None
        assert any("no results file" in note for note in run.notes)

    def test_broken_lines_are_counted_in_a_note_if_partial_runs_are_allowed(self, tmp_path: Path) -> None:
        # given
        folder = write_run(tmp_path / "run", {"a": samples([0.5, 0.7])})
        path = folder / "model" / f"samples_a_{DATE}.jsonl"
        path.write_text(path.read_text()[:-30])
        # when, then
        with pytest.raises(ConfigError, match="line 2 is not a sample"):
            read_runs([folder])
        (run,) = read_runs([folder], allow_partial=True)
        assert run.tasks["a"].broken_lines == 1
        assert any("1 lines cannot be read" in note for note in run.notes)


def test_values_that_are_nan_are_noted_with_the_first_place(tmp_path: Path) -> None:
    # given
    path = write_run(tmp_path, {"quiz": samples([1.0, float("nan"), 0.0, float("nan")])}, results=False)
    # when
    (run,) = read_runs([path])
    # then
    (note,) = [note for note in run.notes if "NaN" in note]
    assert note.endswith("line 2: acc is NaN (the first of 2 such values), which counts as no value")


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("bits_per_byte", False),
        ("word_perplexity", False),
        ("ter", False),
        ("acc", True),
        ("better", True),
        ("ter_acc", True),
        ("error_f1", True),
        ("acc_error", False),
    ],
)
def test_if_no_results_file_says_a_direction_the_name_decides(name: str, better: bool) -> None:
    assert higher_is_better(name, [TaskInfo()]) is better
    assert higher_is_better(name, [TaskInfo(), TaskInfo(directions={name: not better})]) is not better
