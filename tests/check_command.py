"""What tests of `fusion-eval check` share: runs of a quiz, and the command itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_folders import samples, write_run

from fusion_eval.cli.main import main


def quiz_run(folder: Path, right: int, of: int = 200) -> Path:
    """Write a run that answers `right` of the items; every four items share a story."""
    return write_run(
        folder, {"quiz": samples([1.0] * right + [0.0] * (of - right), story=[n // 4 for n in range(of)])}
    )


def check(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    """Run a check that prints nothing on stderr; return its exit code and what it prints."""
    code = main(["check", *(str(argument) for argument in arguments)])
    printed = capsys.readouterr()
    assert printed.err == ""
    return code, printed.out
