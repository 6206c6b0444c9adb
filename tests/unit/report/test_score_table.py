"""The table that `fusion-eval run` prints."""

from __future__ import annotations

from fusion_eval.report.score_table import MeanScore, TaskScores, score_table


def test_each_task_has_a_row_and_each_strategy_a_column() -> None:
    # given
    rows = [
        TaskScores("en", {"single": MeanScore(41.25, 2.0), "fusion": MeanScore(52.04, 1.96)}, 12_345, 61.4),
        TaskScores("all", {"single": MeanScore(9.0, None), "fusion": MeanScore(100.0, 0.5)}, 7, 0.2),
    ]
    # when, then
    assert score_table(rows, ["single", "fusion"], "chrf").splitlines() == [
        "chrf      single       fusion  tokens  seconds",
        "----  ----------  -----------  ------  -------",
        "en    41.2 ± 2.0   52.0 ± 2.0  12,345       61",
        "all          9.0  100.0 ± 0.5       7        0",
    ]


def test_scores_from_0_to_1_have_three_digits_and_others_one() -> None:
    # given
    rows = [
        TaskScores("a", {"s": MeanScore(0.4567, 0.01)}, 0, 0),
        TaskScores("b", {"s": MeanScore(45.67, 1.0)}, 0, 0),
    ]
    # when
    table = score_table(rows, ["s"], "metric")
    # then
    assert "0.457 ± 0.010" in table and "45.7 ± 1.0" in table


def test_a_missing_score_is_a_dash() -> None:
    # given
    rows = [TaskScores("a", {"s": MeanScore(0.0, None)}, 0, 0)]
    # when, then
    assert score_table(rows, ["s", "t"], "m").splitlines()[-1].split() == ["a", "0.000", "-", "0", "0"]


def test_a_score_of_one_item_has_no_standard_error() -> None:
    assert "nan" not in score_table([TaskScores("a", {"s": MeanScore(0.5, float("nan"))}, 0, 0)], ["s"], "m")


def test_names_cannot_steer_the_terminal() -> None:
    # when
    table = score_table([TaskScores("a\x1b[2J\x9b\nb", {}, 0, 0)], ["s\x07"], "m\r")
    # then
    assert "a[2Jb" in table and not set(table) & set("\x1b\x9b\x07\r") and len(table.splitlines()) == 3


def test_a_table_without_rows_has_a_head() -> None:
    assert score_table([], ["s"], "m").splitlines()[0].split() == ["m", "s", "tokens", "seconds"]
