"""Runs that four releases of the harness wrote: the same answer from each, and from one against another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fusion_eval.compare.compare import compare
from fusion_eval.compare.options import ComparisonOptions
from fusion_eval.errors import ConfigError
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.reading import read_runs

RUNS = Path(__file__).resolve().parents[2] / "data" / "harness_runs"
VERSIONS = ("0.4.1", "0.4.3", "0.4.8", "0.4.12")


def compared(one: Path, other: Path, **settings: object) -> Comparison:
    return compare(read_runs([one, other]), replace(ComparisonOptions(resamples=200), **settings))  # type: ignore[arg-type]  # any field of it


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_is_read_without_a_remark(version: str) -> None:
    (run,) = read_runs([RUNS / version / "strong"])
    assert list(run.tasks) and run.notes == ()
    math = run.tasks["mini_math"]
    assert {sample.filter for sample in math.samples} == {"strict-match", "flexible-extract"}
    assert len(math.samples) == 12 and math.info.version is not None
    assert run.tasks["mini_qa_fr"].language == "fr"


@pytest.mark.parametrize("version", VERSIONS)
def test_values_are_those_of_the_results_file(version: str) -> None:
    # given that any metric whose values do not come to the harness's own aggregate would be noted or left out
    comparison = compared(RUNS / version / "weak", RUNS / version / "strong")
    assert not [note for note in comparison.notes if "left out" in note or "otherwise" in note]
    assert {row.metric for row in comparison.rows} == {
        "exact_match",
        "acc",
        "acc_norm",
        "bleu",
        "chrf",
        "ter",
    }


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_every_release_gives_the_same_rows(version: str) -> None:
    newest = compared(RUNS / VERSIONS[-1] / "weak", RUNS / VERSIONS[-1] / "strong").rows
    older = compared(RUNS / version / "weak", RUNS / version / "strong").rows
    assert {key(row): row.delta for row in older} == {key(row): pytest.approx(row.delta) for row in newest}


@pytest.mark.parametrize(("one", "other"), [("0.4.1", "0.4.12"), ("0.4.12", "0.4.3"), ("0.4.8", "0.4.1")])
def test_runs_of_two_releases_pair_by_their_documents(one: str, other: str) -> None:
    rows = compared(RUNS / one / "strong", RUNS / other / "strong").rows
    assert rows and all(row.ties == row.n and row.p_value == 1.0 for row in rows)


def test_languages_that_share_their_questions_are_one_cluster() -> None:
    rows = compared(RUNS / "0.4.1" / "weak", RUNS / "0.4.12" / "strong").rows
    (overall,) = [row for row in rows if row.task == "mini_qa" and row.language == "all"]
    assert overall.clusters == overall.n / 2


def test_another_limit_is_named() -> None:
    with pytest.raises(ConfigError, match=r"mini_math: 4 items are in .*weak alone .*\(--limit none and 2\)"):
        compared_partly = [RUNS / "0.4.12" / "weak", RUNS / "0.4.12" / "limited"]
        compare(
            [replace(run, tasks={"mini_math": run.tasks["mini_math"]}) for run in read_runs(compared_partly)]
        )


def key(row: object) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in ("task", "language", "metric", "filter"))
