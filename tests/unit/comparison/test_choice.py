"""`--metrics` chooses metrics by name, and filters by the name after that of their metric."""

from __future__ import annotations

from pathlib import Path

import pytest
from compared_runs import compared
from run_folders import samples, write_run

from fusion_eval.comparison.choice import choose_metrics
from fusion_eval.errors import ConfigError

STRICT, FLEXIBLE = ("exact_match", "strict-match"), ("exact_match", "flexible-extract")
ACC = ("acc", "none")


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ((), {STRICT, FLEXIBLE, ACC}),
        (("exact_match",), {STRICT, FLEXIBLE}),
        (("exact_match", "strict-match"), {STRICT}),
        (("exact_match,strict-match",), {STRICT}),
        (("exact_match, flexible-extract , acc",), {FLEXIBLE, ACC}),
        (("exact_match", "strict-match", "flexible-extract"), {STRICT, FLEXIBLE}),
        (("acc", "exact_match,strict-match"), {ACC, STRICT}),
    ],
)
def test_a_filter_narrows_the_metric_before_it(names: tuple[str, ...], chosen: set[tuple[str, str]]) -> None:
    assert choose_metrics(names, [STRICT, FLEXIBLE, ACC]) == chosen


def test_a_filter_without_a_metric_before_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="strict-match: the runs have no such metric"):
        choose_metrics(("strict-match",), [STRICT, FLEXIBLE])


def test_a_misspelled_filter_is_refused_with_the_filters_of_its_metric() -> None:
    with pytest.raises(ConfigError, match="filters of exact_match are flexible-extract, strict-match"):
        choose_metrics(("exact_match,strict",), [STRICT, FLEXIBLE, ACC])


def test_a_filter_alone_is_refused_with_the_way_to_choose_it() -> None:
    with pytest.raises(
        ConfigError, match=r"is a filter; name it after its metric: exact_match,strict-match\. They"
    ):
        choose_metrics(("strict-match",), [STRICT, FLEXIBLE, ACC])


def test_a_misspelled_filter_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'strict-match'"):
        choose_metrics(("exact_match,strict-mach",), [STRICT, FLEXIBLE, ACC])


def test_only_the_rows_of_the_chosen_filter_are_compared(tmp_path: Path) -> None:
    # given two runs whose answers are read by two filters
    folders = [
        write_run(
            tmp_path / name,
            {
                "quiz": [
                    *samples(strict, "exact_match", filtered="strict-match"),
                    *samples([1.0, 1.0, 0.0], "exact_match", filtered="flexible-extract"),
                ]
            },
        )
        for name, strict in (("a", [0.0, 1.0, 0.0]), ("b", [1.0, 1.0, 0.0]))
    ]
    # when
    rows = compared(*folders, metrics=("exact_match", "strict-match")).rows
    # then
    assert [(row.metric, row.filter, row.wins) for row in rows] == [("exact_match", "strict-match", 1)]
