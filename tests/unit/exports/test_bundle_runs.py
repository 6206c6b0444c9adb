"""The runs in a bundle: results files are computed again from samples, totals and answers from traces."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from bundles import Edit, assert_difference, edit_json, export_bundle, forge, only_match, traced_run
from export_runs import change_results
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError
from fusion_eval.exports.bundle.verify import verify
from fusion_eval.runs.traces import FILE_NAME as TRACES

VALUES = [0.25, 0.5, 0.75, 1.0]
ERROR = 0.3227486121839514 / math.sqrt(4)


def scored(
    folder: Path, aggregation: str | None, value: float, stderr: float | None, metric: str = "acc"
) -> Path:
    """Write a run of one metric with this aggregation, and with this value and error in its results file."""
    config = {"metric": metric} | ({"aggregation": aggregation} if aggregation else {})
    numbers = {f"{metric},none": value} | ({} if stderr is None else {f"{metric}_stderr,none": stderr})
    return write_run(
        folder,
        {"quiz": samples(VALUES, metric)},
        config={"quiz": {"metric_list": [config]}},
        reported={"quiz": numbers},
    )


@pytest.mark.parametrize("aggregation", [None, "mean"])
def test_a_forged_standard_error_of_a_mean_is_found(tmp_path: Path, aggregation: str | None) -> None:
    run = scored(tmp_path / "run", aggregation, 0.625, ERROR / 2)
    result = verify(export_bundle(run, tmp_path))
    assert_difference(result, "acc,none of quiz: standard error: found")
    assert len(result.differences) == 1


@pytest.mark.parametrize("aggregation", [None, "mean", "nanmean", "win_rate"])
def test_a_forged_mean_is_found(tmp_path: Path, aggregation: str | None) -> None:
    result = verify(export_bundle(scored(tmp_path / "run", aggregation, 0.9, None), tmp_path))
    assert_difference(result, "acc,none of quiz: found 0.9, expected 0.625")


@pytest.mark.parametrize("aggregation", ["nanmean", "win_rate"])
def test_a_bootstrapped_standard_error_is_counted_as_not_computed(tmp_path: Path, aggregation: str) -> None:
    result = verify(export_bundle(scored(tmp_path / "run", aggregation, 0.625, 0.158), tmp_path))
    assert not result.differences and result.not_computed == 1
    assert result.notes == [
        "run: acc,none of quiz: the harness draws its standard error at random (not computed again)"
    ]
    assert (
        result.summary
        == f"all {result.compared} numbers that were computed again agree; 1 could not be computed again"
    )


@pytest.mark.parametrize(("aggregation", "metric"), [("median", "acc"), (None, "perplexity")])
def test_another_aggregation_is_counted_as_not_computed(
    tmp_path: Path, aggregation: str | None, metric: str
) -> None:
    result = verify(export_bundle(scored(tmp_path / "run", aggregation, 1.9, None, metric), tmp_path))
    assert not result.differences and result.not_computed == 1
    assert result.notes == [f"run: {metric},none of quiz is not the mean of its items (not computed again)"]


def test_a_forged_group_is_found_and_a_task_without_samples_is_counted(tmp_path: Path) -> None:
    run = scored(tmp_path / "run", "mean", 0.625, None)
    (path,) = run.rglob("results_*.json")
    results = json.loads(path.read_text())["results"]
    results |= {"mmlu": {"acc,none": 0.99}, "all": {"acc,none": 0.99}}
    change_results(
        run, {"results": results, "groups": {"all": {"acc,none": 0.625}}, "group_subtasks": {"all": ["quiz"]}}
    )
    result = verify(export_bundle(run, tmp_path))
    assert "run: mmlu has no samples here (not computed again)" in result.notes
    assert_difference(result, "results of the group all: acc,none: found 0.99, expected 0.625")


def test_a_run_with_its_traces_agrees(tmp_path: Path) -> None:
    result = verify(export_bundle(traced_run(tmp_path / "run", ["x", "y", "z"]), tmp_path))
    assert (result.differences, result.notes, result.not_computed) == ([], [], 0)


def test_totals_without_traces_are_counted_as_not_computed(tmp_path: Path) -> None:
    run = traced_run(tmp_path / "run", ["x", "y"])
    (run / TRACES).unlink()
    result = verify(export_bundle(run, tmp_path))
    assert result.not_computed == 1 and not result.differences
    assert result.notes == ["run: there are no traces to compute its totals from (not computed again)"]


def test_answers_without_a_trace_are_found(tmp_path: Path) -> None:
    run = traced_run(tmp_path / "run", ["x", "y", "z"])
    lines = (run / TRACES).read_text().splitlines(keepends=True)
    (run / TRACES).write_text(lines[1])
    result = verify(export_bundle(run, tmp_path))
    assert_difference(result, "run: answers: not expected: document 0 of quiz; document 2 of quiz")
    assert sum("answers" in one for one in result.differences) == 1


def test_traced_answers_that_are_not_scored_are_found(tmp_path: Path) -> None:
    run = traced_run(tmp_path / "run", ["x", "y", "z"])
    path = only_match(run, "model/samples_*.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    result = verify(export_bundle(run, tmp_path))
    assert_difference(result, "run: answers: missing: document 0 of quiz")


def test_an_answer_that_counts_twice_is_found(tmp_path: Path) -> None:
    run = traced_run(tmp_path / "run", ["x", "y"])
    path = only_match(run, "model/samples_*.jsonl")
    path.write_text(path.read_text() + path.read_text().splitlines(keepends=True)[0])
    assert_difference(
        verify(export_bundle(run, tmp_path)), "run: answers: not expected: document 0 of quiz (2)"
    )


def test_traces_without_a_document_are_counted(tmp_path: Path) -> None:
    bundle = export_bundle(traced_run(tmp_path / "run", ["x", "y"]), tmp_path)
    edit_json(bundle / "run" / TRACES, lambda trace: trace.update(doc_id=None))
    result = verify(bundle)
    assert result.not_computed == 1 and not result.differences


def test_answers_of_an_earlier_evaluation_need_no_traces(tmp_path: Path) -> None:
    """A folder has the traces of the last evaluation into it."""
    run = traced_run(tmp_path / "run", ["x", "y"])
    write_run(run, {"old": samples([1.0, 0.0, 1.0])}, date="2025-01-02T03-04-05.678901")
    result = verify(export_bundle(run, tmp_path))
    assert not result.differences and result.not_computed == 3
    assert (
        "run: some answers are of an earlier evaluation, whose traces are not here (not computed again)"
        in result.notes
    )


def drop_role(totals: dict[str, Any]) -> None:
    del totals["roles"]["sampler"]


def invent_departure(totals: dict[str, Any]) -> None:
    totals["departures"]["seed"] = 3


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (drop_role, "totals: roles: missing: sampler"),
        (invent_departure, "totals: departures: not expected: seed"),
    ],
)
def test_a_forged_entry_of_the_totals_is_found(tmp_path: Path, edit: Edit, words: str) -> None:
    bundle = export_bundle(traced_run(tmp_path / "run", ["x", "y"]), tmp_path)
    edit_json(only_match(bundle, "run/results_*.json"), lambda results: edit(results["config"]["totals"]))
    assert_difference(verify(bundle), words)


def test_an_unknown_total_is_counted_as_not_computed(tmp_path: Path) -> None:
    bundle = export_bundle(traced_run(tmp_path / "run", ["x", "y"]), tmp_path)
    path = only_match(bundle, "run/results_*.json")
    edit_json(path, lambda results: results["config"]["totals"].update(joules=3))
    assert "run: totals: joules is not known here (not computed again)" in verify(bundle).notes


@pytest.mark.parametrize("names", [("a:1", "a_1"), ("a", "A"), ("bundle.json", "card.md"), ("nul", "_nul")])
def test_runs_of_any_names_have_folders_of_their_own(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        write_run(
            tmp_path / "out" / name, {"quiz": samples([1.0, 0.0])}, reported={"quiz": {"acc,none": 0.5}}
        )
    runs = [str(tmp_path / "out" / name) for name in names]
    assert main(["compare", *runs, "--output", str(tmp_path / "out")]) == 0
    result = verify(export_bundle(tmp_path / "out", tmp_path))
    assert (result.differences, result.notes) == ([], [])


def test_one_name_for_two_runs_is_an_error(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / "out" / name, {"quiz": samples([1.0, 0.0])})
    bundle = export_bundle(tmp_path / "out", tmp_path)
    edit_json(bundle / "bundle.json", lambda contents: contents.update(names=["a", "a"]))
    with pytest.raises(ConfigError, match="does not have one name for each of its runs"):
        verify(bundle)


def test_export_names_arguments_that_a_card_would_hide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, arguments in (
        ("a", "pretrained=/home/me/w,token=t0p,dtype=auto"),
        ("b", {"pretrained": "/home/me/w", "token": "t0p", "dtype": "auto"}),
        ("c", {"pretrained": "lab/a"}),
    ):
        run = write_run(tmp_path / "out" / name, {"quiz": samples([1.0, 0.0])})
        change_results(run, {"config": {"model": "hf", "model_args": arguments}})
    export_bundle(tmp_path / "out", tmp_path)
    notes = [line for line in capsys.readouterr().err.splitlines() if "results files" in line]
    assert notes == [
        "note: a, b: the bundle has the results files unchanged, with arguments that a card cuts or leaves out: "
        "pretrained, token"
    ]


def test_other_files_in_a_bundle_are_noted(tmp_path: Path) -> None:
    bundle = export_bundle(traced_run(tmp_path / "run", ["x"]), tmp_path)
    (bundle / "REPORT.md").write_text("All is well.")
    forge(bundle, "bundle.json", lambda contents: None)
    assert verify(bundle).notes == ["REPORT.md is no part of a bundle, and is not looked at"]


def test_pages_of_another_version_are_counted_as_not_computed(tmp_path: Path) -> None:
    bundle = export_bundle(traced_run(tmp_path / "run", ["x"]), tmp_path)
    (bundle / "card.md").write_text("All is well.")
    edit_json(bundle / "bundle.json", lambda contents: contents.update(fusion_eval="9.9"))
    result = verify(bundle)
    assert not result.differences and result.not_computed == 3  # a card and two tables
