"""A results file of a stranger may nest thousands of groups. Every command reads them in linear time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from growth import grows_less_than
from run_folders import samples, write_run

from fusion_eval.cli.main import main

FORMATS = ("every-eval-ever", "hf", "table", "card", "bundle")
REPORTED = {"quiz": {"acc,none": 0.5, "acc_stderr,none": 0.5, "sample_len": 2}}


def chained_run(folder: Path, length: int) -> Path:
    """Write a run whose groups are a chain: each holds the next, all have a score, and the last holds a task."""
    write_run(folder, {"quiz": samples([1.0, 0.0])}, reported=REPORTED)
    (path,) = folder.rglob("results_*.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    groups = [f"g{level}" for level in range(length)]
    content["group_subtasks"] = {
        group: [member] for group, member in zip(groups, [*groups[1:], "quiz"], strict=True)
    }
    content["groups"] = {group: {"acc,none": 0.5, "acc_stderr,none": 0.5} for group in groups}
    content["results"] |= content["groups"]
    content["configs"]["quiz"]["dataset_path"] = "lab/quiz"
    content |= {"model_name": "lab/model", "config": {"model": "hf", "model_args": "pretrained=lab/model"}}
    path.write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_reads_a_chain_of_groups_in_linear_time(tmp_path: Path, form: str) -> None:
    # given
    small, large = chained_run(tmp_path / "small", 750), chained_run(tmp_path / "large", 3_000)

    # when
    def export(run: str) -> None:
        assert main(["export", "--format", form, "-o", f"{run}-{form}", run]) == 0

    # then a length of four times takes about four times as long, not sixteen
    assert grows_less_than(10, export, [str(small)] * 4, [str(large)] * 4)


def test_a_bundle_of_a_chain_of_groups_is_verified_in_linear_time(tmp_path: Path) -> None:
    # given
    bundles = {}
    for length in (750, 3_000):
        run = chained_run(tmp_path / str(length), length)
        assert main(["export", "--format", "bundle", "-o", f"{run}-out", str(run)]) == 0
        bundles[length] = f"{run}-out/bundle.zip"

    # when
    def verify(bundle: str) -> None:
        assert main(["verify", bundle]) == 0

    # then
    assert grows_less_than(10, verify, [bundles[750]] * 4, [bundles[3_000]] * 4)


@pytest.mark.parametrize("command", [["compare"], ["check", "--margin", "0.5"]], ids=["compare", "check"])
def test_runs_with_a_chain_of_groups_are_compared(tmp_path: Path, command: list[str]) -> None:
    # given
    runs = [str(chained_run(tmp_path / name, 3_000)) for name in ("a", "b")]
    # when, then
    assert main([*command, *runs]) in (0, 3)
