"""Checks of runs that others wrote: results of any name, cut samples, further metrics, infinite items."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from run_folders import samples, write_run

from fusion_eval.cli.main import main

RIGHT = [1.0, 0.0, 1.0, 1.0] * 50


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Run a command that is refused, and return its sentence."""
    assert main([str(argument) for argument in arguments]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "compare"])
def test_results_of_any_name_without_samples_are_told_from_other_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    # given
    paths = [tmp_path / f"{name}_quiz_5-shot.json" for name in ("a", "b")]
    for path in paths:
        content = {"results": {"quiz": {"acc,none": 0.5}}, "configs": {"quiz": {"task": "quiz"}}}
        path.write_text(json.dumps(content), encoding="utf-8")
    # when, then
    assert "has results but no samples to pair" in refused(capsys, command, *paths)


@pytest.mark.parametrize("command", ["check", "compare"])
def test_a_further_metric_of_one_run_does_not_matter_if_nobody_asked_for_it(
    tmp_path: Path, command: str
) -> None:
    # given
    more = [{**one, "metrics": ["acc", "verify"], "verify": 1.0} for one in samples(RIGHT)]
    runs = [
        write_run(tmp_path / "a", {"quiz": samples(RIGHT)}, results=False),
        write_run(tmp_path / "b", {"quiz": more}, results=False),
    ]
    # when, then
    assert main([command, "--metrics", "acc", *map(str, runs)]) == 0


@pytest.mark.parametrize("command", ["check", "compare"])
def test_cut_samples_are_refused_or_compared_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    # given
    runs = [write_run(tmp_path / name, {"quiz": samples([1.0, 0.0, 1.0])}) for name in ("a", "b")]
    for run in runs:
        (path,) = run.rglob("results_*.json")
        counts = {"n-samples": {"quiz": {"original": 900, "effective": 100}}}
        path.write_text(json.dumps({**json.loads(path.read_text()), **counts}), encoding="utf-8")
    # when, then
    assert "counts 100 items of quiz, and 3 are in the file" in refused(capsys, command, *runs)
    assert main([command, "--allow_partial", *map(str, runs)]) in (0, 3)


@pytest.mark.parametrize("command", ["check", "compare"])
def test_an_infinite_item_leaves_its_metric_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    values = [1.0, 2.0, math.inf]
    runs = [write_run(tmp_path / name, {"tg": samples(values, "mae")}) for name in ("a", "b")]

    message = refused(capsys, command, *runs)
    assert "some of its values are neither finite numbers" in message
    assert re.search(r"Infinity in [ab], samples_tg_\S+\.jsonl, line 3", message)


@pytest.mark.parametrize("command", ["check", "compare"])
def test_a_filter_is_chosen_as_the_harness_writes_it(tmp_path: Path, command: str) -> None:
    # given runs with two filters, of which one gives other values
    for name in ("a", "b"):
        both = [*samples(RIGHT, filtered="first"), *samples([0.0] * 200, filtered="maj@8")]
        write_run(tmp_path / name, {"quiz": both}, results=False)
    # when, then
    assert main([command, "--metrics", "acc,maj@8", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
