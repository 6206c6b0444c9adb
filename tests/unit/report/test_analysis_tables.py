"""The printed tables of an analysis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from contributing import scored_pools, strategy_answers

from fusion_eval.analysis.analyze import analyze_pools
from fusion_eval.errors import ConfigError
from fusion_eval.report.analysis_tables import blocks, percent
from fusion_eval.report.analysis_view import AnalysisView
from fusion_eval.report.text_table import Table

RIGHT = [[1, 1, 1], [1, 1, 1], [1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]]


def tables(values: list[list[float]], **fields: object) -> list[Table]:
    analysis = analyze_pools([scored_pools(values, **fields)])
    return [block for block in blocks(analysis) if isinstance(block, Table)]


def test_rescue_has_a_line_for_each_count_that_occurs_and_a_column_for_each_strategy() -> None:
    strategies = (strategy_answers("bon", [1, 1, 1, 1, 0, 0]), strategy_answers("fusion", [1, 1, 0, 0, 1, 0]))
    [table] = [table for table in tables(RIGHT, strategies=strategies) if "c" in table.head]
    assert list(table.head) == ["task", "lang", "metric", "c", "bon", "fusion"]
    assert [list(line[3:]) for line in table.lines] == [
        ["0", "0/2 0% [0, 84]", "1/2 50% [1, 99]"],
        ["1", "2/2 100% [16, 100]", "0/2 0% [0, 84]"],
        ["3", "2/2 100% [16, 100]", "2/2 100% [16, 100]"],
    ]


def test_of_many_numbers_of_candidates_powers_of_two_and_the_last_are_shown() -> None:
    curves = tables(np.random.default_rng(0).integers(0, 2, (5, 20)).tolist())[0]
    assert [name for name in curves.head if name.startswith("k=")] == [
        "k=1",
        "k=2",
        "k=4",
        "k=8",
        "k=16",
        "k=20",
    ]


def test_of_many_tasks_the_mean_over_them_is_shown() -> None:
    pools = [scored_pools(RIGHT, task=f"t_{code}", language=code) for code in ("en", "fr", "de", "es", "it")]
    text = str(AnalysisView(analyze_pools(pools)))
    assert "t     all" in text and "t_fr" not in text


def test_what_is_not_known_is_a_dash() -> None:
    # given pools without a gain to recover
    [table] = [
        table
        for table in tables([[1, 1], [0, 0]], strategies=(strategy_answers("bon", [1, 0]),))
        if "recovered" in table.head
    ]
    assert table.lines[0][-2] == "-"


def test_a_share_without_an_interval_is_shown_alone() -> None:
    assert percent(0.5, None, None) == "50%"
    assert percent(0.5, 0.25, 0.75) == "50% [25, 75]"


def test_a_row_that_lacks_a_field_is_named() -> None:
    # given an analysis as an older version wrote it
    analysis = replace(analyze_pools([scored_pools(RIGHT)]), budget=({"task": "t", "language": "en"},))
    # when / then
    with pytest.raises(ConfigError, match="lacks the field 'unit', which this version writes; analyze again"):
        str(AnalysisView(analysis))
