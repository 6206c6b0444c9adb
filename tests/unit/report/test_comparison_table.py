"""A comparison to read: every view says the same, and none can be steered by a name."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from fusion_eval.report.comparison_table import VIEWS, as_csv, as_markdown, as_text
from fusion_eval.runs.comparison import ComparedRun, Comparison, RankedRun, Row

ROW = Row(
    task="quiz_fr",
    language="fr",
    metric="acc",
    filter="none",
    n=1200,
    clusters=300,
    baseline="single",
    candidate="fusion",
    baseline_value=0.4123,
    candidate_value=0.4523,
    delta=0.04,
    ci_low=0.01,
    ci_high=0.07,
    ci_method="bca",
    test="permutation",
    p_value=0.0123,
    p_adjusted=0.0246,
    significant=True,
    wins=90,
    ties=1060,
    losses=50,
    win_rate=0.5167,
    win_rate_low=0.49,
    win_rate_high=0.54,
    win_p_value=0.001,
    higher_is_better=True,
    standard_error=0.015,
    minimal_detectable_effect=0.0423,
    items_needed=1341,
)


def comparison(*rows: Row, runs: int = 2, **more: object) -> Comparison:
    made = Comparison(
        schema_version=1,
        alpha=0.05,
        correction="holm",
        interval="bca",
        resamples=10_000,
        seed=0,
        cluster="auto",
        baseline="single",
        created="2026-01-01",
        runs=tuple(ComparedRun(name, f"out/{name}") for name in ("single", "fusion", "bon")[:runs]),
        rows=rows or (ROW,),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # any field of it


def test_a_row_shows_values_difference_interval_p_wins_and_what_it_could_have_shown() -> None:
    head, _, line, *legend = as_text(comparison()).splitlines()
    assert head.split() == ["task", "lang", "metric", "n", "single", "fusion", "delta", "test", "p", "p", "adj", "win", "w/t/l", "detects", "needs"]  # fmt: skip
    assert "1,200/300" in line and "0.4123" in line and "+0.0400 [+0.0100, +0.0700]" in line
    assert "0.0123" in line and "0.0246" in line and " * " in line
    assert "52% [49, 54]" in line and "90/1060/50" in line and "0.0423" in line and "1,341" in line
    assert "95% interval (bca bootstrap)" in legend[0] and "over all 1 rows (holm)" in legend[1]


def test_what_the_sample_cannot_say_is_no_number() -> None:
    row = replace(
        ROW, ci_low=None, ci_high=None, minimal_detectable_effect=None, items_needed=None, language=None
    )
    line = as_text(comparison(row)).splitlines()[2]
    assert "[+" not in line and line.split()[-2:] == ["-", "-"] and line.split()[1] == "-"


def test_several_candidates_have_a_column_and_a_table_of_ranks() -> None:
    place = RankedRun("quiz_fr", "fr", "acc", "none", "fusion", 0.45, 1, "a")
    text = as_text(comparison(ROW, replace(ROW, candidate="bon"), runs=3, ranks=(place,)))
    assert "candidate" in text.splitlines()[0]
    assert text.splitlines()[-2].split() == ["quiz_fr", "fr", "acc", "fusion", "0.4500", "1", "a"]


def test_filters_are_named_where_a_metric_has_several() -> None:
    strict, flexible = replace(ROW, filter="strict"), replace(ROW, filter="flexible")
    assert "acc,strict" in as_text(comparison(strict, flexible))
    assert "acc,none" not in as_text(comparison())


def test_notes_come_last_each_once() -> None:
    text = as_text(comparison(replace(ROW, note="one item"), notes=("left out", "left out")))
    assert text.splitlines()[-2:] == ["note: left out", "note: quiz_fr, acc, fusion: one item"]


def test_csv_and_json_hold_every_field() -> None:
    (read,) = csv.DictReader(io.StringIO(as_csv(comparison())))
    assert float(read["delta"]) == 0.04 and read["significant"] == "True" and read["win_p_value"] == "0.001"
    assert json.loads(VIEWS["json"](comparison()))["rows"][0]["items_needed"] == 1341


@pytest.mark.parametrize("name", ["a|b", "<script>x</script>", "[x](http://e)", "`x`", "a\x1b[2Jb", "x\ny"])
def test_names_cannot_leave_their_cell(name: str) -> None:
    found = comparison(replace(ROW, task=name), notes=(name,))
    for view in (as_text, as_markdown):
        shown = view(found)
        assert "\x1b" not in shown and len(shown.splitlines()) == len(
            view(comparison(ROW, notes=("n",))).splitlines()
        )
    line = as_markdown(found).splitlines()[2]
    assert "<script" not in line and line.replace("\\|", "").count("|") == line.count(" | ") + 2
