"""Charts of comparisons as Altair charts, for the page, for files and for notebooks."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.report.finding import improves, languages_of, main_rows
from fusion_eval.runs.comparison import Comparison, Row

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8A93A3",
)  # fmt: skip
"""Colours of Okabe and Ito, which people with colour blindness can tell apart."""
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY)
INSTALL = "Pictures need the extra `plots`: pip install 'fusion-eval[plots]'."
_WIDTH = 380
_ROW_HEIGHT = 22


def altair() -> Any:
    """Import Altair.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return importlib.import_module("altair")
    except ImportError as error:
        raise ConfigError(f"Charts need Altair. {INSTALL}") from error


@dataclass(frozen=True, slots=True)
class Chart:
    """An Altair chart with its name as a file, its title and what it shows."""

    name: str
    title: str
    caption: str
    chart: Any


def comparison_charts(comparison: Comparison) -> list[Chart]:
    """Return the forest plot, and wins, ties and losses, of each main metric. Needs Altair."""
    charts = []
    mains = main_rows(comparison)
    several = len({(row.task, row.metric) for row in mains}) > 1
    for task, metric in dict.fromkeys((row.task, row.metric) for row in mains):
        own = [row for row in mains if (row.task, row.metric) == (task, metric)]
        rows = [*own, *(part for row in own for part in languages_of(comparison, row))]
        suffix = f"-{task}-{metric}" if several else ""
        confidence = f"{100 * (1 - comparison.alpha):g}%"
        charts.append(
            Chart(
                f"forest{suffix}",
                f"Difference from {own[0].baseline}: {task}, {metric}",
                f"Points with {confidence} intervals; filled and coloured where p adj is at most {comparison.alpha:g}",
                forest_chart(rows),
            )
        )
        charts.append(
            Chart(
                f"wins{suffix}",
                f"Wins, ties and losses against {own[0].baseline}: {task}, {metric}",
                "Share of items on which the candidate is better, equal or worse",
                wins_chart(rows),
            )
        )
    return charts


def forest_chart(rows: Sequence[Row]) -> Any:
    """Return a forest plot: the difference of each row from the baseline, with its interval. Needs Altair."""
    alt = altair()

    values = [
        {
            "place": _place(row),
            "candidate": row.candidate,
            "delta": row.delta,
            "low": row.delta if row.ci_low is None else row.ci_low,
            "high": row.delta if row.ci_high is None else row.ci_high,
            "outcome": _outcome(row),
        }
        for row in rows
    ]
    scale = alt.Scale(domain=["better", "worse", "not significant"], range=[BLUE, VERMILLION, GREY])
    base = alt.Chart(width=_width(rows), height={"step": _ROW_HEIGHT}).encode(
        y=alt.Y("place:N", sort=_places(rows), title=None),
        color=alt.Color("outcome:N", scale=scale, title=None),
    )
    zero = alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.datum(0))
    whiskers = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=f"Δ {rows[0].metric}"), x2="high:Q"
    )
    points = base.mark_point(size=60, strokeWidth=1.5).encode(
        x="delta:Q",
        fill=alt.Fill(
            "outcome:N",
            scale=alt.Scale(domain=scale.domain, range=[BLUE, VERMILLION, "transparent"]),
            legend=None,
        ),
    )
    return _facets(alt, alt.layer(zero, whiskers, points, data=alt.Data(values=values)), rows)


def wins_chart(rows: Sequence[Row]) -> Any:
    """Return bars of wins, ties and losses of each row. Needs Altair."""
    alt = altair()

    values = [
        {"place": _place(row), "candidate": row.candidate, "outcome": name, "items": count, "order": order}
        for row in rows
        for order, (name, count) in enumerate((("win", row.wins), ("tie", row.ties), ("loss", row.losses)))
    ]
    scale = alt.Scale(domain=["win", "tie", "loss"], range=[BLUE, "#B8BFCA", ORANGE])
    chart = (
        alt.Chart(alt.Data(values=values), width=_width(rows), height={"step": _ROW_HEIGHT})
        .mark_bar(height={"band": 0.7})
        .encode(
            x=alt.X("items:Q", stack="normalize", title="share of items", axis=alt.Axis(format="%")),
            y=alt.Y("place:N", sort=_places(rows), title=None),
            color=alt.Color("outcome:N", scale=scale, title=None),
            order="order:Q",
        )
    )
    return _facets(alt, chart, rows)


def _facets(alt: Any, chart: Any, rows: Sequence[Row]) -> Any:
    """Return the chart once for each candidate, side by side; as it is for one candidate."""
    candidates = list(dict.fromkeys(row.candidate for row in rows))
    if len(candidates) < 2:
        return chart
    return chart.facet(column=alt.Column("candidate:N", sort=candidates, title=None), spacing=16)


def _width(rows: Sequence[Row]) -> int:
    return _WIDTH if len({row.candidate for row in rows}) < 2 else _WIDTH // 2


def _place(row: Row) -> str:
    """Return what the row is called on the axis: its language, or its task if it has none."""
    return row.language or row.task


def _places(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(map(_place, rows)))


def _outcome(row: Row) -> str:
    if not row.significant:
        return "not significant"
    return "better" if improves(row) else "worse"
