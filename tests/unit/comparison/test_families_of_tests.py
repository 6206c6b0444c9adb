"""Families of tests: which rows p-values are adjusted over, and what that does to errors and power."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from compared_runs import compared
from run_folders import write_run

from fusion_eval.comparison.correction import adjust_rows
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.stats.multiplicity import holm
from fusion_eval.stats.paired import paired_values
from fusion_eval.stats.permutation import permutation_test

LANGUAGES = ("de", "fr", "it")
ITEMS = 40


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return three runs of one task in three languages, and of another task, with two metrics each."""
    folder = tmp_path_factory.mktemp("families")
    random = np.random.default_rng(5)
    return [
        write_run(
            folder / name,
            {
                task: [
                    {"doc_id": item, "doc": {"id": item}, "target": "t", "filter": "none"}
                    | {metric: float(random.normal()) for metric in ("main", "further")}
                    for item in range(6)
                ]
                for task in (*(f"quiz_{language}" for language in LANGUAGES), "riddles")
            },
        )
        for name in ("a", "b", "c")
    ]


def by_family(comparison: Comparison) -> dict[str | None, list[Row]]:
    families: dict[str | None, list[Row]] = defaultdict(list)
    for row in comparison.rows:
        families[row.family].append(row)
    return families


def test_each_row_is_in_the_family_of_its_question(runs: list[Path]) -> None:
    # when
    families = by_family(compared(*runs))
    # then
    assert {name: {(row.task, row.metric) for row in rows} for name, rows in families.items()} == {
        "primary": {("quiz", "main"), ("riddles", "main"), ("all", "main")},
        "secondary": {("quiz", "further"), ("riddles", "further"), ("all", "further")},
        "languages of quiz by main": {(f"quiz_{language}", "main") for language in LANGUAGES},
        "languages of quiz by further": {(f"quiz_{language}", "further") for language in LANGUAGES},
    }


@pytest.mark.parametrize("family", ["auto", "one"])
def test_p_values_are_adjusted_within_each_family(runs: list[Path], family: str) -> None:
    # when
    comparison = compared(*runs, family=family)
    # then
    for rows in by_family(comparison).values():
        assert [row.p_adjusted for row in rows] == pytest.approx(list(holm([row.p_value for row in rows])))
    assert (len(by_family(comparison)) == 1) == (family == "one")


def test_the_metric_that_is_asked_for_is_primary(runs: list[Path]) -> None:
    rows = compared(*runs, metrics=("further",)).rows

    assert {row.family for row in rows if row.language == "all"} == {"primary"}


def test_ranks_do_not_contradict_rows(runs: list[Path]) -> None:
    # given
    comparison = compared(*runs, metrics=("main",))
    letters = {rank.run: set(rank.groups) for rank in comparison.ranks}
    # when
    rows = [row for row in comparison.rows if row.task == "all"]
    # then
    assert all(row.significant != bool(letters["a"] & letters[row.candidate]) for row in rows)


@pytest.mark.slow
def test_families_keep_their_level_and_the_primary_row_keeps_its_power(runs: list[Path]) -> None:
    """Simulate tables of three languages and two metrics that are nearly the same, without and with a true effect."""
    # given the rows of a table, and draws that both tables share
    template = [row for row in compared(*runs[:2]).rows if row.task.startswith("quiz")]
    random = np.random.default_rng(0)
    tables = 400
    draws = random.normal(size=(tables, len(LANGUAGES), ITEMS)) + random.normal(size=(tables, 1, ITEMS))
    copies = 0.95 * draws + 0.3 * random.normal(size=draws.shape)
    # when
    level, power = (
        [_simulated(template, {"main": main + effect, "further": further + effect})
         for main, further in zip(draws, copies, strict=True)]
        for effect in (0.0, 0.62)
    )  # fmt: skip
    # then no family has a false finding more often than the level allows (three standard errors above it)
    bound = 0.05 + 3 * np.sqrt(0.05 * 0.95 / tables)
    for family in level[0]:
        assert np.mean([table[family] for table in level]) < bound
    # and the question that was asked has the power of a test alone, far more than one of eight has
    alone, within, among_all = (
        np.mean([table[name] for table in power]) for name in ("alone", "primary", "one")
    )
    assert within == alone > 0.7
    assert among_all < within - 0.05


def _simulated(template: list[Row], metrics: dict[str, np.ndarray]) -> dict[str, bool]:
    """Say for each family of a table whether it has a finding; `alone` and `one` are about the primary row."""
    rows = []
    for row in template:
        language = row.language if row.language in LANGUAGES else None
        values = metrics[row.metric]
        own = values[LANGUAGES.index(language)] if language else values.mean(axis=0)
        p_value = permutation_test(paired_values(np.zeros(ITEMS), own), resamples=199).p_value
        rows.append(replace(row, p_value=p_value))
    found: dict[str, bool] = defaultdict(bool)
    for row in adjust_rows(rows, 0.05, "holm"):
        found[str(row.family)] |= row.significant
    one = adjust_rows([replace(row, family=None) for row in rows], 0.05, "holm")
    primary = next(place for place, row in enumerate(rows) if row.family == "primary")
    return {**found, "alone": rows[primary].p_value <= 0.05, "one": one[primary].significant}
