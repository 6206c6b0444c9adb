"""A comparison in a bundle that somebody forge, with everything else made right again: found, or counted as not computed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bundles import Edit, assert_difference, edit_json, export_bundle, forge
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.compare.compare import compare
from fusion_eval.compare.options import ComparisonOptions
from fusion_eval.export.bundle.verify import verify
from fusion_eval.runs.comparison import read_comparison, write_comparison
from fusion_eval.runs.reading import read_runs

ITEMS = 12


def write_runs(folder: Path, names: Sequence[str] = ("a", "b", "c")) -> Path:
    """Runs of two tasks, each scored by two metrics, of three items to a document."""
    for number, name in enumerate(names):
        luck = random.Random(number)
        tasks = {}
        for task in ("quiz", "test"):
            right = [float(luck.random() < 0.4 + 0.2 * number) for _ in range(ITEMS)]
            documents = [f"{task} {place // 3}" for place in range(ITEMS)]
            tasks[task] = [
                sample | {"metrics": ["acc", "f1"], "f1": luck.random()}
                for sample in samples(right, prefix=task, document_id=documents)
            ]
        reported = {
            task: {f"{metric},none": sum(row[metric] for row in rows) / ITEMS for metric in ("acc", "f1")}
            for task, rows in tasks.items()
        }
        write_run(folder / name, tasks, reported=reported)
    return folder


def compared(folder: Path, *options: str) -> Path:
    """The runs with the comparison of `fusion-eval compare` beside them."""
    write_runs(folder)
    runs = [str(folder / name) for name in ("a", "b", "c")]
    assert main(["compare", *runs, "--resamples", "200", "--output", str(folder), *options]) == 0
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    return export_bundle(compared(folder / "out"), folder)


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "unpacked"))


def without(part: str, **wanted: str) -> Edit:
    """Leaves out the rows, or ranks, that have these values."""

    def leave(comparison: dict[str, Any]) -> None:
        rows = comparison[part]
        kept = [row for row in rows if any(row[name] != value for name, value in wanted.items())]
        assert len(kept) < len(rows)
        comparison[part] = kept

    return leave


def renamed(old: str, new: str) -> Edit:
    def rename(comparison: dict[str, Any]) -> None:
        for row in [*comparison["rows"], *comparison["ranks"], *comparison["runs"]]:
            for name in ("baseline", "run", "name"):
                if row.get(name) == old:
                    row[name] = new
        comparison["baseline"] = new

    return rename


def test_a_true_one_agrees_to_the_last_number(bundle: Path) -> None:
    found = verify(bundle)
    assert (found.differences, found.notes, found.not_computed) == ([], [], 0)
    assert found.summary == f"all {found.compared:,} numbers that were computed again agree"


# What was left out


def test_a_run_that_was_left_out_is_missed(bundle: Path) -> None:
    def cut(comparison: dict[str, Any]) -> None:
        comparison["runs"] = comparison["runs"][:1]
        comparison["rows"][0]["delta"] = 0.9

    forge(bundle, "comparison.json", cut)
    assert_difference(verify(bundle), "comparison: runs: missing: b; c")
    assert_difference(verify(bundle), "it cannot be computed again: it has fewer than two runs")


def test_an_invented_run_is_of_none_here(bundle: Path) -> None:
    def invent(comparison: dict[str, Any]) -> None:
        comparison["runs"].append({"name": "gpt-9", "path": "gpt-9"})

    forge(bundle, "comparison.json", invent)
    assert_difference(verify(bundle), "comparison: runs: not expected: gpt-9")


def test_rows_that_were_left_out_are_missed(bundle: Path) -> None:
    forge(bundle, "comparison.json", without("rows", metric="acc", candidate="c", task="quiz"))
    assert_difference(verify(bundle), "comparison: rows: missing: acc of quiz (None), c against a")


@pytest.mark.parametrize("wanted", [{"run": "a"}, {"metric": "acc"}, {}])
def test_ranks_that_were_left_out_are_missed(bundle: Path, wanted: dict[str, str]) -> None:
    if wanted:
        forge(bundle, "comparison.json", without("ranks", **wanted))
    else:
        forge(bundle, "comparison.json", lambda comparison: comparison["ranks"].clear())
    assert_difference(verify(bundle), "comparison: ranks: missing:", "a in acc of all")


def test_metrics_that_nobody_asked_for_are_noted_and_no_difference(tmp_path: Path) -> None:
    found = verify(export_bundle(compared(tmp_path / "out", "--metrics", "acc"), tmp_path))
    assert not found.differences
    assert found.notes == ["comparison: the samples also have f1, which is not compared"]


def test_a_metric_without_its_rows_but_with_ranks_is_a_difference(bundle: Path) -> None:
    forge(bundle, "comparison.json", without("rows", metric="f1"))
    assert_difference(verify(bundle), "comparison: ranks: not expected:", "a in f1 of all")


def test_tasks_that_were_not_compared_are_noted_and_no_difference(tmp_path: Path) -> None:
    """As of somebody who compared files of samples."""
    write_runs(tmp_path / "out")
    runs = [
        replace(run, tasks={"quiz": run.tasks["quiz"]})
        for run in read_runs([tmp_path / "out" / name for name in ("a", "b", "c")])
    ]
    write_comparison(compare(runs, ComparisonOptions()), tmp_path / "out")
    found = verify(export_bundle(tmp_path / "out", tmp_path))
    assert not found.differences
    assert found.notes == ["comparison: the runs also have tasks that are not compared: test"]


def test_a_partial_comparison_agrees(tmp_path: Path) -> None:
    write_runs(tmp_path / "out", ("a", "b"))
    for path in (tmp_path / "out" / "b").rglob("samples_test_*"):
        path.unlink()
    runs = [str(tmp_path / "out" / name) for name in ("a", "b")]
    assert (
        main(["compare", *runs, "--allow_partial", "--resamples", "200", "--output", str(tmp_path / "out")])
        == 0
    )
    found = verify(export_bundle(tmp_path / "out", tmp_path))
    assert not found.differences
    # Then what has no samples any more is counted
    assert "b: test has no samples here" in found.notes and found.not_computed == 2


# What was called otherwise


def test_a_baseline_that_is_renamed_is_missed(bundle: Path) -> None:
    forge(bundle, "comparison.json", renamed("a", "expected"))
    found = verify(bundle)
    assert_difference(found, "comparison: runs: missing: a")
    assert found.not_computed > 0


def test_rows_against_a_baseline_of_pools_are_counted_as_not_computed(bundle: Path) -> None:
    def pretend(comparison: dict[str, Any]) -> None:
        comparison["runs"].insert(0, {"name": "expected", "path": "a"})
        comparison["baseline"] = "expected"
        for row in comparison["rows"]:
            row["baseline"] = "expected"
        comparison["ranks"].clear()

    forge(bundle, "comparison.json", pretend)
    found = verify(bundle)
    rows = len(read_comparison(bundle / "comparison.json").rows)
    assert not found.differences and found.not_computed == rows
    assert (
        found.summary
        == f"all {found.compared:,} numbers that were computed again agree; {rows} could not be computed again"
    )


def test_one_row_against_a_baseline_that_is_none_is_a_difference(bundle: Path) -> None:
    forge(bundle, "comparison.json", lambda comparison: comparison["rows"][0].update(baseline="expected"))
    assert_difference(verify(bundle), "rows: not expected:", "against expected")


def test_a_metric_that_is_called_a_judge_needs_verdicts(bundle: Path) -> None:
    def pretend(comparison: dict[str, Any]) -> None:
        for row in [*comparison["rows"], *comparison["ranks"]]:
            row["metric"] = "judge:fake"

    forge(bundle, "comparison.json", pretend)
    assert_difference(verify(bundle), "judged rows, `judging` and verdicts.jsonl belong together")


def test_a_judges_own_row_needs_verdicts(bundle: Path) -> None:
    def invent(comparison: dict[str, Any]) -> None:
        comparison["by_judge"] = {"gpt-9": [comparison["rows"][0]]}

    forge(bundle, "comparison.json", invent)
    assert_difference(verify(bundle), "judged rows")


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("correction", "kindly", "its correction is 'kindly', not one of holm, bh"),
        ("test", "best", "its test is 'best'"),
        ("interval", "wide", "its interval is 'wide'"),
        ("resamples", 10**12, "out of range"),
        ("alpha", 2, "out of range"),
        ("seed", -1, "out of range"),
        ("created", "2031-01-01", "created: found '2031-01-01'"),
    ],
)
def test_what_no_comparison_is_made_with_is_a_difference(
    bundle: Path, part: str, value: object, words: str
) -> None:
    forge(bundle, "comparison.json", lambda comparison: comparison.update({part: value}))
    assert_difference(verify(bundle), words)


@pytest.mark.parametrize("part", ["rows", "runs"])
def test_an_empty_one_is_a_difference(bundle: Path, part: str) -> None:
    edit_json(bundle / "comparison.json", lambda comparison: comparison[part].clear())
    assert_difference(verify(bundle), "it has no rows, or no runs")


@pytest.mark.parametrize("part", ["rows", "ranks"])
def test_what_is_there_twice_is_a_difference(bundle: Path, part: str) -> None:
    forge(bundle, "comparison.json", lambda comparison: comparison[part].append(comparison[part][0]))
    assert_difference(verify(bundle), "not expected", "(2)")


# How it was tested


@pytest.mark.parametrize("test", ["auto", "permutation", "mcnemar"])
def test_the_test_that_was_asked_for_is_kept_and_used(tmp_path: Path, test: str) -> None:
    """McNemar's on items of one document is drawn, where `auto` would take a permutation."""
    folder = compared(tmp_path / "out", "--test", test, "--metrics", "acc")
    assert read_comparison(folder / "comparison.json").test == test
    assert not verify(export_bundle(folder, tmp_path)).differences


@pytest.mark.parametrize("test", ["auto", "permutation"])
def test_of_a_file_without_it_the_rows_tell_the_test(tmp_path: Path, test: str) -> None:
    bundle = export_bundle(compared(tmp_path / "out", "--test", test, "--cluster", "none"), tmp_path)
    forge(bundle, "comparison.json", lambda comparison: comparison.pop("test"))
    assert read_comparison(bundle / "comparison.json").test == "auto"
    assert not verify(bundle).differences


# Runs that are not all there


def test_a_comparison_with_runs_of_elsewhere_is_made_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = compared(tmp_path / "out")
    (folder / "c").rename(tmp_path / "c")
    bundle = export_bundle(folder, tmp_path)
    assert (
        "the comparison beside the runs also has c, so the bundle gets a new one" in capsys.readouterr().err
    )
    assert [run.name for run in read_comparison(bundle / "comparison.json").runs] == ["a", "b"]
    assert not verify(bundle).differences


def test_without_a_comparison_there_is_none_to_check_and_a_note_says_so(bundle: Path) -> None:
    (bundle / "comparison.json").unlink()
    forge(bundle, "bundle.json", lambda contents: None)
    assert "there is no comparison.json of these runs" in verify(bundle).notes
