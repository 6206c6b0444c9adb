"""Charts of an analysis of pools: curves over N, cost against quality, rescue and harm, and contributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fusion_eval.report.finding import ALL
from fusion_eval.report.html.charts import BLUE, ORANGE, PALETTE, VERMILLION, Chart, altair
from fusion_eval.runs.analysis import Analysis

Row = Mapping[str, Any]
_SIZE = {"width": 380, "height": 220}


def analysis_charts(analysis: Analysis) -> list[Chart]:
    """Return the charts of those tables that an analysis has, for its first task and metric. Needs Altair."""
    confidence = f"{100 * (1 - analysis.alpha):g}%"
    tables = {
        name: _main_rows(
            [row if isinstance(row, Mapping) else asdict(row) for row in getattr(analysis, name)]
        )
        for name in ("curves", "budget", "rescue", "outcomes", "contribution")
    }
    budget = [row for row in tables["budget"] if row.get("against") is None]
    shares = [row for row in tables["contribution"] if row.get("measure") == "share"]
    shares = [row for row in shares if row.get("by") == shares[0].get("by")]
    wanted = (
        ("curves", "Curves over N", f"Expected value of k candidates, with {confidence} bands", curve_chart, tables["curves"]),
        ("pareto", "Cost and quality", "Mean cost of an item, beside each point its candidates; joined systems have no better one at their cost", pareto_chart, budget),
        ("rescue", "Rescue by right candidates", "Share of items that are right, by the number of right candidates", rescue_chart, tables["rescue"]),
        ("outcomes", "Rescue and harm", "Items better than every candidate, and worse than all or most", outcome_chart, tables["outcomes"]),
        ("contribution", "Contribution of candidates", "Share of the fused words; ticks: without a preference", contribution_chart, shares),
    )  # fmt: skip
    return [
        Chart(name, f"{title}: {rows[0]['task']}", caption, draw(rows))
        for name, title, caption, draw, rows in wanted
        if rows
    ]


def curve_chart(rows: Sequence[Row]) -> Any:
    """Return the curve of each estimator over the number of candidates, with its band. Needs Altair."""
    alt = altair()
    values = [{**row, "system": _system(row)} for row in rows]
    base = alt.Chart(alt.Data(values=values), **_SIZE).encode(
        x=alt.X("k:Q", title="candidates", axis=alt.Axis(tickMinStep=1)), color=_colour(alt, values)
    )
    band = base.mark_area(opacity=0.15).encode(y=alt.Y("ci_low:Q"), y2="ci_high:Q")
    line = base.mark_line(point=True).encode(
        y=alt.Y("value:Q", title=str(rows[0]["metric"]), scale=alt.Scale(zero=False)),
        strokeDash=alt.StrokeDash("system:N", legend=None),
    )
    return alt.layer(band, line)


def pareto_chart(rows: Sequence[Row]) -> Any:
    """Return value against cost of each system; those on the front are joined. Needs Altair."""
    alt = altair()
    values = [{**row, "system": row.get("strategy") or _system(row)} for row in rows]
    base = alt.Chart(alt.Data(values=values), **_SIZE).encode(
        x=alt.X("cost:Q", title=f"{rows[0].get('unit', 'cost')} an item", scale=_with_room(alt)),
        y=alt.Y("value:Q", title=str(rows[0]["metric"]), scale=_with_room(alt)),
    )
    front = (
        base.transform_filter("datum.on_front")
        .mark_line(interpolate="step-after", opacity=0.5)
        .encode(order="cost:Q")
    )
    shape = alt.Shape(
        "system:N", scale=alt.Scale(domain=_systems(values)), title=None, legend=_legend_in_columns(alt)
    )
    points = base.mark_point(size=60, filled=True, opacity=1).encode(color=_colour(alt, values), shape=shape)
    numbers = base.mark_text(align="left", dx=7, dy=7, fontSize=12).encode(text="k:Q")
    return alt.layer(front, points, numbers)


def rescue_chart(rows: Sequence[Row]) -> Any:
    """Return a matrix: for each strategy and number of right candidates, the share of right answers. Needs Altair."""
    alt = altair()
    values = [{**row, "share": row["right"] / row["items"]} for row in rows if row["items"]]
    base = alt.Chart(alt.Data(values=values), width=_SIZE["width"], height={"step": 26}).encode(
        x=alt.X("right_candidates:O", title="right candidates", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("strategy:N", title=None),
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(scheme="blues", domain=[0, 1]),
            title="right",
            legend=alt.Legend(format="%"),
        )
    )
    texts = base.mark_text(fontSize=12).encode(
        text=alt.Text("share:Q", format=".0%"),
        color=alt.condition("datum.share > 0.6", alt.value("white"), alt.value("#1a2230")),
    )
    return alt.layer(cells, texts)


def outcome_chart(rows: Sequence[Row]) -> Any:
    """Return bars of how many items each strategy rescued and harmed. Needs Altair."""
    alt = altair()
    values = [
        {"strategy": row["strategy"], "outcome": name, "items": row[name]}
        for row in rows
        for name in ("rescued", "harmed")
    ]
    scale = alt.Scale(domain=["rescued", "harmed"], range=[BLUE, VERMILLION])
    base = alt.Chart(alt.Data(values=values), width=_SIZE["width"], height={"step": 14}).encode(
        x=alt.X("items:Q", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("strategy:N", title=None),
        yOffset=alt.YOffset("outcome:N", sort=["rescued", "harmed"]),
    )
    bars = base.mark_bar().encode(color=alt.Color("outcome:N", scale=scale, title=None))
    numbers = base.mark_text(align="left", dx=4, fontSize=12).encode(text="items:Q")
    return alt.layer(bars, numbers)


def contribution_chart(rows: Sequence[Row]) -> Any:
    """Return the share of fused texts that each level supports, beside what no preference would give. Needs Altair."""
    alt = altair()
    base = alt.Chart(
        alt.Data(values=[dict(row) for row in rows]), width=_SIZE["width"], height={"step": 22}
    ).encode(y=alt.Y("level:N", title=str(rows[0].get("by"))))
    bars = base.mark_bar(color=BLUE, height={"band": 0.7}).encode(
        x=alt.X("value:Q", title="share of words", axis=alt.Axis(format="%"))
    )
    ticks = base.mark_tick(color=ORANGE, thickness=3).encode(x="expected:Q")
    return alt.layer(bars, ticks)


def _main_rows(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of one unit: the first over all languages, else the first."""
    overall = [row for row in rows if row.get("language") == ALL] or list(rows)
    names = ("task", "language", "metric", "filter")
    return [row for row in overall if all(row.get(name) == overall[0].get(name) for name in names)]


def _system(row: Row) -> str:
    scorer = row.get("scorer")
    return f"{row['estimator']} ({scorer})" if scorer else str(row["estimator"])


def _systems(values: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["system"] for row in values))


def _with_room(alt: Any) -> Any:
    """Return a scale that need not begin at 0, and whose ends leave room for points."""
    return alt.Scale(zero=False, padding=12)


def _colour(alt: Any, values: Sequence[Row]) -> Any:
    names = _systems(values)
    colours = [PALETTE[place % len(PALETTE)] for place in range(len(names))]
    return alt.Color(
        "system:N",
        scale=alt.Scale(domain=names, range=colours),
        title=None,
        legend=_legend_in_columns(alt),
    )


def _legend_in_columns(alt: Any) -> Any:
    return alt.Legend(columns=3, symbolOpacity=1)
