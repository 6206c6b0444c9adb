"""The charts of a report, in the order in which its page shows them."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.report.finding import main_rows
from fusion_eval.report.html.agreement_chart import agreement_charts
from fusion_eval.report.html.analysis_charts import analysis_charts
from fusion_eval.report.html.charts import Chart, comparison_charts, interval_chart, win_rate_value
from fusion_eval.runs.analysis import Analysis
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.verdicts import Verdict


def report_charts(
    comparison: Comparison | None, verdicts: Sequence[Verdict] = (), analysis: Analysis | None = None
) -> list[Chart]:
    """Return the charts of a comparison, of its judges and of an analysis, as far as there are any. Needs Altair."""
    return [
        *(comparison_charts(comparison) if comparison else []),
        *(_opponent_chart(comparison) if comparison else []),
        *(_judges_chart(comparison) if comparison else []),
        *agreement_charts(verdicts, comparison.alpha if comparison else 0.05),
        *(analysis_charts(analysis) if analysis else []),
    ]


def _opponent_chart(comparison: Comparison) -> list[Chart]:
    """Return the chart of each run's win rate against a fixed opponent; none without an opponent."""
    judging = comparison.judging
    if judging is None or not judging.against:
        return []
    values = [
        {"place": run.name, "candidate": "", "value": run.win_rate, "low": run.low, "high": run.high}
        for run in judging.against
    ]
    title = f"Win rate against {judging.opponent}"
    caption = f"Wins and half the ties of each run, with {_confidence(comparison)} intervals"
    return [Chart("opponent", title, caption, interval_chart(values, "win rate", middle=0.5, form="%"))]


def _judges_chart(comparison: Comparison) -> list[Chart]:
    """Return the chart of what each judge says by itself; none for a single judge, and none with an opponent."""
    if not comparison.by_judge or (comparison.judging and comparison.judging.against):
        return []
    rows = main_rows(comparison, judged=True)
    units = {(row.task, row.baseline, row.candidate) for row in rows}
    values = [
        {**win_rate_value(row), "place": judge, "candidate": f"{row.candidate} against {row.baseline}"}
        for judge, own in comparison.by_judge.items()
        for row in own
        if (row.task, row.baseline, row.candidate) in units
    ]
    if not values:
        return []
    caption = f"Of each judge alone, with {_confidence(comparison)} intervals; filled and coloured where significant"
    return [
        Chart(
            "win-rates-of-judges", "Win rates by judge", caption, interval_chart(values, "win rate", 0.5, "%")
        )
    ]


def _confidence(comparison: Comparison) -> str:
    return f"{100 * (1 - comparison.alpha):g}%"
