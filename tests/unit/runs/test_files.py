"""Find the files of a run, whatever the user names; refuse what is no run."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_folders import DATE, samples, write_run

from fusion_eval.errors import ConfigError
from fusion_eval.runs.files import find_run_files, run_folders
from fusion_eval.runs.reading import read_runs


def test_a_sample_file_or_a_results_file_stands_for_its_run(tmp_path: Path) -> None:
    # given
    home = write_run(tmp_path / "run", {"a": samples([0.5]), "b": samples([0.0])}) / "model"
    # when
    by_samples, by_results = read_runs([home / f"samples_a_{DATE}.jsonl", home / f"results_{DATE}.json"])
    # then
    assert list(by_samples.tasks) == ["a"] and by_samples.tasks["a"].info.version == "1.0"
    assert sorted(by_results.tasks) == ["a", "b"]


def test_traces_are_found_in_the_folder_above_the_samples_one_file_for_each_rank(tmp_path: Path) -> None:
    # given
    folder = write_run(tmp_path / "run", {"a": samples([0.5])})
    names = ["traces.jsonl", "traces.rank1.jsonl"]
    for name in names:
        (folder / name).write_text("")
    # when, then
    assert find_run_files(folder).traces == tuple(folder / name for name in names)


def test_the_folders_of_strategies_are_found(tmp_path: Path) -> None:
    # given
    folders = [write_run(tmp_path / "out" / name, {"a": samples([1.0])}) for name in ("bon", "fusion")]
    # when, then
    assert run_folders(tmp_path / "out") == folders
    assert run_folders(folders[0]) == [folders[0]]


class TestRefusedPaths:
    def test_a_missing_path_is_refused_with_the_nearest_name(self, tmp_path: Path) -> None:
        # given
        write_run(tmp_path / "fusion", {"a": samples([1.0])})
        # when, then
        with pytest.raises(ConfigError, match=r"no run .*fusoin.*Did you mean '.*fusion'"):
            find_run_files(tmp_path / "fusoin")

    def test_a_folder_without_samples(self, tmp_path: Path) -> None:
        # given
        (tmp_path / "notes.json").write_text("{}")
        # when, then
        with pytest.raises(ConfigError, match="is not a run"):
            find_run_files(tmp_path)

    def test_a_file_that_this_package_writes_beside_runs(self, tmp_path: Path) -> None:
        # given
        path = tmp_path / "comparison.json"
        path.write_text("{}")
        # when, then
        with pytest.raises(ConfigError, match="is no run; name the folder"):
            find_run_files(path)

    def test_results_without_samples(self, tmp_path: Path) -> None:
        # given
        folder = write_run(tmp_path / "run", {})
        # when, then
        with pytest.raises(ConfigError, match="--log_samples"):
            find_run_files(folder)

    def test_a_folder_of_several_runs_is_refused_with_their_names(self, tmp_path: Path) -> None:
        # given
        for strategy in ("bon", "fusion"):
            write_run(tmp_path / strategy, {"a": samples([1.0])})
        # when, then
        with pytest.raises(ConfigError, match=r"2 runs \(bon/model, fusion/model\); name one"):
            find_run_files(tmp_path)

    @pytest.mark.parametrize("content", ['{"results": {', "[" * 100_000, '{"config": {}}'])
    def test_a_damaged_results_file(self, tmp_path: Path, content: str) -> None:
        # given
        folder = write_run(tmp_path / "run", {"a": samples([1.0])})
        (folder / "model" / f"results_{DATE}.json").write_text(content)
        # when, then
        with pytest.raises(ConfigError, match=r"cannot be read|is not a results file"):
            find_run_files(folder)
