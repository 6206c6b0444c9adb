"""What is wrong with the files of a source is said with the file's name; none is left out without a word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fusion_eval as fe
from fusion_eval.cli.main import main
from fusion_eval.imports import source as files

DATE = "2025-01-01T00-00-00.000000"


def refusal(source: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["import", str(source), "--output", str(source.parent / "out"), *options]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    return error


@pytest.fixture
def generations(tmp_path: Path) -> Path:
    """Return a folder with three files of generations."""
    folder = tmp_path / "aime"
    folder.mkdir()
    for seed in range(3):
        row = {"problem": "1 + 1?", "generation": "2", "symbolic_correct": True}
        (folder / f"output-rs{seed}.jsonl").write_text(json.dumps(row) + "\n")
    return folder


def test_more_files_than_are_read_are_refused(
    generations: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MOST_FILES", 2)
    assert f"{generations} has more than 2 files of data, the most that are read" in refusal(
        generations, capsys
    )


def test_as_many_files_as_are_read_are_all_read(
    generations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MOST_FILES", 3)
    assert fe.import_pools(generations, tmp_path / "out").candidates == 3


@pytest.mark.parametrize("options", [(), ("--from", "lm-eval")])
def test_an_empty_sample_file_of_the_harness_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    # given
    run = tmp_path / "run"
    run.mkdir()
    sample = {"doc_id": 0, "doc": {}, "target": "", "resps": [["a", "b"]], "filtered_resps": ["a"], "acc": 1}
    (run / f"samples_full_{DATE}.jsonl").write_text(json.dumps(sample) + "\n")
    (run / f"samples_none_{DATE}.jsonl").touch()
    # then
    assert f"samples_none_{DATE}.jsonl holds no samples" in refusal(run, capsys, *options)


def test_a_sample_file_that_is_cut_off_is_imported_only_on_demand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    run = tmp_path / "run"
    run.mkdir()
    sample = {"doc_id": 0, "doc": {}, "target": "", "resps": [["a", "b"]], "filtered_resps": ["a"], "acc": 1}
    (run / f"samples_cut_{DATE}.jsonl").write_text(json.dumps(sample) + '\n{"doc_id": 1, "do')
    # when
    message = refusal(run, capsys)
    result = fe.import_pools(run, tmp_path / "out", allow_partial=True)
    # then
    assert "line 2 is not a sample of the harness, or is cut off" in message
    assert result.items == 1
    assert "1 lines cannot be read and are left out" in result.notes[0]


def test_an_empty_file_is_called_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "rows.jsonl"
    source.touch()
    assert f"{source} is empty" in refusal(source, capsys)


def test_a_first_line_that_is_cut_off_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text('{"custom_id": "r1", "respon')
    assert f"{source}, line 1 is not a JSON object, or is cut off" in refusal(source, capsys)
