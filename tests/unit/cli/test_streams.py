"""The exit code is the result's own, whatever the standard streams can take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from run_folders import samples, write_run

PROGRAM = Path(sys.executable).parent / "fusion-eval"
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs of 200 items, of which the second is worse. Each has a line that cannot be read."""
    folders = []
    for name, values in (("good", [1.0] * 200), ("bad", [0.0] * 100 + [1.0] * 100)):
        folders.append(write_run(tmp_path / name, {"größer→": samples(values)}))
        [file] = folders[-1].rglob("samples_*.jsonl")
        file.write_text(file.read_text(encoding="utf-8") + "{\n", encoding="utf-8")
    return folders[0], folders[1]


def run_in_shell(command: str, *paths: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run `fusion-eval` with a command line that may redirect; `{0}`, `{1}` stand for the paths."""
    words = f"{PROGRAM} {command.format(*paths)}"
    return subprocess.run(
        ["bash", "-c", words],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


@needs_full
@pytest.mark.parametrize(
    ("stream", "first", "second", "options", "code"),
    [
        ("2>/dev/full", 0, 0, "--allow_partial", 0),
        ("2>/dev/full", 0, 1, "--allow_partial", 1),
        ("2>/dev/full", 0, 1, "", 2),
        ("2>/dev/full", 0, 1, "--no_such_option", 2),
        ("2>&-", 0, 1, "--allow_partial", 1),
        ("2>&-", 0, 1, "--no_such_option", 2),
        ("2> >(true)", 0, 1, "--allow_partial", 1),
        ("2> >(true)", 0, 1, "--allow_partial --metrics nothing", 2),
    ],
)
def test_check_keeps_its_exit_code_where_standard_error_cannot_be_written(
    runs: tuple[Path, Path], stream: str, first: int, second: int, options: str, code: int
) -> None:
    command = f"check {{0}} {{1}} --format json {options} {stream}"

    done = run_in_shell(command, runs[first], runs[second], GITHUB_ACTIONS="")

    assert done.returncode == code
    if code < 2:  # messages do not move to standard output
        assert json.loads(done.stdout)["rows"]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1:strict", "utf-8"])
def test_characters_that_the_encoding_lacks_are_replaced(runs: tuple[Path, Path], encoding: str) -> None:
    done = run_in_shell(
        "compare {0} {1} --allow_partial --resamples 200", *runs, PYTHONIOENCODING=encoding, PYTHONUTF8="0"
    )

    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding.split(":")[0])
    assert "gr" in text and "p adj" in text
    assert b"Traceback" not in done.stderr


def test_a_reader_that_closes_standard_output_ends_no_check(runs: tuple[Path, Path]) -> None:
    done = run_in_shell("check {0} {1} --allow_partial > >(true)", *runs, GITHUB_ACTIONS="")

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
