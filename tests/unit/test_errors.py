"""Hints in messages: the word or the file that was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_eval.errors import nearest, nearest_beside


def test_the_closest_word_is_named_and_none_where_none_is_close() -> None:
    assert nearest("fussion", ["bon", "fusion"]) == " Did you mean 'fusion'?"
    assert nearest("x", ["bon", "fusion"]) == ""


@pytest.mark.parametrize(("missing", "hint"), [("promts.jsonl", "prompts.jsonl"), ("quiz.yaml", None)])
def test_the_file_beside_a_missing_one_is_told_by_its_name_alone(
    tmp_path: Path, missing: str, hint: str | None
) -> None:
    # given a folder whose path is long, and the same for all files in it
    folder = tmp_path / "a_long_name_that_all_paths_share"
    folder.mkdir()
    (folder / "prompts.jsonl").touch()
    (folder / "harness_runs").mkdir()
    # when / then
    assert nearest_beside(folder / missing) == (f" Did you mean '{folder / hint}'?" if hint else "")


def test_a_missing_folder_gives_no_hint(tmp_path: Path) -> None:
    assert nearest_beside(tmp_path / "nowhere" / "x.jsonl") == ""
