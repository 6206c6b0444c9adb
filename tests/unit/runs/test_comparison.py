"""`comparison.json` reads back as written; a comparison is a data frame."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from compared_runs import compared, write_each

from fusion_eval.errors import ConfigError
from fusion_eval.runs.comparison import Comparison, read_comparison, write_comparison
from fusion_eval.runs.versioned_file import to_json


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    return compared(*write_each(tmp_path, {"a": [0.1, 0.7, 0.2], "b": [0.3, 0.7, 0.9]}))


def test_a_comparison_reads_back_as_it_was_written(comparison: Comparison, tmp_path: Path) -> None:
    # when
    path = write_comparison(comparison, tmp_path / "new" / "folder")
    # then
    assert read_comparison(path) == comparison
    assert [file.name for file in path.parent.iterdir()] == ["comparison.json"]


def test_the_same_runs_give_the_same_bytes(comparison: Comparison, tmp_path: Path) -> None:
    # when
    again = compared(tmp_path / "a", tmp_path / "b")
    # then
    assert to_json(again) == to_json(comparison)


def test_the_frame_has_the_rows_and_fields_of_the_file(comparison: Comparison) -> None:
    # when
    frame = comparison.to_frame()
    # then
    (row,) = json.loads(to_json(comparison))["rows"]
    assert list(frame.columns) == list(row)
    assert frame["delta"].tolist() == [row["delta"]]


def test_a_comparison_without_rows_is_a_frame_with_columns(comparison: Comparison) -> None:
    from dataclasses import replace

    assert list(replace(comparison, rows=()).to_frame().columns) == list(comparison.to_frame().columns)


@pytest.mark.parametrize("content", ['{"rows": 3}', "", "\x00"])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    # given
    path = tmp_path / "comparison.json"
    path.write_text(content)
    # when, then
    with pytest.raises(ConfigError, match="not a comparison"):
        read_comparison(path)


def test_another_schema_version_is_refused(comparison: Comparison, tmp_path: Path) -> None:
    # given
    path = write_comparison(comparison, tmp_path)
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    # when, then
    with pytest.raises(ConfigError, match="has schema_version 2, and this version reads 1"):
        read_comparison(path)


def test_a_folder_that_cannot_be_written_to_is_named(comparison: Comparison, tmp_path: Path) -> None:
    # given
    (tmp_path / "file").write_text("")
    # when, then
    with pytest.raises(ConfigError, match=r"Cannot write .*comparison.json: .*--output"):
        write_comparison(comparison, tmp_path / "file")
