"""The finding in one sentence: it counts and names only what the tests found."""

from __future__ import annotations

from dataclasses import replace

from comparison_of import ROW, comparison_of

from fusion_eval.report.finding import finding, language_counts
from fusion_eval.runs.comparison import Row

OVER_ALL = replace(ROW, task="quiz", language="all", family="primary")


def in_language(code: str, **changes: object) -> Row:
    row = replace(ROW, task=f"quiz_{code}", language=code, family="languages of quiz by acc")
    return replace(row, **changes)  # type: ignore[arg-type]


def test_one_row_is_told_with_difference_interval_and_p() -> None:
    # when
    sentence = finding(comparison_of())
    # then
    assert (
        sentence
        == "fusion beats single on quiz_fr: +0.0400 acc [0.0100, 0.0700], p = 0.025 (Holm, α = 0.05)."
    )


def test_significant_languages_are_counted() -> None:
    # given
    rows = (OVER_ALL, in_language("fr"), in_language("de", significant=False), in_language("ja", delta=-0.1))
    # when
    sentence = finding(comparison_of(*rows))
    # then
    assert sentence.startswith("fusion beats single on 1 of 3 languages and loses on 1 (Holm, α = 0.05)")
    assert "over all of them it beats single: +0.0400 acc" in sentence
    assert language_counts(comparison_of(*rows)) == [
        "fusion is significantly better than single in 1 of 3 languages (French) "
        "and significantly worse in 1 (Japanese)."
    ]


def test_a_difference_that_is_not_significant_is_never_called_a_win() -> None:
    # given a large difference whose adjusted p-value is too large
    row = replace(OVER_ALL, delta=9.0, significant=False, p_adjusted=0.2)
    # when
    sentence = finding(comparison_of(row, in_language("fr", significant=False)))
    # then
    assert "on 0 of 1 languages" in sentence
    assert "does not differ significantly from single" in sentence and "p = 0.20" in sentence


def test_a_lower_value_wins_where_lower_is_better() -> None:
    # given
    row = replace(ROW, higher_is_better=False, delta=-0.04, ci_low=-0.07, ci_high=-0.01)
    # when, then
    assert finding(comparison_of(row)).startswith(
        "fusion beats single on quiz_fr: -0.0400 acc [-0.0700, -0.0100]"
    )
    assert "is worse than" in finding(comparison_of(replace(row, delta=0.04)))


def test_several_candidates_stand_in_one_sentence_with_adjusted_p_values() -> None:
    # given
    bon = replace(OVER_ALL, candidate="bon", significant=False, p_adjusted=0.5)
    # when
    sentence = finding(comparison_of(bon, OVER_ALL, runs=3))
    # then
    assert sentence.startswith("On quiz by acc, bon does not differ significantly from single (+0.0400")
    assert "and fusion beats single (+0.0400 [0.0100, 0.0700], p adj = 0.025)" in sentence


def test_a_p_value_is_called_adjusted_where_its_family_has_several_rows() -> None:
    # given rows of one family, whose p-value is adjusted, and of a judge, which is a family for itself
    judged = replace(ROW, metric="judge", invalid=0.0)
    # when, then
    assert "p adj = 0.025" in finding(comparison_of(ROW, replace(ROW, metric="f1")))
    assert "p = 0.025" in finding(comparison_of(ROW, judged))


def test_many_candidates_are_counted() -> None:
    # given
    rows = [
        replace(OVER_ALL, candidate=f"s{place}", significant=place < 2, delta=place) for place in range(6)
    ]
    # when
    sentence = finding(comparison_of(*rows))
    # then
    assert "1 of 6 systems beat single, 1 is worse and 4 do not differ significantly" in sentence
    assert "the largest gain is that of s5" in sentence


def test_of_many_candidates_those_that_differ_in_no_language_have_one_sentence() -> None:
    # given six systems, the first of which is better in French
    rows = []
    for place in range(6):
        french = in_language("fr", candidate=f"s{place}", significant=place == 0)
        rows += [replace(OVER_ALL, candidate=f"s{place}"), french]
    # when, then
    assert language_counts(comparison_of(*rows)) == [
        "s0 is significantly better than single in 1 of 1 languages (French) and significantly worse in 0.",
        "The other 5 do not differ significantly from single in any language.",
    ]


def test_several_tasks_are_counted() -> None:
    # given
    rows = [replace(OVER_ALL, task=task, significant=task == "a") for task in ("a", "b", "c")]
    # when, then
    assert (
        finding(comparison_of(*rows))
        == "fusion beats single on 1 of 3 tasks and loses on 0 (Holm, α = 0.05)."
    )


def test_the_correction_and_the_level_are_those_of_the_comparison() -> None:
    assert "(Benjamini-Hochberg, α = 0.01)" in finding(comparison_of(correction="bh", alpha=0.01))


def test_rows_of_a_judge_are_the_finding_only_where_no_metric_is_compared() -> None:
    # given
    judged = replace(ROW, metric="judge_win", invalid=0.0, family="judge", delta=0.1)
    # when, then
    assert "acc" in finding(comparison_of(ROW, judged)) and "judge_win" not in finding(
        comparison_of(ROW, judged)
    )
    assert "judge_win" in finding(comparison_of(judged))


def test_secondary_metrics_do_not_enter() -> None:
    assert "chrf" not in finding(
        comparison_of(OVER_ALL, replace(OVER_ALL, metric="chrf", family="secondary"))
    )
