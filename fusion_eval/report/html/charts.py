"""Charts of comparisons as Altair charts, for the page, for files and for notebooks."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.report.finding import improves, languages_of, main_rows
from fusion_eval.report.text_table import metric_name
from fusion_eval.runs.comparison import Comparison, Row

BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8A93A3",
)  # fmt: skip
"""Colours of Okabe and Ito, which people with colour blindness can tell apart."""
PALETTE = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY)
INSTALL = "Pictures need the extra `plots`: pip install 'fusion-eval[plots]'."
Value = Mapping[str, Any]
_WIDTH = 380
_ROW_HEIGHT = 22
_MOST_SIDE_BY_SIDE = 4
"""Parts of a chart that stand in one line. Further ones stand below."""


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
    """Return for each main metric the differences from the baseline, and wins, ties and losses. Needs Altair.

    Where a judge compared the answers of two systems, its win rates stand in the place of the differences.
    """
    charts = []
    groups = _groups(comparison)
    confidence = f"{100 * (1 - comparison.alpha):g}%"
    for (task, metric, filtered, baseline), rows in groups.items():
        name = metric_name(metric, filtered)
        suffix = f"-{task}-{name}-{baseline}" if len(groups) > 1 else ""
        points = f"{confidence} intervals; filled and coloured where p adj is at most {comparison.alpha:g}"
        if rows[0].invalid is None or (comparison.judging and comparison.judging.against):
            title, caption = f"Difference from {baseline}", f"Points with {points}"
            charts.append(Chart(f"forest{suffix}", f"{title}: {task}, {name}", caption, forest_chart(rows)))
        else:
            title, caption = f"Win rate against {baseline}", f"Wins and half the ties, with {points}"
            charts.append(
                Chart(f"win-rates{suffix}", f"{title}: {task}, {name}", caption, win_rate_chart(rows))
            )
        title = f"Wins, ties and losses against {baseline}"
        caption = "Share of items on which the candidate is better, equal or worse"
        charts.append(Chart(f"wins{suffix}", f"{title}: {task}, {name}", caption, wins_chart(rows)))
    return charts


def _groups(comparison: Comparison) -> dict[tuple[str, str, str, str], list[Row]]:
    """Return the main rows, and their languages, by task, metric, filter and baseline. A judge's rows come last."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    mains = main_rows(comparison)
    if all(row.invalid is None for row in mains):
        mains = [*mains, *main_rows(comparison, judged=True)]
    for row in mains:
        groups.setdefault((row.task, row.metric, row.filter, row.baseline), []).append(row)
    return {
        key: [*rows, *(part for row in rows for part in languages_of(comparison, row))]
        for key, rows in groups.items()
    }


def forest_chart(rows: Sequence[Row]) -> Any:
    """Return a forest plot: the difference of each row from the baseline, with its interval. Needs Altair."""
    values = [
        {
            "place": _place(row),
            "candidate": row.candidate,
            "value": row.delta,
            "low": row.delta if row.ci_low is None else row.ci_low,
            "high": row.delta if row.ci_high is None else row.ci_high,
            "outcome": _outcome(row),
        }
        for row in rows
    ]
    return interval_chart(values, f"Δ {rows[0].metric}")


def win_rate_chart(rows: Sequence[Row]) -> Any:
    """Return the win rate of each row with its interval, beside a line at one half. Needs Altair."""
    return interval_chart([win_rate_value(row) for row in rows], "win rate", middle=0.5, form="%")


def win_rate_value(row: Row) -> Value:
    """Return the win rate of a row as a point of `interval_chart`."""
    return {
        "place": _place(row),
        "candidate": row.candidate,
        "value": row.win_rate,
        "low": row.win_rate_low,
        "high": row.win_rate_high,
        "outcome": _outcome(row),
    }


def interval_chart(values: Sequence[Value], title: str, middle: float = 0.0, form: str | None = None) -> Any:
    """Return points with intervals around a line. Needs Altair.

    Args:
        values: Of each point `place` and `candidate`, `value`, `low` and `high`, and the `outcome`, which colours it. All
            points have one colour if the first has no `outcome`.
        title: What the axis of values is called.
        middle: Where the line stands.
        form: How the axis writes its values, as d3-format has it.
    """
    alt = altair()
    names = ["better", "worse", "not significant"]
    colour, fill = alt.value(BLUE), alt.value(BLUE)
    if "outcome" in values[0]:
        scale = alt.Scale(domain=names, range=[BLUE, VERMILLION, GREY])
        inside = alt.Scale(domain=names, range=[BLUE, VERMILLION, "transparent"])
        colour = alt.Color("outcome:N", scale=scale, title=None)
        fill = alt.Fill("outcome:N", scale=inside, legend=None)
    base = alt.Chart(width=_width(values), height={"step": _ROW_HEIGHT}).encode(
        y=_rows_axis(alt, values), color=colour
    )
    line = alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.datum(middle))
    labels = alt.Axis(format=form or alt.Undefined, labelFlush=False)
    axis = alt.X("low:Q", title=title, axis=labels, scale=alt.Scale(zero=False))
    whiskers = base.mark_rule(strokeWidth=2).encode(x=axis, x2="high:Q")
    points = base.mark_point(size=60, strokeWidth=1.5, opacity=1).encode(x="value:Q", fill=fill)
    return _in_parts(alt, alt.layer(line, whiskers, points, data=alt.Data(values=values)), values)


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
        alt.Chart(alt.Data(values=values), width=_width(values), height={"step": _ROW_HEIGHT})
        .mark_bar(height={"band": 0.7})
        .encode(
            x=alt.X("items:Q", stack="normalize", title="share of items", axis=_halves(alt)),
            y=_rows_axis(alt, values),
            color=alt.Color("outcome:N", scale=scale, title=None),
            order="order:Q",
        )
    )
    return _in_parts(alt, chart, values)


def _halves(alt: Any) -> Any:
    return alt.Axis(format="%", values=[0, 0.5, 1])


def _row_and_part(values: Sequence[Value]) -> tuple[str, str]:
    """Return which of `place` and `candidate` has a row for each, and which a part for each: the one with fewer."""
    places, candidates = (len({value[name] for value in values}) for name in ("place", "candidate"))
    return ("place", "candidate") if candidates <= places else ("candidate", "place")


def _rows_axis(alt: Any, values: Sequence[Value]) -> Any:
    rows, _ = _row_and_part(values)
    return alt.Y(f"{rows}:N", sort=_names(values, rows), title=None)


def _in_parts(alt: Any, chart: Any, values: Sequence[Value]) -> Any:
    """Return the chart in parts side by side; as it is, if it has but one."""
    _, part = _row_and_part(values)
    names = _names(values, part)
    if len(names) < 2:
        return chart
    header = alt.Facet(f"{part}:N", sort=names, title=None)
    return chart.facet(facet=header, columns=min(len(names), _MOST_SIDE_BY_SIDE), spacing=16)


def _names(values: Sequence[Value], field: str) -> list[str]:
    return list(dict.fromkeys(value[field] for value in values))


def _width(values: Sequence[Value]) -> int:
    parts = len({value[_row_and_part(values)[1]] for value in values})
    return _WIDTH if parts < 2 else _WIDTH // 2


def _place(row: Row) -> str:
    """Return what a row is called on the axis: its language, or its task if it has none."""
    return row.language or row.task


def _outcome(row: Row) -> str:
    """Return what a row found, as the legend of charts calls it."""
    if not row.significant:
        return "not significant"
    return "better" if improves(row) else "worse"
