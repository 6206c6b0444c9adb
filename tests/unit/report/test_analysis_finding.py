"""What an analysis found, in one sentence."""

from __future__ import annotations

from dataclasses import replace

from fusion_eval.report.analysis_finding import analysis_finding
from fusion_eval.runs.analysis import Analysis, CurvePoint, RecoveredRow

ROW = RecoveredRow(
    task="quiz_fr",
    language="fr",
    metric="acc",
    filter="none",
    strategy="bon",
    value=0.5,
    mean=0.4123,
    oracle=0.7,
    share=0.304,
    ci_low=-0.1,
    ci_high=0.52,
    regret=0.2,
    regret_low=0.1,
    regret_high=0.3,
    items=40,
    clusters=40,
)


def test_the_sentence_is_about_the_row_over_all_languages_with_intervals() -> None:
    # given
    rows = (ROW, *(replace(ROW, task="quiz", language="all", strategy=name) for name in ("bon", "fusion")))
    # when, then
    assert analysis_finding(Analysis(1, (), recovered=rows)) == (
        "On quiz, one candidate has 0.4123 acc on average and a perfect choice 0.7000; "
        "of that gain bon has 30% [-10, 52] and fusion has 30% [-10, 52]."
    )


def test_of_many_strategies_the_best_are_named() -> None:
    # given
    rows = tuple(replace(ROW, strategy=f"s{number}", share=number / 10) for number in range(9))
    # when
    sentence = analysis_finding(Analysis(1, (), recovered=rows))
    # then
    assert "s8 has 80%" in sentence and "s5 has 50%" in sentence and "s4" not in sentence


def test_where_candidates_are_equal_there_is_nothing_to_gain() -> None:
    assert "nothing to gain" in analysis_finding(Analysis(1, (), recovered=(replace(ROW, share=None),)))


def test_without_strategies_the_sentence_is_about_the_largest_number_of_candidates() -> None:
    # given
    points = [
        CurvePoint("quiz", "fr", "acc", "none", name, None, k, value, None, None, 9, 9)
        for name, k, value in (("mean", 1, 0.4), ("mean", 5, 0.4), ("oracle", 5, 0.9))
    ]
    # when, then
    assert analysis_finding(Analysis(1, (), curves=tuple(points))) == (
        "On quiz by acc, 5 candidates have 0.4000 on average and 0.9000 by a perfect choice."
    )
    assert analysis_finding(Analysis(1, ())) == "Nothing was analyzed."
