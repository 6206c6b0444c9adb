"""A bundle that was made honestly verifies, whatever its files are called; and nothing else does."""

from __future__ import annotations

import math
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from bundles import edit_json, export_bundle, only_match, traced_run
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError
from fusion_eval.exports.bundle.archive import unpack


def infinite_run(folder: Path) -> Path:
    """Write a run whose last item has an infinite error, and whose mean is infinite."""
    reported = {"tg": {"mae,none": math.inf}}
    return write_run(folder, {"tg": samples([1.0, 2.0, math.inf], "mae")}, reported=reported)


def test_an_infinite_mean_of_an_infinite_item_verifies(tmp_path: Path) -> None:
    unpacked = export_bundle(infinite_run(tmp_path / "run"), tmp_path / "out")
    assert main(["verify", str(unpacked)]) == 0


def test_an_infinite_mean_of_finite_items_does_not_verify(tmp_path: Path) -> None:
    # given a bundle whose items were changed afterwards
    unpacked = export_bundle(infinite_run(tmp_path / "run"), tmp_path / "out")
    path = only_match(unpacked, "*/samples_*.jsonl")
    path.write_text(path.read_text().replace("Infinity", "3.0"))
    edit_json(path, lambda sample: None)
    assert main(["verify", str(unpacked)]) == 1


def test_a_results_file_with_a_colon_in_its_name_verifies(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"t": samples([1.0, 0.0])})
    results = only_match(run, "**/results_*.json")
    results.rename(
        results.with_name(results.name.replace("results_", "results_MODEL-760M:2025-07-21T1441-16_"))
    )
    export_bundle(run, tmp_path / "out")
    assert main(["verify", str(tmp_path / "out" / "bundle.zip")]) == 0


def test_traces_that_are_a_link_to_another_file_are_not_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = traced_run(tmp_path / "single", ["x", "y"])
    (tmp_path / "secret").write_text("password")
    link = only_match(run, "**/traces*.jsonl").with_name("traces.rank1.jsonl")
    link.symlink_to(tmp_path / "secret")
    assert main(["export", str(run), "--format", "bundle", "-o", str(tmp_path / "out")]) == 2
    assert "is no file of the run but a link" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_small_archive_of_zeros_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(32 << 20))
    tracemalloc.start()
    with pytest.raises(ConfigError, match="unpacks to more than 200 times its size"):
        unpack(tmp_path / "bomb.zip", tmp_path / "folder")
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()
    assert not (tmp_path / "folder").exists()
