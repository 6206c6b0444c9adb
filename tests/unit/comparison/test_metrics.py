"""Metrics are compared only if they are a mean of their values or a known corpus metric."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compared_runs import compared, write_quiz
from run_folders import samples, write_run

from fusion_eval.comparison.metrics import corpus_name
from fusion_eval.errors import ConfigError


def test_a_metric_that_is_not_a_mean_of_its_values_is_refused(tmp_path: Path) -> None:
    # given a perplexity, which the harness aggregates by exp(-mean)
    options: dict[str, Any] = {"metric": "perplexity", "reported": {"quiz": {"perplexity,none": 7.4}}}
    first = write_quiz(tmp_path / "a", [-2.0, -2.0], **options)
    second = write_quiz(tmp_path / "b", [-1.0, -2.0], **options)
    # when, then
    with pytest.raises(ConfigError, match=r"perplexity.* is not a mean of these values"):
        compared(first, second)


def test_a_metric_without_a_better_direction_is_left_out(tmp_path: Path) -> None:
    # given a length, of which neither more nor less is better
    options: dict[str, Any] = {"directions": {"quiz": {"length": None, "acc": True}}}
    folders = []
    for name, values in (("a", [1.0, 2.0]), ("b", [3.0, 4.0])):
        records = [record | {"metrics": ["acc", "length"], "length": 9} for record in samples(values)]
        folders.append(write_run(tmp_path / name, {"quiz": records}, **options))
    # when
    comparison = compared(*folders)
    # then
    assert [row.metric for row in comparison.rows] == ["acc"]
    assert any("length,none is left out: the task says that neither" in note for note in comparison.notes)


def test_an_unknown_metric_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    # given
    folder = write_quiz(tmp_path / "a", [1.0])
    # when, then
    with pytest.raises(ConfigError, match=r"metrics=ac: .* Did you mean 'acc'"):
        compared(folder, folder, metrics=("ac",))


@pytest.mark.parametrize(
    ("name", "corpus"),
    [
        ("chrf", "chrf"),
        ("chrF++", "chrf++"),
        ("chrf_plusplus", "chrf++"),
        ("sacrebleu", "bleu"),
        ("ter", "ter"),
        ("character_error", None),
        ("acc", None),
    ],
)
def test_corpus_metrics_are_recognized_by_name(name: str, corpus: str | None) -> None:
    assert corpus_name(name) == corpus
