"""How far judges agree: with each other on the same pairs, and with themselves over the two orders."""

from __future__ import annotations

import json

import pytest

from fusion_eval.report.html.agreement_chart import agreement_charts, judge_pairs
from fusion_eval.runs.verdicts import HUMAN_SCORES, Judgement, Verdict, VerdictLabel


def judged(judge: str, number: int, *orders: VerdictLabel) -> Verdict:
    """Return a verdict on pair `number`, from the verdict of each order."""
    scores = [HUMAN_SCORES.get(order) for order in orders]
    known = [score for score in scores if score is not None]
    mean = sum(known) / len(known) if len(known) == 2 else None
    label: VerdictLabel = (
        "invalid" if mean is None else "win" if mean > 0.5 else "loss" if mean < 0.5 else "tie"
    )
    judgements = tuple(
        Judgement(first, order, "", score)
        for first, order, score in zip(("baseline", "candidate"), orders, scores, strict=False)
    )
    return Verdict("t", "en", number, str(number), "single", "fusion", judge, label, mean, judgements)


def test_a_judge_agrees_with_itself_where_both_orders_name_the_same_winner() -> None:
    # given two of three pairs with equal orders, and one that cannot be read
    verdicts = [
        judged("j", 0, "win", "win"),
        judged("j", 1, "loss", "loss"),
        judged("j", 2, "win", "loss"),
        judged("j", 3, "win", "invalid"),
    ]
    # when
    [row] = judge_pairs(verdicts)
    # then
    assert (row.first, row.second, row.pairs) == ("j", "j", 3)
    assert row.share == pytest.approx(2 / 3) and 0 < row.low < row.share < row.high < 1


def test_two_judges_agree_where_their_verdicts_on_the_same_pair_are_equal() -> None:
    # given
    verdicts = [judged("a", number, "win", "win") for number in range(4)]
    verdicts += [
        judged("b", 0, "win", "win"),
        judged("b", 1, "loss", "loss"),
        judged("b", 9, "win", "win"),
    ]
    # when
    rows = {(row.first, row.second): row for row in judge_pairs(verdicts)}
    # then the pair that only b has does not count, and the matrix is symmetric
    assert (rows["a", "b"].share, rows["a", "b"].pairs) == (0.5, 2)
    assert rows["b", "a"].share == 0.5


def test_a_panel_is_no_judge() -> None:
    assert not judge_pairs([Verdict("t", "en", 0, "0", "single", "fusion", "a|b", "win", 1.0)])


def test_the_chart_has_a_cell_for_every_two_judges() -> None:
    # given
    pytest.importorskip("altair", reason="charts need the extra 'plots'")
    verdicts = [judged(judge, number, "win", "win") for judge in "ab" for number in range(3)]
    # when
    [chart] = agreement_charts(verdicts, alpha=0.1)
    # then
    assert "90% intervals" in chart.caption and "two judges" in chart.caption
    assert json.dumps(chart.chart.to_dict()).count('"100%"') == 4
    assert agreement_charts([]) == []
