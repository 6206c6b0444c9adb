"""The charts of a comparison and of its judges: what each shows, and which of them a report has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from comparison_of import ROW, comparison_of

from fusion_eval.report.html.charts import Chart, comparison_charts
from fusion_eval.report.html.report_charts import report_charts
from fusion_eval.runs.comparison import Row
from fusion_eval.runs.judging_summary import AgainstOpponent, JudgingSummary
from fusion_eval.runs.verdicts import Judgement, Verdict

pytest.importorskip("altair", reason="charts need the extra 'plots'")

OVERALL = replace(ROW, task="quiz", language="all", family="primary")
FRENCH = replace(ROW, task="quiz_fr", family="languages of quiz by acc", significant=False)
ROWS = (OVERALL, FRENCH)
JUDGED = tuple(
    replace(row, metric="judge:help", invalid=0.0, family=family, win_rate=0.7, win_rate_low=0.6, win_rate_high=0.8)
    for row, family in ((OVERALL, "judge"), (FRENCH, "languages of quiz by judge:help"))
)  # fmt: skip
JUDGING = JudgingSummary("help", "abc", "both", 3, 1, False, (), 0, 0, None)


def of_candidate(name: str, *rows: Row) -> tuple[Row, ...]:
    return tuple(replace(row, candidate=name) for row in rows)


def values(chart: Chart) -> list[dict[str, Any]]:
    """Return the data of a chart."""
    specification = chart.chart.to_dict()
    return list(specification["data"]["values"])


def test_a_comparison_has_its_differences_and_its_wins_in_each_language() -> None:
    # when
    forest, wins = comparison_charts(comparison_of(*ROWS))
    # then
    assert (forest.name, wins.name) == ("forest", "wins")
    assert [one["place"] for one in values(forest)] == ["all", "fr"]
    assert values(forest)[0] == {
        "place": "all", "candidate": "fusion", "value": 0.04, "low": 0.01, "high": 0.07, "outcome": "better",
    }  # fmt: skip
    assert values(forest)[1]["outcome"] == "not significant"
    assert [one["items"] for one in values(wins)[:3]] == [90, 1060, 50]


def test_a_judging_has_win_rates_with_intervals_instead_of_differences() -> None:
    # when
    rates, wins = comparison_charts(comparison_of(*JUDGED, judging=JUDGING))
    # then
    assert (rates.name, wins.name) == ("win-rates", "wins")
    assert rates.title == "Win rate against single: quiz, judge:help"
    assert [(one["place"], one["low"], one["value"], one["high"]) for one in values(rates)] == [
        ("all", 0.6, 0.7, 0.8),
        ("fr", 0.6, 0.7, 0.8),
    ]


def test_metrics_and_a_judge_have_charts_of_their_own() -> None:
    # when
    charts = comparison_charts(comparison_of(*ROWS, *JUDGED, judging=JUDGING))
    # then
    assert [chart.name.split("-quiz")[0] for chart in charts] == ["forest", "wins", "win-rates", "wins"]
    assert len({chart.name for chart in charts}) == 4


def test_every_baseline_has_charts_of_its_own() -> None:
    # given every two of three systems
    rows = [replace(JUDGED[0], baseline=one, candidate=other) for one, other in ("ab", "ac", "bc")]
    # when
    charts = comparison_charts(comparison_of(*rows, judging=JUDGING))
    # then
    assert [len(values(chart)) for chart in charts if "rates" in chart.name] == [2, 1]


def test_runs_against_an_opponent_have_their_win_rates_beside_their_differences() -> None:
    # given
    against = tuple(AgainstOpponent(name, 50, 0.6, 0.5, 0.7) for name in ("single", "fusion"))
    judging = replace(JUDGING, opponent="gpt-4o", against=against)
    # when
    charts = report_charts(comparison_of(*JUDGED, judging=judging))
    # then
    assert [chart.name for chart in charts] == ["forest", "wins", "opponent"]
    assert charts[2].title == "Win rate against gpt-4o"
    assert [one["place"] for one in values(charts[2])] == ["single", "fusion"]


def test_several_judges_have_their_own_win_rates_and_their_agreement() -> None:
    # given
    by_judge = dict.fromkeys(("x", "y"), JUDGED)
    orders = tuple(Judgement(first, "win", "", 1.0) for first in ("baseline", "candidate"))
    verdicts = [Verdict("t", "fr", 0, "0", "single", "fusion", name, "win", 1.0, orders) for name in by_judge]
    # when
    charts = report_charts(comparison_of(*JUDGED, judging=JUDGING, by_judge=by_judge), verdicts)
    # then
    assert [chart.name for chart in charts] == ["win-rates", "wins", "win-rates-of-judges", "judges"]
    assert [one["place"] for one in values(charts[2])] == ["x", "y"]


@pytest.mark.parametrize(
    ("systems", "rows", "part"), [(1, "place", None), (2, "place", "candidate"), (3, "candidate", "place")]
)
def test_what_there_is_more_of_stands_below_each_other(systems: int, rows: str, part: str | None) -> None:
    # given two places, and more or fewer systems
    own = [row for number in range(systems) for row in of_candidate(f"s{number}", *ROWS)]
    # when
    specification = comparison_charts(comparison_of(*own))[1].chart.to_dict()
    # then
    assert specification.get("facet", {}).get("field") == part
    assert specification.get("spec", specification)["encoding"]["y"]["field"] == rows
