"""Comparing small runs starts fast: it imports no large package that it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from compared_runs import write_each, write_quiz

HEAVY = (
    *("scipy.stats", "scipy.optimize", "pandas", "statsmodels", "sympy", "lm_eval", "datasets", "torch"),
    *("transformers", "aiohttp", "litellm", "llama_cpp", "matplotlib"),
)
SACREBLEU = "sacrebleu"
BINARY = {"a": [0.0, 1.0, 0.0, 1.0, 0.0] * 4, "b": [1.0, 1.0, 0.0, 1.0, 0.0] * 4, "c": [1.0] * 20}
GRADED = {name: [value / 2 + 0.1 for value in values] for name, values in BINARY.items()}
TEXTS = {
    name: [[f"line {number} of the text", f"{name} line {number} of text"] for number in range(5)]
    for name in "ab"
}


def imported_by(arguments: list[str]) -> set[str]:
    """Return the modules that a process has loaded after it carried out a command."""
    code = (
        "import json, sys; from fusion_eval.cli.main import main; status = main(sys.argv[1:]); "
        "print(json.dumps(sorted(sys.modules))); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("values", [BINARY, GRADED], ids=["binary", "graded"])
def test_comparing_numbers_imports_nothing_heavy(tmp_path: Path, values: dict[str, list[float]]) -> None:
    # given
    folders = write_each(tmp_path, dict(values))
    # when
    loaded = imported_by(["compare", *map(str, folders)])
    # then
    assert not loaded & {*HEAVY, SACREBLEU}


def test_comparing_texts_needs_sacrebleu_alone(tmp_path: Path) -> None:
    # given
    folders = [write_quiz(tmp_path / name, values, "chrf") for name, values in TEXTS.items()]
    # when
    loaded = imported_by(["compare", *map(str, folders)])
    # then
    assert SACREBLEU in loaded and not loaded & set(HEAVY)
