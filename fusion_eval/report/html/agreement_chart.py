"""The chart of how far judges agree: with each other on the same pairs, and with themselves over the two orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from fusion_eval.report.html.charts import Chart, altair
from fusion_eval.runs.verdicts import HUMAN_SCORES, Judgement, Verdict
from fusion_eval.stats.prediction_powered import judge_agreement

_STEP = 96
"""Pixels of a cell, which holds three short lines."""


@dataclass(frozen=True, slots=True)
class JudgePair:
    """How often two judges agree about win, tie or loss. A judge with itself: over the two orders of a pair."""

    first: str
    second: str
    share: float
    low: float
    high: float
    pairs: int


def agreement_charts(verdicts: Sequence[Verdict], alpha: float = 0.05) -> list[Chart]:
    """Return the chart of the judges' agreement; none if no pair has two verdicts. Needs Altair."""
    rows = judge_pairs(verdicts, alpha)
    if not rows:
        return []
    several = len({row.first for row in rows}) > 1
    who = (
        "Equal verdicts of two judges; on the diagonal, of one judge"
        if several
        else "Equal verdicts of the judge"
    )
    caption = f"{who} in both orders of a pair, with {100 * (1 - alpha):g}% intervals over items"
    return [Chart("judges", "Agreement of judges", caption, agreement_chart(rows))]  # fmt: skip


def judge_pairs(verdicts: Iterable[Verdict], alpha: float = 0.05) -> list[JudgePair]:
    """Return the agreement of every two judges, and of each judge with itself, with intervals.

    Pairs on the same item are one cluster. Verdicts that could not be read, and those of a panel, do not count.
    """
    by_judge: dict[str, dict[tuple[str, ...], Verdict]] = defaultdict(dict)
    for verdict in verdicts:
        if verdict.orders:
            key = (verdict.task, verdict.item, verdict.baseline, verdict.candidate)
            by_judge[verdict.judge][key] = verdict
    rows = [_with_itself(judge, list(own.values()), alpha) for judge, own in by_judge.items()]
    for (first, of_first), (second, of_second) in combinations(by_judge.items(), 2):
        both = [(of_first[key], of_second[key]) for key in of_first if key in of_second]
        scores = [(one.score, other.score, one.item) for one, other in both]
        row = _agreement(first, second, scores, alpha)
        rows += [row, row and JudgePair(second, first, row.share, row.low, row.high, row.pairs)]
    return [row for row in rows if row is not None]


def _with_itself(judge: str, verdicts: Sequence[Verdict], alpha: float) -> JudgePair | None:
    scores = [(*order, verdict.item) for verdict in verdicts for order in _both_orders(verdict.orders)]
    return _agreement(judge, judge, scores, alpha)


def _both_orders(judgements: Sequence[Judgement]) -> list[tuple[float | None, float | None]]:
    """Return the candidate's scores in the two orders of each repeat that has both."""
    repeats: dict[int, list[float | None]] = defaultdict(list)
    for judgement in judgements:
        repeats[judgement.repeat].append(HUMAN_SCORES.get(judgement.verdict))
    return [(orders[0], orders[1]) for orders in repeats.values() if len(orders) == 2]


def _agreement(
    first: str, second: str, scores: Sequence[tuple[float | None, float | None, str]], alpha: float
) -> JudgePair | None:
    known = [(one, other, item) for one, other, item in scores if one is not None and other is not None]
    if not known:
        return None
    ones, others, items = zip(*known, strict=True)
    rate = judge_agreement(ones, others, items, 1 - alpha)
    return JudgePair(first, second, rate.rate, rate.low, rate.high, len(known))


def agreement_chart(rows: Sequence[JudgePair]) -> Any:
    """Return a matrix of judges by judges with the share of equal verdicts, its interval and the pairs. Needs Altair."""
    alt = altair()
    values = [
        {
            "first": row.first,
            "second": row.second,
            "share": row.share,
            "label": [
                f"{row.share:.0%}",
                f"[{100 * row.low:.0f}, {100 * row.high:.0f}]",
                f"{row.pairs:,} pairs",
            ],
        }
        for row in rows
    ]
    names = list(dict.fromkeys(row.first for row in rows))
    base = alt.Chart(alt.Data(values=values), width={"step": _STEP}, height={"step": _STEP // 2}).encode(
        x=alt.X(
            "second:N", title=None, sort=names, axis=alt.Axis(orient="top", labelAngle=0, labelLimit=_STEP)
        ),
        y=alt.Y("first:N", title=None, sort=names),
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(scheme="blues", domain=[0, 1]),
            title="equal",
            legend=alt.Legend(format="%"),
        )
    )
    texts = base.mark_text(fontSize=10, lineHeight=13, dy=-13).encode(
        text="label:N",
        color=alt.condition("datum.share > 0.6", alt.value("white"), alt.value("#1a2230")),
    )
    return alt.layer(cells, texts)
