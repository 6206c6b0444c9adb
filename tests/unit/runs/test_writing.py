"""Files are written completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_eval.errors import ConfigError
from fusion_eval.runs.writing import check_folder, whole_file, write_file


def test_a_file_and_its_folder_are_created(tmp_path: Path) -> None:
    # given
    path = tmp_path / "new" / "file.json"
    # when
    write_file(path, b"content")
    # then
    assert path.read_bytes() == b"content"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_keeps_the_old_file_and_leaves_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a disk that is full after the first bytes
    path = tmp_path / "file.json"
    path.write_bytes(b"old")

    def write_some(file: Path, content: bytes) -> int:
        with file.open("wb") as target:
            target.write(content[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_some)
    # when
    with pytest.raises(ConfigError, match="No space left on device; free some space"):
        write_file(path, b"new content", advice="free some space")
    # then
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_can_exist_or_be_created_but_not_replace_a_file(tmp_path: Path) -> None:
    # given
    (tmp_path / "file").write_text("")
    # when, then
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "folder")
    with pytest.raises(ConfigError, match="cannot be a folder"):
        check_folder(tmp_path / "file" / "folder")


def test_two_processes_that_write_one_file_have_a_file_each(tmp_path: Path) -> None:
    # given
    path = tmp_path / "file.json"
    # when the second begins and ends while the first writes
    with whole_file(path) as first:
        first.write_bytes(b"first, begun")
        write_file(path, b"second")
        with first.open("ab") as file:
            file.write(b" and ended")
    # then one content stands there, whole
    assert path.read_bytes() == b"first, begun and ended"
    assert list(tmp_path.iterdir()) == [path]
