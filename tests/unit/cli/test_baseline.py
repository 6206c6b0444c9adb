"""`fusion-eval baseline`, and `check --update-baseline`: how a baseline file is written and replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from check_command import check
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.gate.baseline_file import read_baseline

Capture = pytest.CaptureFixture[str]
Rejection = Callable[..., str]


class TestBaseline:
    def test_the_command_prints_what_the_file_holds(
        self, good: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        path = tmp_path / "base.gz"
        assert main(["baseline", str(good), "--output", str(path), "--cluster", "none"]) == 0
        assert (
            capsys.readouterr().out
            == f"{path}: 1 tasks, 200 items, 1 metrics, {path.stat().st_size:,} bytes\n"
        )
        assert len(set(read_baseline(path).tasks[0].clusters)) == 200


class TestUpdateBaseline:
    def test_the_old_baseline_is_checked_and_the_new_one_written(
        self, base: Path, bad: Path, capsys: Capture
    ) -> None:
        assert main(["check", str(base), str(bad), "--update-baseline"]) == 0
        printed = capsys.readouterr()
        assert "REGRESSION" in printed.out and printed.err == f"{base} now holds {bad}\n"
        assert check(capsys, base, bad)[0] == 0

    def test_the_new_baseline_equals_that_of_the_command_baseline(
        self, base: Path, bad: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        main(["check", str(base), str(bad), "--update-baseline"])
        main(["baseline", str(bad), "-o", str(tmp_path / "new.gz")])
        assert base.read_bytes() == (tmp_path / "new.gz").read_bytes()

    def test_a_missing_baseline_is_written_without_a_check(
        self, good: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        path = tmp_path / "new" / "base.json.gz"
        assert main(["check", str(path), str(good), "--update-baseline"]) == 0
        printed = capsys.readouterr()
        assert printed.out == "" and printed.err == f"{path} now holds {good}, and is new\n"
        assert check(capsys, path, good)[0] == 0

    def test_a_run_is_never_replaced(self, good: Path, bad: Path, rejection: Rejection) -> None:
        (file,) = good.glob("model/samples*")
        before = file.read_bytes()
        for place in (good, file):
            message = rejection("check", place, bad, "--update-baseline")
            assert f"--update_baseline rewrites a baseline file, and {place} is none" in message
        assert file.read_bytes() == before

    def test_a_baseline_that_cannot_be_compared_is_named_and_replaced(
        self, base: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        other = write_run(tmp_path / "other", {"exam": samples([1.0, 0.0])})
        assert main(["check", str(base), str(other), "--update-baseline"]) == 0
        printed = capsys.readouterr()
        first, second = printed.err.splitlines()
        assert printed.out == "" and first.startswith("not checked: The task quiz is in the baseline")
        assert second == f"{base} now holds {other}" and check(capsys, base, other)[0] == 0

    def test_a_damaged_baseline_is_named_and_replaced(self, base: Path, good: Path, capsys: Capture) -> None:
        base.write_bytes(base.read_bytes()[:-30])
        assert main(["check", str(base), str(good), "--update-baseline"]) == 0
        assert capsys.readouterr().err.startswith(f"not checked: The baseline {base} cannot be read")
        assert check(capsys, base, good)[0] == 0

    def test_an_unusable_candidate_leaves_the_baseline_unchanged(
        self, base: Path, tmp_path: Path, rejection: Rejection
    ) -> None:
        before = base.read_bytes()
        rejection("check", base, tmp_path / "none", "--update-baseline")
        assert base.read_bytes() == before

    def test_a_report_that_cannot_be_written_leaves_the_baseline_unchanged(
        self, base: Path, bad: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        before = base.read_bytes()
        assert main(["check", str(base), str(bad), "--update-baseline", "--junit", str(tmp_path)]) == 2
        assert base.read_bytes() == before
