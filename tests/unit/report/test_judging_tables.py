"""The tables of a judging: each has an explanation, and what is unknown is a dash."""

from __future__ import annotations

from dataclasses import replace

from comparison_of import ROW, comparison_of

from fusion_eval.report.comparison_table import as_text
from fusion_eval.report.judging_tables import judging_blocks
from fusion_eval.report.text_table import Table
from fusion_eval.runs.judging_summary import (
    AgainstOpponent,
    JudgeAgreement,
    JudgeReport,
    JudgingSummary,
    RankedSystem,
    SequentialStop,
    StyleAdjusted,
    StyleEffect,
)

JUDGE = JudgeReport("gpt", 100, 0.02, 0.9, 0.5, None, None)
JUDGING = JudgingSummary(
    template="helpfulness",
    prompt_hash="abc",
    swap="both",
    steps=3,
    repeats=1,
    structured=False,
    judges=(JUDGE,),
    prompt_tokens=1_234,
    completion_tokens=56,
    cost=0.5,
)
JUDGED_ROW = replace(ROW, invalid=0.02, position_consistency=0.9)


def test_a_comparison_without_a_judge_has_no_tables() -> None:
    assert judging_blocks(comparison_of()) == []


def test_rows_and_judges_have_tables_and_tokens_are_told() -> None:
    # when
    rows, legend, judges, _ = judging_blocks(comparison_of(JUDGED_ROW, judging=JUDGING))
    # then
    assert isinstance(rows, Table) and isinstance(judges, Table)
    assert rows.lines[0][-4:] == ["51.7% [49.0, 54.0]", "88.3%", "2.0%", "90.0%"]
    assert judges.lines == [["gpt", "100", "2.0%", "90.0%", "50.0%", "-", "-"]]
    assert str(legend).startswith(
        "prompt helpfulness, swap both; judge 1,234 + 56 tokens, $0.5000\nwin: wins"
    )


def test_the_legend_explains_the_family_of_the_judge() -> None:
    # given rows of metrics and of a judge
    rows = replace(ROW, family="primary"), replace(JUDGED_ROW, family="judge")
    # when
    text = as_text(comparison_of(*rows, judging=JUDGING))
    # then
    assert "secondary, judge (its win rates)" in text
    assert "judge (its win rates)" not in as_text(comparison_of(rows[0]))


def test_rows_of_metrics_and_of_the_judge_are_adjusted_apart_without_families_too() -> None:
    # when
    text = as_text(comparison_of(ROW, ROW, JUDGED_ROW, judging=JUDGING))
    # then
    assert "over all 2 rows of metrics and all 1 of the judge separately (holm)" in text


def test_every_other_finding_has_a_table_of_its_own() -> None:
    # given
    judging = replace(
        JUDGING,
        opponent="gpt-4o",
        against=(AgainstOpponent("fusion", 50, 0.6, 0.5, 0.7),),
        agreement=JudgeAgreement(0.8, 0.5, None, 0.6, 40),
        style=(
            StyleAdjusted("single", "fusion", 0.6, 0.55, 0.5, 0.6, (StyleEffect("length", 0.2, None, None),)),
        ),
        strengths=(RankedSystem("fusion", 1, 0.3, 0.1, 0.5, 0.57),),
        sequential=(SequentialStop("single", "fusion", 40, 100, True),),
    )
    # when
    text = as_text(comparison_of(JUDGED_ROW, judging=judging))
    # then
    assert "each run against gpt-4o" in text and "60.0% [50.0, 70.0]" in text
    assert "length +0.20" in text and "+0.30 [+0.10, +0.50]" in text and "60 (60%)" in text
    assert text.splitlines()[-1] == (
        "the judges agree on 80.0% of 40 pairs: Cohen's kappa 0.500, Fleiss' kappa -, Krippendorff's alpha 0.600"
    )
