"""A forged comparison in a bundle is found, although the forger drew all pages again and updated the checksums."""

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
from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.exports.bundle.differ import Differ
from fusion_eval.exports.bundle.verify import verify
from fusion_eval.runs.comparison import read_comparison, write_comparison
from fusion_eval.runs.reading import read_runs

ITEMS = 12


def write_runs(folder: Path, names: Sequence[str] = ("a", "b", "c")) -> Path:
    """Write runs of two tasks with two metrics each. Three items share a document."""
    for number, name in enumerate(names):
        draw = random.Random(number)
        tasks = {}
        for task in ("quiz", "test"):
            right = [float(draw.random() < 0.4 + 0.2 * number) for _ in range(ITEMS)]
            documents = [f"{task} {place // 3}" for place in range(ITEMS)]
            tasks[task] = [
                sample | {"metrics": ["acc", "f1"], "f1": draw.random()}
                for sample in samples(right, prefix=task, document_id=documents)
            ]
        reported = {
            task: {f"{metric},none": sum(row[metric] for row in rows) / ITEMS for metric in ("acc", "f1")}
            for task, rows in tasks.items()
        }
        write_run(folder / name, tasks, reported=reported)
    return folder


def compare_runs(folder: Path, *options: str) -> Path:
    """Write three runs, and the comparison of `fusion-eval compare` beside them."""
    write_runs(folder)
    runs = [str(folder / name) for name in ("a", "b", "c")]
    assert main(["compare", *runs, "--resamples", "200", "--output", str(folder), *options]) == 0
    return folder


@pytest.fixture(scope="module")
def unforged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unforged")
    return export_bundle(compare_runs(folder / "out"), folder)


@pytest.fixture
def bundle(unforged: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(unforged, tmp_path / "unpacked"))


def without(part: str, **wanted: str) -> Edit:
    """Return an edit that removes the rows, or ranks, with these values."""

    def remove(comparison: dict[str, Any]) -> None:
        rows = comparison[part]
        kept = [row for row in rows if any(row[name] != value for name, value in wanted.items())]
        assert len(kept) < len(rows)
        comparison[part] = kept

    return remove


def renamed(old: str, new: str) -> Edit:
    """Return an edit that renames a run everywhere."""

    def rename(comparison: dict[str, Any]) -> None:
        for row in [*comparison["rows"], *comparison["ranks"], *comparison["runs"]]:
            for name in ("baseline", "run", "name"):
                if row.get(name) == old:
                    row[name] = new
        comparison["baseline"] = new

    return rename


def test_an_unforged_comparison_agrees(bundle: Path) -> None:
    result = verify(bundle)
    assert (result.differences, result.notes, result.not_computed) == ([], [], 0)
    assert result.summary == f"all {result.compared:,} numbers that were computed again agree"


def test_a_removed_run_is_found(bundle: Path) -> None:
    def cut(comparison: dict[str, Any]) -> None:
        comparison["runs"] = comparison["runs"][:1]
        comparison["rows"][0]["delta"] = 0.9

    forge(bundle, "comparison.json", cut)
    assert_difference(verify(bundle), "comparison: runs: missing: b; c")
    assert_difference(verify(bundle), "it cannot be computed again: it has fewer than two runs")


def test_an_invented_run_is_found(bundle: Path) -> None:
    def invent(comparison: dict[str, Any]) -> None:
        comparison["runs"].append({"name": "gpt-9", "path": "gpt-9"})

    forge(bundle, "comparison.json", invent)
    assert_difference(verify(bundle), "comparison: runs: not expected: gpt-9")


def test_removed_rows_are_found(bundle: Path) -> None:
    forge(bundle, "comparison.json", without("rows", metric="acc", candidate="c", task="quiz"))
    assert_difference(verify(bundle), "comparison: rows: missing: acc of quiz (None), c against a")


@pytest.mark.parametrize("wanted", [{"run": "a"}, {"metric": "acc"}, {}])
def test_removed_ranks_are_found(bundle: Path, wanted: dict[str, str]) -> None:
    if wanted:
        forge(bundle, "comparison.json", without("ranks", **wanted))
    else:
        forge(bundle, "comparison.json", lambda comparison: comparison["ranks"].clear())
    assert_difference(verify(bundle), "comparison: ranks: missing:", "a in acc of all")


def test_a_comparison_of_one_metric_agrees_and_the_others_are_noted(tmp_path: Path) -> None:
    result = verify(export_bundle(compare_runs(tmp_path / "out", "--metrics", "acc"), tmp_path))
    assert not result.differences
    assert result.notes == ["comparison: the samples also have f1, which is not compared"]


def test_ranks_without_their_rows_are_found(bundle: Path) -> None:
    forge(bundle, "comparison.json", without("rows", metric="f1"))
    assert_difference(verify(bundle), "comparison: ranks: not expected:", "a in f1 of all")


def test_a_comparison_of_one_task_agrees_and_the_others_are_noted(tmp_path: Path) -> None:
    write_runs(tmp_path / "out")
    runs = [
        replace(run, tasks={"quiz": run.tasks["quiz"]})
        for run in read_runs([tmp_path / "out" / name for name in ("a", "b", "c")])
    ]
    write_comparison(compare(runs, ComparisonOptions()), tmp_path / "out")
    result = verify(export_bundle(tmp_path / "out", tmp_path))
    assert not result.differences
    assert result.notes == ["comparison: the runs also have tasks that are not compared: test"]


def test_a_partial_comparison_agrees(tmp_path: Path) -> None:
    write_runs(tmp_path / "out", ("a", "b"))
    for path in (tmp_path / "out" / "b").rglob("samples_test_*"):
        path.unlink()
    runs = [str(tmp_path / "out" / name) for name in ("a", "b")]
    assert (
        main(["compare", *runs, "--allow_partial", "--resamples", "200", "--output", str(tmp_path / "out")])
        == 0
    )
    result = verify(export_bundle(tmp_path / "out", tmp_path))
    assert not result.differences
    # then: the removed samples are counted
    assert "b: test has no samples here (not computed again)" in result.notes and result.not_computed == 2


def test_a_renamed_baseline_is_found(bundle: Path) -> None:
    forge(bundle, "comparison.json", renamed("a", "expected"))
    result = verify(bundle)
    assert_difference(result, "comparison: runs: missing: a")
    assert result.not_computed > 0


def test_rows_against_a_baseline_of_pools_are_counted_as_not_computed(bundle: Path) -> None:
    def pretend(comparison: dict[str, Any]) -> None:
        comparison["runs"].insert(0, {"name": "expected", "path": "a"})
        comparison["baseline"] = "expected"
        for row in comparison["rows"]:
            row["baseline"] = "expected"
        comparison["ranks"].clear()

    forge(bundle, "comparison.json", pretend)
    result = verify(bundle)
    rows = len(read_comparison(bundle / "comparison.json").rows)
    assert not result.differences and result.not_computed == rows
    assert (
        result.summary
        == f"all {result.compared:,} numbers that were computed again agree; {rows} could not be computed again"
    )


def test_a_row_against_another_baseline_is_found(bundle: Path) -> None:
    forge(bundle, "comparison.json", lambda comparison: comparison["rows"][0].update(baseline="expected"))
    assert_difference(verify(bundle), "rows: not expected:", "against expected")


def test_a_metric_that_is_renamed_to_a_judge_is_found(bundle: Path) -> None:
    def pretend(comparison: dict[str, Any]) -> None:
        for row in [*comparison["rows"], *comparison["ranks"]]:
            row["metric"] = "judge:fake"

    forge(bundle, "comparison.json", pretend)
    assert_difference(verify(bundle), "judged rows, `judging` and verdicts.jsonl belong together")


def test_rows_of_a_judge_without_verdicts_are_found(bundle: Path) -> None:
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
        ("resamples", 10**12, "resamples=1000000000000 should be a whole number"),
        ("alpha", 2, "alpha=2.0 should be a number"),
        ("seed", -1, "seed=-1 should be a whole number"),
        ("created", "2031-01-01", "created: found '2031-01-01'"),
    ],
)
def test_impossible_options_are_found(bundle: Path, part: str, value: object, words: str) -> None:
    forge(bundle, "comparison.json", lambda comparison: comparison.update({part: value}))
    assert_difference(verify(bundle), words)


@pytest.mark.parametrize("part", ["rows", "runs"])
def test_an_empty_comparison_is_found(bundle: Path, part: str) -> None:
    edit_json(bundle / "comparison.json", lambda comparison: comparison[part].clear())
    assert_difference(verify(bundle), "it has no rows, or no runs")


@pytest.mark.parametrize("part", ["rows", "ranks"])
def test_a_repeated_row_or_rank_is_found(bundle: Path, part: str) -> None:
    forge(bundle, "comparison.json", lambda comparison: comparison[part].append(comparison[part][0]))
    assert_difference(verify(bundle), "not expected", "(2)")


@pytest.mark.parametrize("test", ["auto", "permutation", "mcnemar"])
def test_the_rows_are_computed_with_the_test_that_was_asked_for(tmp_path: Path, test: str) -> None:
    folder = compare_runs(tmp_path / "out", "--test", test, "--metrics", "acc")
    assert read_comparison(folder / "comparison.json").test == test
    assert not verify(export_bundle(folder, tmp_path)).differences


@pytest.mark.parametrize("test", ["auto", "permutation"])
def test_the_rows_tell_the_test_if_the_file_does_not(tmp_path: Path, test: str) -> None:
    bundle = export_bundle(compare_runs(tmp_path / "out", "--test", test, "--cluster", "none"), tmp_path)
    forge(bundle, "comparison.json", lambda comparison: comparison.pop("test"))
    assert read_comparison(bundle / "comparison.json").test == "auto"
    assert not verify(bundle).differences


def test_a_bundle_of_some_of_the_compared_runs_gets_a_new_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = compare_runs(tmp_path / "out")
    (folder / "c").rename(tmp_path / "c")
    bundle = export_bundle(folder, tmp_path)
    assert (
        "the comparison beside the runs also has c, so the bundle gets a new one" in capsys.readouterr().err
    )
    assert [run.name for run in read_comparison(bundle / "comparison.json").runs] == ["a", "b"]
    assert not verify(bundle).differences


def test_runs_without_a_comparison_are_noted(bundle: Path) -> None:
    (bundle / "comparison.json").unlink()
    forge(bundle, "bundle.json", lambda contents: None)
    assert "there is no comparison.json of these runs" in verify(bundle).notes


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("correction", "none", "p_adjusted"),
        ("test", "wilcoxon", "p_value"),
        ("interval", "percentile", "ci_low"),
    ],
)
def test_fields_made_with_a_removed_option_are_counted_as_not_computed(
    bundle: Path, option: str, value: str, field: str
) -> None:
    # given a comparison of an older version with an option that is gone
    def change(comparison: dict[str, Any]) -> None:
        comparison[option] = value
        comparison["rows"][0][field] = 0.125

    forge(bundle, "comparison.json", change)

    # when
    result = verify(bundle)

    # then
    assert not result.differences
    assert result.not_computed == len(read_comparison(bundle / "comparison.json").rows)

    # and a forged value is found all the same
    forge(bundle, "comparison.json", lambda comparison: comparison["rows"][0].update(delta=0.9))
    assert_difference(verify(bundle), "acc of quiz (None), b against a: delta: found 0.9")


def test_numbers_that_are_not_finite_agree_with_themselves() -> None:
    # given
    values = [float("inf"), float("-inf"), float("nan"), 1.0]
    differ = Differ()
    # when
    differ.compare("numbers", values, list(values))
    differ.compare("others", values, [float("-inf"), float("nan"), 1.0, float("inf")])
    # then
    assert differ.compared == 8
    assert [difference.partition(": found")[0] for difference in differ.differences] == [
        f"others: {place}" for place in range(4)
    ]
