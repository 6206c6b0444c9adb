"""The names of the scores that the traces of runs hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from fusion_eval.harness.stored_scores import stored_scores
from fusion_eval.strategies.bias import scorer_bias

UNKNOWN = np.full((2, 2), np.nan)


def names(
    *runs: tuple[str, str, tuple[str, ...], list[tuple[float, ...]]],
) -> tuple[list[str], list[str | None]]:
    """Return the names of the scores of runs, each with its name, scorer, models and scores."""
    made = [SimpleNamespace(name=name, signature=f"bon|n:2|scorer:{scorer}") for name, scorer, _, _ in runs]
    records = [
        [SimpleNamespace(scores=row, scorer_models=models) for row in rows] for *_, models, rows in runs
    ]
    scores, scorers = stored_scores(cast(Any, made), UNKNOWN, cast(Any, records))
    return list(scores), scorers


SOME, OTHERS = [(1.0, 2.0), (3.0, 4.0)], [(2.0, 1.0), (3.0, 4.0)]


def test_runs_with_the_same_scores_share_them() -> None:
    runs = [("bon", "chrf", (), SOME), ("rank_fusion", "chrf", (), [SOME[0], ()])]
    assert names(*runs) == (["chrf"], ["chrf", "chrf"])


def test_judges_by_several_models_have_names_of_their_own() -> None:
    runs = [("bon", "judge", ("a",), SOME), ("bon (2)", "judge", ("b",), OTHERS)]
    assert names(*runs)[1] == ["judge by a", "judge by b"]


def test_different_scores_of_one_scorer_are_told_apart_by_the_run() -> None:
    runs = [("bon", "judge", ("a",), SOME), ("bon (2)", "judge", ("a",), OTHERS)]
    assert names(*runs)[1] == ["judge", "judge (bon (2))"]


@pytest.mark.parametrize(
    ("scorer", "metric", "biased"),
    [
        ("chrf", "chrf", True),
        ("mbr", "chrf", True),
        ("mbr(utility=bleu)", "bleu", True),
        ("comet:Unbabel/wmt22", "xcomet", True),
        ("logprob", "chrf", False),
        ("judge by a", "exact_match", False),
        ("bleu", "bleurt", False),
    ],
)
def test_a_scorer_that_is_the_metric_is_noted(scorer: str, metric: str, biased: bool) -> None:
    note = scorer_bias(scorer, metric)
    assert (note is not None) == biased
    assert note is None or f"best_of({scorer}) selects by {metric}" in note
