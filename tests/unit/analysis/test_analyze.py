"""Tables of scored pools: curves, differences, rescue and harm, ceilings and teachers, on pools counted by hand."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contributing import scored_pools
from scipy.stats import beta as beta_distribution
from scipy.stats import t

from fusion_eval.analysis.analyze import analyze_pools
from fusion_eval.analysis.options import AnalysisOptions
from fusion_eval.analysis.parquet import notes_of, read_pools, write_pools
from fusion_eval.analysis.pools import NO_ANSWER, ScoredPools, StrategyAnswers
from fusion_eval.analysis.units import units
from fusion_eval.errors import ConfigError
from fusion_eval.runs.analysis import Analysis, read_analysis, write_analysis
from fusion_eval.runs.versioned_file import to_json
from fusion_eval.stats.subsets import pass_at_k


def strategy(name: str, values: list[float], chosen: list[int] | None = None) -> StrategyAnswers:
    """Return a strategy's answers; without `chosen`, all of them are new texts."""
    zeros = np.zeros(len(values), dtype=np.int64)
    return StrategyAnswers(
        name=name,
        values=np.array(values, dtype=np.float64),
        chosen=np.array(chosen if chosen is not None else [NO_ANSWER] * len(values)),
        fallback=zeros.astype(bool),
        calls=zeros,
        prompt_tokens=zeros,
        completion_tokens=zeros,
        cost=zeros.astype(np.float64),
        seconds=zeros.astype(np.float64),
    )


RIGHT = [[1, 1, 1], [1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
"""Six items with three candidates each: 3, 2, 1, 0, 0 and 1 of them are right."""


def binary(**fields: Any) -> ScoredPools:
    """Return the pools of `RIGHT`, with a strategy that takes the first candidate and one that writes."""
    own = {
        "strategies": (
            strategy("single", [1, 1, 0, 0, 0, 1], [0] * 6),
            strategy("fusion", [1, 0, 1, 1, 0, 1]),
        ),
        "answers": np.array([[0, 0, 0], [0, 0, 1], [0, 1, 2], [-1, -1, -1], [0, 0, 1], [0, 1, -1]]),
        "scores": {"reward": np.array(RIGHT) + np.array([[0.0, 0.1, 0.2]])},
    }
    return scored_pools(RIGHT, **(own | fields))


def point(analysis: Analysis, estimator: str, k: int, **fields: object) -> Any:
    wanted = {"estimator": estimator, "k": k, "task": "t", **fields}
    (row,) = [
        row for row in analysis.curves if all(getattr(row, name) == value for name, value in wanted.items())
    ]
    return row


def test_curves_of_a_right_or_wrong_metric() -> None:
    analysis = analyze_pools([binary()])
    # then a single candidate gives the mean, whoever chooses
    for estimator in ("mean", "pass", "majority", "best_of", "oracle"):
        assert point(analysis, estimator, 1).value == pytest.approx(7 / 18)
    # and pass@3 is the share of items with a right candidate
    assert point(analysis, "pass", 3).value == point(analysis, "oracle", 3).value == pytest.approx(4 / 6)
    # and two of three candidates contain the only right one with a probability of 2/3
    assert point(analysis, "pass", 2).value == pytest.approx((1 + 1 + 2 / 3 + 0 + 0 + 2 / 3) / 6)
    # and a vote of three is right on items 1 and 2, and in a third and a half of the draws on items 3 and 6
    assert point(analysis, "majority", 3).value == pytest.approx((1 + 1 + 1 / 3 + 1 / 2) / 6)
    # and the reward, which prefers right candidates, finds all that can be found
    assert point(analysis, "best_of", 3, scorer="reward").value == pytest.approx(4 / 6)


def test_every_point_has_an_interval_around_its_value() -> None:
    for row in analyze_pools([binary()]).curves:
        assert 0 <= row.ci_low <= row.value <= row.ci_high <= 1
        assert (row.items, row.clusters) == (6, 6)


def test_a_graded_metric_has_an_oracle_and_no_pass() -> None:
    analysis = analyze_pools([scored_pools([[10.0, 30.0], [20.0, 20.0], [5.0, 0.0]])])
    assert {row.estimator for row in analysis.curves} == {"mean", "oracle"}
    assert point(analysis, "oracle", 2).value == pytest.approx((30 + 20 + 5) / 3)
    assert not analysis.ceiling and not analysis.rescue


def test_a_metric_is_right_or_wrong_in_all_languages_or_in_none() -> None:
    # given values from 0 to 1 in English, and in French by chance only 0 and 1
    english = scored_pools(
        [[0.5, 1.0], [0.0, 0.2]], task="t_en", metric="share", strategies=(strategy("s", [0.5, 0]),)
    )
    french = scored_pools(
        [[0, 1], [1, 1]], task="t_fr", language="fr", metric="share", strategies=(strategy("s", [1, 1]),)
    )
    # then French has no pass@k and no ceiling either
    analysis = analyze_pools([english, french])
    assert {row.scale for row in analysis.outcomes} == {"graded"}
    assert "pass" not in {row.estimator for row in analysis.curves} and not analysis.ceiling
    # and alone, where nothing says otherwise, it has
    assert analyze_pools([french]).outcomes[0].scale == "0/1"


def test_a_metric_whose_name_says_that_it_is_graded_is_not_right_or_wrong() -> None:
    pools = scored_pools([[0, 1], [1, 1]], metric="rouge_l", strategies=(strategy("s", [1, 1]),))
    assert analyze_pools([pools]).outcomes[0].scale == "graded"


def test_p_values_of_differences_are_adjusted_for_all_tests_of_their_table() -> None:
    # given one task, whose table has six pairs of estimators at two numbers of candidates
    tested = [row for row in analyze_pools([binary()]).differences if row.p_value is not None]
    assert {row.k for row in tested} == {2, 3}
    # then the smallest p-value counts as often as there are tests
    smallest = min(tested, key=lambda row: row.p_value)
    assert smallest.p_adjusted == pytest.approx(min(1, len(tested) * smallest.p_value))
    assert all(row.p_adjusted >= row.p_value for row in tested)


def test_where_lower_is_better_the_oracle_is_the_lowest() -> None:
    analysis = analyze_pools([scored_pools([[10.0, 30.0], [20.0, 20.0]], higher_is_better=False)])
    assert point(analysis, "oracle", 2).value == pytest.approx(15.0)


def test_differences_are_paired_at_each_k() -> None:
    analysis = analyze_pools([binary()])
    pairs = {(row.estimator, row.against) for row in analysis.differences}
    # then every estimator stands against every one before it, but the oracle, which is pass@k here
    assert pairs == {
        ("majority", "mean"),
        ("best_of", "mean"),
        ("pass", "mean"),
        ("best_of", "majority"),
        ("pass", "majority"),
        ("pass", "best_of"),
    }
    for row in analysis.differences:
        one, other = point(analysis, row.estimator, row.k), point(analysis, row.against, row.k)
        assert row.delta == pytest.approx(one.value - other.value)
        assert row.delta == 0 or row.k > 1


def test_rescue_counts_right_answers_by_right_candidates() -> None:
    analysis = analyze_pools([binary()])
    counted = {(row.strategy, row.right_candidates): (row.right, row.items) for row in analysis.rescue}
    assert [counted["single", c] for c in range(4)] == [(0, 2), (1, 2), (1, 1), (1, 1)]
    assert [counted["fusion", c] for c in range(4)] == [(1, 2), (2, 2), (0, 1), (1, 1)]
    # and an interval of one item of two is nearly everything
    row = next(row for row in analysis.rescue if (row.strategy, row.right_candidates) == ("fusion", 0))
    assert (row.ci_low, row.ci_high) == pytest.approx((0.01258, 0.98742), abs=1e-4)


def test_only_new_texts_rescue() -> None:
    outcomes = {row.strategy: row for row in analyze_pools([binary()]).outcomes}
    assert (outcomes["single"].rescued, outcomes["single"].new_texts) == (0, 0)
    fusion = outcomes["fusion"]
    assert (fusion.rescued, fusion.harmed, fusion.net, fusion.new_texts) == (1, 1, 0, 6)


def test_a_selection_that_rescues_is_noted() -> None:
    # given a selection that is right on an item whose candidates are all wrong
    odd = binary(strategies=(strategy("odd", [1, 1, 0, 1, 0, 1], [0] * 6),))
    # then a note says that its values and those of its candidates disagree
    assert any("odd selects candidates and scores better" in note for note in analyze_pools([odd]).notes)


def test_a_graded_answer_has_a_place_in_the_range_of_its_pool() -> None:
    # given an answer halfway between worst and best, one better than the best, and a pool without a range
    pools = scored_pools(
        [[10.0, 30.0], [0.0, 20.0], [5.0, 5.0]], strategies=(strategy("fusion", [20.0, 40.0, 7.0]),)
    )
    (row,) = analyze_pools([pools]).outcomes
    assert row.range_share == pytest.approx((0.5 + 2.0) / 2)
    assert (row.rescued, row.harmed, row.net) == (2, 0, 2)


def test_the_ceiling_is_the_share_that_all_candidates_fail() -> None:
    (row,) = analyze_pools([binary()]).ceiling
    assert (row.all_wrong, row.items, row.beta) == (2, 6, pytest.approx(1 / 3))
    assert (row.ci_low, row.ci_high) == pytest.approx((0.04327, 0.77722), abs=1e-4)


def test_the_share_recovered_and_the_regret() -> None:
    rows = {row.strategy: row for row in analyze_pools([binary()]).recovered}
    # given a mean of 7/18 and an oracle of 12/18; single has 9/18 and fusion 12/18
    assert rows["single"].share == pytest.approx((9 - 7) / (12 - 7))
    assert rows["fusion"].share == pytest.approx(1.0)
    assert rows["single"].regret == pytest.approx(1 / 6)
    # and six items cannot exclude that the oracle gains nothing, so that the interval has no ends
    assert (rows["single"].ci_low, rows["single"].ci_high, rows["single"].unbounded) == (None, None, True)


def test_a_pool_of_equal_candidates_has_no_gain_to_recover() -> None:
    pools = scored_pools([[1.0, 1.0], [0.0, 0.0]], strategies=(strategy("single", [1, 0], [0, 0]),))
    (row,) = analyze_pools([pools]).recovered
    assert row.share is None and row.ci_low is None


def test_leaving_a_teacher_out() -> None:
    # given two candidates of teacher a and one of b, which alone is right on the third item
    models = {"models": ("a", "b"), "model": np.tile([0, 0, 1], (6, 1))}
    rows = {row.teacher: row for row in analyze_pools([binary(**models)]).teachers}
    b = rows["b"]
    assert (b.oracle, b.oracle_without, b.added) == pytest.approx((4 / 6, 3 / 6, 1 / 6))
    assert (b.mean, b.best_alone) == (pytest.approx(2 / 6), 1)
    # and two candidates of both teachers have an oracle of pass@2
    pass_2 = point(analyze_pools([binary()]), "pass", 2).value
    assert b.added_at_equal_size == pytest.approx(pass_2 - 3 / 6)


def test_languages_share_rows_in_which_each_weighs_the_same() -> None:
    # given a French task of two items beside the English one, whose items are the same questions
    french = scored_pools([[1.0] * 3, [1.0] * 3], task="t_fr", language="fr")
    french = dataclasses.replace(french, family="t")
    analysis = analyze_pools([dataclasses.replace(binary(strategies=()), task="t_en"), french])
    (row,) = [
        row for row in analysis.curves if row.language == "all" and row.estimator == "mean" and row.k == 1
    ]
    assert (row.task, row.items, row.clusters) == ("t", 8, 6)
    assert row.value == pytest.approx((7 / 18 + 1) / 2)


def test_pools_of_several_sizes_share_no_row() -> None:
    small = dataclasses.replace(scored_pools([[1.0, 0.0]], task="t_fr"), language="fr")
    assert [unit.language for unit in units([binary(), small])] == ["en", "fr"]


def test_parquet_files_hold_all_that_tables_need(tmp_path: Path) -> None:
    # given pools with a missing score, an unknown cost and two strategies
    scores = {"reward": np.where(np.eye(6, 3) > 0, np.nan, 0.5)}
    pools = [binary(scores=scores), scored_pools([[0.5, 0.25]], task="u", language=None)]
    # when they are written and read
    write_pools(pools, tmp_path, "mark", ["a note"])
    read = read_pools(tmp_path)
    # then every table is the same
    assert to_json(analyze_pools(read)) == to_json(analyze_pools(pools))
    assert read[1].language is None and np.isnan(read[0].cost).all()
    assert notes_of(tmp_path, "mark") == ["a note"]
    assert notes_of(tmp_path, "other") is None


def test_an_analysis_is_read_as_it_was_written(tmp_path: Path) -> None:
    analysis = analyze_pools([binary()])
    assert read_analysis(write_analysis(analysis, tmp_path)) == analysis
    content = json.loads((tmp_path / "analysis.json").read_text())
    assert {
        "schema_version",
        "runs",
        "curves",
        "rescue",
        "ceiling",
        "budget",
        "contribution",
        "robustness",
    } <= set(content)
    assert list(content["curves"][0]) == [
        *("task", "language", "metric", "filter", "estimator", "scorer", "k", "value"),
        *("ci_low", "ci_high", "items", "clusters"),
    ]


def test_a_frame_for_each_table() -> None:
    analysis = analyze_pools([binary()])
    assert len(analysis.to_frame()) == len(analysis.curves)
    assert list(analysis.to_frame("ceiling")["all_wrong"]) == [2]
    with pytest.raises(ConfigError, match=r"no table 'curve'\. Did you mean 'curves'"):
        analysis.to_frame("curve")


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="alpha"):
        AnalysisOptions(alpha=2.0)


def dependent() -> ScoredPools:
    """Return the pools of 40 items of two each in 20 clusters, which are harder or easier as a whole."""
    random = np.random.default_rng(8)
    chance = np.repeat(random.beta(0.5, 0.8, 20), 2)
    right = (random.random((40, 3)) < chance[:, None]).astype(float)
    return scored_pools(right.tolist(), clusters=[str(item // 2) for item in range(40)])


def error_of_clusters(values: Any) -> float:
    """Return the standard error of the mean of clusters of equal size."""
    return float(values.reshape(20, 2).mean(axis=1).std(ddof=1) / 20**0.5)


def test_the_interval_of_the_ceiling_is_that_of_the_survey_package_of_r() -> None:
    # given the formula of `svyciprop(method = "beta")`: the effective number of items, at 39 and 19 degrees of freedom
    pools = dependent()
    failed = (pools.values == 0).all(axis=1)
    beta, error = failed.mean(), error_of_clusters(failed)
    effective = beta * (1 - beta) / error**2 * (t.ppf(0.025, 39) / t.ppf(0.025, 19)) ** 2
    assert effective < 40
    # then
    (row,) = analyze_pools([pools]).ceiling
    hits, misses = beta * effective, (1 - beta) * effective
    ends = beta_distribution.ppf(0.025, hits, misses + 1), beta_distribution.ppf(0.975, hits + 1, misses)
    assert (row.ci_low, row.ci_high) == pytest.approx(ends)


def test_the_interval_of_a_share_ends_where_the_score_test_turns() -> None:
    # given pass@2, whose values are shares
    pools = dependent()
    row = point(analyze_pools([pools]), "pass", 2)
    error = error_of_clusters(pass_at_k(pools.values == 1)[:, 1])
    effective = row.value * (1 - row.value) / error**2
    # then at both ends the distance to the value is Student's quantile times the error that a share of the end has
    for end in (row.ci_low, row.ci_high):
        assert abs(row.value - end) == pytest.approx(t.ppf(0.975, 19) * (end * (1 - end) / effective) ** 0.5)
