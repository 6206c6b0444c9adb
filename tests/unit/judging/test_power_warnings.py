"""Warnings that a judging had little power to find a difference."""

from __future__ import annotations

import dataclasses
import math

import pytest

from fusion_eval.judging.power_warnings import (
    agreement_needed,
    extreme_opponent_warnings,
    self_agreement_warnings,
)
from fusion_eval.runs.comparison import Row
from fusion_eval.runs.judging_summary import AgainstOpponent, JudgeReport


def row(delta: float, detectable: float | None, *, significant: bool = False, language: str = "all") -> Row:
    """Return a judge's row with this difference and this smallest detectable difference."""
    known = {
        "task": "arena",
        "language": language,
        "baseline": "single",
        "candidate": "fusion",
        "n": 100,
        "delta": delta,
        "minimal_detectable_effect": detectable,
        "significant": significant,
        "higher_is_better": True,
    }
    values = {field.name: known.get(field.name, 0) for field in dataclasses.fields(Row)}
    return Row(**values)


def judge(retest: float | None, position: float | None = None) -> JudgeReport:
    """Return a judge with this agreement with itself."""
    return JudgeReport("j", 100, 0.0, position, 0.5, retest, None)


@pytest.mark.parametrize(
    ("rate", "words"), [(0.97, "loses 97%"), (0.02, "wins 98%"), (0.5, None), (0.89, None)]
)
def test_an_opponent_that_wins_or_loses_nearly_always_is_named(rate: float, words: str | None) -> None:
    # when
    warnings = extreme_opponent_warnings([AgainstOpponent("fusion", 50, rate, 0.0, 1.0)], "gpt")

    # then
    assert bool(warnings) is (words is not None)
    assert all(words and words in warning and "gpt" in warning for warning in warnings)


def test_a_judge_that_is_too_noisy_for_the_difference_is_named() -> None:
    # given: with this judge 0.1 is found from 0.15 on
    noisy = judge(retest=0.6)

    # when
    warnings = self_agreement_warnings([row(0.1, 0.15)], [noisy])

    # then: an agreement of (1 + 1.5² × 0.2) / 2 = 0.725 would do
    assert len(warnings) == 1
    assert "60%" in warnings[0]
    assert "would need 72%" in warnings[0]


@pytest.mark.parametrize(
    ("one", "own"),
    [
        (row(0.1, 0.15, significant=True), judge(0.6)),
        (row(0.1, 0.05), judge(0.6)),
        (row(0.01, 0.5), judge(0.6)),  # no judge finds it with so few items
        (row(0.1, None), judge(0.6)),
        (row(0.0, 0.2), judge(0.6)),
        (row(0.1, 0.15), judge(None, None)),
    ],
)
def test_nothing_is_said_where_a_better_judge_would_not_help(one: Row, own: JudgeReport) -> None:
    assert self_agreement_warnings([one], [own]) == []


def test_both_orders_count_where_there_are_no_repeats() -> None:
    assert "50%" in self_agreement_warnings([row(0.1, 0.15)], [judge(None, position=0.5)])[0]


def test_rows_of_single_languages_say_nothing_beside_the_row_of_all() -> None:
    rows = [row(0.1, 0.15), row(0.1, 0.15, language="fr")]
    assert len(self_agreement_warnings(rows, [judge(0.6)])) == 1


def test_the_needed_agreement_makes_the_difference_detectable() -> None:
    # given: a true difference that the judge shrinks by √(2a - 1)
    agreement, detectable, observed = 0.7, 0.2, 0.15
    true = observed / math.sqrt(2 * agreement - 1)

    # when
    needed = agreement_needed(row(observed, detectable), agreement)

    # then
    assert needed is not None
    assert true * math.sqrt(2 * needed - 1) == pytest.approx(detectable)
