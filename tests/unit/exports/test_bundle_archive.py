"""A damaged archive, or one that fusion-eval did not write, is refused before anything is written."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
from bundles import edit_json, export_bundle, only_match, traced_run
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError
from fusion_eval.exports.bundle.archive import SUMS, unpack, wrong_sums
from fusion_eval.exports.bundle.verify import verify


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """An unpacked bundle of one run, with the archive in the same folder."""
    return export_bundle(traced_run(tmp_path / "single", ["x", "y"]), tmp_path)


@pytest.fixture
def bundle(unpacked: Path) -> Path:
    return unpacked.parent / "bundle.zip"


def test_a_file_with_another_checksum_is_named(unpacked: Path) -> None:
    # given a bundle with a changed, an added and a missing file
    path = only_match(unpacked, "single/results_*.json")
    path.write_bytes(path.read_bytes() + b"\n")
    (unpacked / "single" / "notes.txt").write_text("mine")
    (unpacked / "table.md").unlink()
    # then
    assert main(["verify", str(unpacked)]) == 1
    differences = wrong_sums(unpacked)
    assert f"single/{path.name} is not the file that was packed: its checksum differs" in differences
    assert f"single/notes.txt is not in {SUMS}" in differences
    assert f"table.md is in {SUMS}, but is missing" in differences


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_refused_in_one_line(
    bundle: Path, share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bundle.read_bytes()
    bundle.write_bytes(content[: int(len(content) * share)])
    assert main(["verify", str(bundle)]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "is no bundle that fusion-eval export wrote, or is damaged" in error


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.8])
def test_a_flipped_byte_is_found(bundle: Path, place: float, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(bundle.read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    bundle.write_bytes(content)
    assert main(["verify", str(bundle)]) == 2
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:evil", "..\\evil"])
def test_no_file_is_unpacked_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, "x")
    (tmp_path / "inner").mkdir()
    with pytest.raises(ConfigError, match="outside of its folder"):
        unpack(tmp_path / "evil.zip", tmp_path / "inner" / "folder")
    assert not list(tmp_path.rglob("evil"))


def test_an_archive_that_would_fill_the_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fusion_eval.exports.bundle.archive._LARGEST", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2 << 20))
    with pytest.raises(ConfigError, match="unpacks to more than"):
        unpack(tmp_path / "bomb.zip", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_other_files_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("cat.jpg", "meow")
    run = write_run(tmp_path / "run", {"t": samples([1.0, 0.0])})
    for path, words in (
        (tmp_path / "none.zip", "There is no bundle"),
        (tmp_path / "photos.zip", "has no bundle.json that can be read, so fusion-eval did not write it"),
        (run, "has no bundle.json that can be read, so fusion-eval did not write it"),
    ):
        assert main(["verify", str(path)]) == 2
        error = capsys.readouterr().err
        assert words in error and len(error.splitlines()) == 1
        assert "Errno" not in error


@pytest.mark.parametrize("name", ["../single", "", ".", "nobody"])
def test_a_run_that_is_not_in_the_bundle_is_an_error(unpacked: Path, name: str) -> None:
    def rename(contents: dict[str, Any]) -> None:
        contents["runs"][0] = name

    edit_json(unpacked / "bundle.json", rename)
    with pytest.raises(ConfigError, match="which the bundle does not have"):
        verify(unpacked)


def test_a_bundle_without_runs_is_an_error(unpacked: Path) -> None:
    edit_json(unpacked / "bundle.json", lambda contents: contents.update(runs=[], names=[]))
    with pytest.raises(ConfigError, match="names no run"):
        verify(unpacked)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path: Path, compression: int) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", compression) as archive:
        archive.writestr("zeros", bytes(1 << 20))
    with pytest.raises(ConfigError, match="has a compression that fusion-eval export does not use"):
        unpack(tmp_path / "bomb.zip", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
