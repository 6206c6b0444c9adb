"""Files that other programs or releases wrote: gzipped, of any name, cut, on two levels, or several in one folder."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from run_folders import DATE, samples, write_run

from fusion_eval.errors import ConfigError
from fusion_eval.runs import records
from fusion_eval.runs.reading import Run, read_runs


def read_one(path: Path, allow_partial: bool = False) -> Run:
    (run,) = read_runs([path], allow_partial)
    return run


def with_counts(folder: Path, count: int) -> Path:
    """Write the number of evaluated items into the results file of a run."""
    (results,) = folder.rglob("results_*.json")
    content = json.loads(results.read_text(encoding="utf-8"))
    content["n-samples"] = {"quiz": {"original": 900, "effective": count}}
    results.write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_gzipped_samples_are_read(tmp_path: Path) -> None:
    # given
    run = write_run(tmp_path, {"quiz": samples([1.0, 0.0])})
    (plain,) = run.rglob("samples_*.jsonl")
    plain.with_name(f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    # when, then
    assert len(read_one(run).tasks["quiz"].samples) == 2


def test_gzipped_results_are_read(tmp_path: Path) -> None:
    # given
    run = write_run(tmp_path, {"quiz": samples([1.0, 0.0])}, fewshot={"quiz": 3})
    for plain in [*run.rglob("*.json"), *run.rglob("*.jsonl")]:
        plain.with_name(f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    # when
    task = read_one(run).tasks["quiz"]
    # then
    assert (len(task.samples), task.info.fewshot) == (2, 3)
    assert read_one(next(run.rglob("results_*"))).tasks["quiz"] == task


@pytest.mark.parametrize("packed", [gzip.compress, lambda content: content.decode().encode("utf-16")])
def test_content_that_is_gzip_or_utf_16_is_read_under_any_name(
    tmp_path: Path, packed: Callable[[bytes], bytes]
) -> None:
    # given
    run = write_run(tmp_path, {"quiz": samples([1.0, 0.0])})
    before = read_one(run).tasks
    for file in [*run.rglob("*.json"), *run.rglob("*.jsonl")]:
        file.write_bytes(packed(file.read_bytes()))
    # when, then
    assert read_one(run).tasks == before


def test_a_broken_archive_is_one_sentence(tmp_path: Path) -> None:
    run = write_run(tmp_path, {"quiz": samples([1.0, 0.0])})
    (plain,) = run.rglob("samples_*.jsonl")
    plain.with_name(f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes())[:-9])
    plain.unlink()

    with pytest.raises(ConfigError, match=r"cannot be read"):
        read_one(run)


def test_an_archive_whose_line_has_no_end_fills_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an archive with a line that is longer than any sample
    monkeypatch.setattr(records, "_LONGEST_LINE", 10_000)
    run = write_run(tmp_path, {"quiz": samples([1.0, 0.0])})
    (plain,) = run.rglob("samples_*.jsonl")
    plain.with_name(f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes() + b" " * 20_000))
    plain.unlink()
    # when, then
    with pytest.raises(ConfigError, match=r"has a line that is longer than any sample"):
        read_one(run)


def test_a_results_file_of_any_name_belongs_to_the_samples_beside_it(tmp_path: Path) -> None:
    run = write_run(tmp_path, {"quiz": samples([1.0])}, fewshot={"quiz": 7})
    (results,) = run.rglob("results_*.json")
    (plain,) = run.rglob("samples_*.jsonl")
    results.rename(results.with_name("mymodel_quiz_7-shot.json"))
    plain.rename(plain.with_name("mymodel_quiz.jsonl"))

    assert read_one(run).tasks["quiz"].info.fewshot == 7


def test_runs_in_one_folder_are_named_by_their_dates(tmp_path: Path) -> None:
    dates = ("2026-01-01T00-00-00.5", "2026-02-01T00-00-00.5")
    for date in dates:
        write_run(tmp_path, {"quiz": samples([1.0])}, date=date)

    runs = read_runs([tmp_path / "model" / f"results_{date}.json" for date in dates])

    assert [run.name for run in runs] == ["model 2026-01-01T00-00-00", "model 2026-02-01T00-00-00"]


def test_samples_on_two_levels_are_one_run_if_their_date_is_one(tmp_path: Path) -> None:
    run = write_run(tmp_path, {"quiz": samples([1.0]), "riddles": samples([0.0])})
    (above,) = run.rglob("samples_quiz*")
    above.rename(run / above.name)

    assert set(read_one(run).tasks) == {"quiz", "riddles"}


def test_a_folder_with_the_ending_of_a_file_is_a_folder(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run.jsonl", {"quiz": samples([1.0])})
    (run / "model" / f"samples_other_{DATE}.jsonl").mkdir()

    assert list(read_one(run).tasks) == ["quiz"]


def test_a_pipe_is_no_sample_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"samples_quiz_{DATE}.jsonl")

    with pytest.raises(ConfigError, match="no samples"):
        read_one(tmp_path)


def test_sample_files_without_results_are_paired_by_their_documents(tmp_path: Path) -> None:
    # given two files named after model arguments and the task, in which no filter is named
    for name in ("pretrained=a_b_quiz", "_quiz"):
        lines = [json.dumps(sample) for sample in samples([1.0, 0.0])]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    # when
    runs = read_runs([tmp_path / "_quiz.jsonl", tmp_path / "pretrained=a_b_quiz.jsonl"])
    # then
    assert [list(run.tasks) for run in runs] == [["quiz"], ["quiz"]]
    assert [run.name for run in runs] == ["_quiz", "pretrained=a_b_quiz"]


@pytest.mark.parametrize("count", [1, 3, 100])
def test_a_cut_sample_file_is_said_with_both_numbers(tmp_path: Path, count: int) -> None:
    run = with_counts(write_run(tmp_path, {"quiz": samples([1.0, 0.0])}), count)

    with pytest.raises(
        ConfigError, match=f"counts {count} items of quiz, and 2 are in the file; the option allow_partial"
    ):
        read_one(run)
    partial = read_one(run, allow_partial=True)
    assert not partial.tasks["quiz"].complete
    assert any(f"counts {count} items" in note for note in partial.notes)


def test_a_complete_sample_file_needs_no_note(tmp_path: Path) -> None:
    run = read_one(with_counts(write_run(tmp_path, {"quiz": samples([1.0, 0.0])}), 2))

    assert run.tasks["quiz"].complete
    assert not run.notes


class TestRenamedResults:
    """A results file whose name has lost its date is that of the samples beside it, if there is no doubt."""

    @staticmethod
    def renamed(folder: Path, name: str) -> Path:
        (results,) = write_run(folder, {"quiz": samples([1.0])}, versions={"quiz": 7}).rglob("results_*")
        return results.rename(results.with_name(name))

    @pytest.mark.parametrize("name", ["results.json", "results_mine.json", "my nice run.json"])
    def test_it_is_read_with_the_samples(self, tmp_path: Path, name: str) -> None:
        # given
        results = self.renamed(tmp_path, name)
        # when, then
        for path in (tmp_path, results):
            run = read_one(path)
            assert run.tasks["quiz"].info.version == "7"
            assert not any("no results file" in note for note in run.notes)

    def test_of_two_none_is_taken(self, tmp_path: Path) -> None:
        # given
        results = self.renamed(tmp_path, "a.json")
        results.with_name("b.json").write_bytes(results.read_bytes())
        # when, then
        assert read_one(tmp_path).tasks["quiz"].info.version is None

    def test_none_is_taken_where_samples_have_two_dates(self, tmp_path: Path) -> None:
        # given
        self.renamed(tmp_path, "a.json")
        write_run(tmp_path, {"quiz": samples([0.0])}, date="2026-01-03T00-00-00", results=False)
        # when, then
        assert read_one(tmp_path).tasks["quiz"].info.version is None

    def test_none_is_taken_that_lacks_the_task(self, tmp_path: Path) -> None:
        # given
        results = self.renamed(tmp_path, "a.json")
        results.write_text(json.dumps({"results": {"other": {}}, "versions": {"quiz": 7}}), encoding="utf-8")
        # when, then
        assert read_one(tmp_path).tasks["quiz"].info.version is None
