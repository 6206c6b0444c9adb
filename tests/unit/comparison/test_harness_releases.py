"""Runs that four releases of the harness wrote give the same answer, alone and compared with each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from compared_runs import compared

from fusion_eval.comparison.compare import compare
from fusion_eval.errors import ConfigError
from fusion_eval.runs.comparison import Row
from fusion_eval.runs.reading import read_runs

RUNS = Path(__file__).resolve().parents[2] / "data" / "harness_runs"
VERSIONS = ("0.4.1", "0.4.3", "0.4.8", "0.4.12")


def key(row: Row) -> tuple[str, str | None, str, str]:
    """Return what a row is about."""
    return row.task, row.language, row.metric, row.filter


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_is_read_without_a_note(version: str) -> None:
    # when
    (run,) = read_runs([RUNS / version / "strong"])
    # then
    assert list(run.tasks) and run.notes == ()
    math = run.tasks["mini_math"]
    assert {sample.filter for sample in math.samples} == {"strict-match", "flexible-extract"}
    assert len(math.samples) == 12 and math.info.version is not None
    assert run.tasks["mini_qa_fr"].language == "fr"


@pytest.mark.parametrize("version", VERSIONS)
def test_all_values_agree_with_the_results_file(version: str) -> None:
    # when
    comparison = compared(RUNS / version / "weak", RUNS / version / "strong")
    # then no metric is left out or noted, as one that disagrees would be
    assert not [note for note in comparison.notes if "left out" in note or "otherwise" in note]
    metrics = {row.metric for row in comparison.rows}
    assert metrics == {"exact_match", "acc", "acc_norm", "bleu", "chrf", "ter"}


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_every_release_gives_the_same_rows(version: str) -> None:
    # when
    newest = compared(RUNS / VERSIONS[-1] / "weak", RUNS / VERSIONS[-1] / "strong").rows
    older = compared(RUNS / version / "weak", RUNS / version / "strong").rows
    # then
    assert {key(row): row.delta for row in older} == {key(row): pytest.approx(row.delta) for row in newest}


@pytest.mark.parametrize(("one", "other"), [("0.4.1", "0.4.12"), ("0.4.12", "0.4.3"), ("0.4.8", "0.4.1")])
def test_runs_of_two_releases_match_by_their_documents(one: str, other: str) -> None:
    # when
    rows = compared(RUNS / one / "strong", RUNS / other / "strong").rows
    # then
    assert rows and all(row.ties == row.n and row.p_value == 1.0 for row in rows)


def test_languages_that_share_their_questions_share_clusters() -> None:
    # when
    rows = compared(RUNS / "0.4.1" / "weak", RUNS / "0.4.12" / "strong").rows
    # then
    (overall,) = [row for row in rows if row.task == "mini_qa" and row.language == "all"]
    assert overall.clusters == overall.n / 2


def test_a_run_with_another_limit_is_refused() -> None:
    # given one task of a complete run and of a limited run
    runs = read_runs([RUNS / "0.4.12" / "weak", RUNS / "0.4.12" / "limited"])
    runs = [replace(run, tasks={"mini_math": run.tasks["mini_math"]}) for run in runs]
    # when, then
    with pytest.raises(ConfigError, match=r"mini_math: 4 items are in .*weak alone .*\(--limit none and 2\)"):
        compare(runs)
