"""Several candidates: each is compared with the baseline, p-values are adjusted, and all runs are ranked."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from compared_runs import compared, write_each
from run_folders import samples, write_run
from statsmodels.stats.multitest import multipletests


def test_a_note_says_how_many_resamples_holm_needs(tmp_path: Path) -> None:
    # given nine rows, for which 100 resamples leave no significant p-value
    folders = [
        write_run(tmp_path / name, {f"t{n}": samples(values, prefix=f"{n}-") for n in range(8)})
        for name, values in (("a", [0.1, 0.9]), ("b", [0.2, 0.7]))
    ]
    # when
    notes = compared(*folders, resamples=100).notes
    # then
    message = "over 9 rows no drawn p-value can be significant: ask for resamples=1800"
    assert any(message in note for note in notes)


def test_every_candidate_is_compared_with_the_baseline_and_all_runs_are_ranked(tmp_path: Path) -> None:
    # given one candidate that equals the baseline but for noise, and one that is better
    draw = random.Random(1)
    noise = [draw.random() for _ in range(60)]
    same = [value + draw.gauss(0, 0.01) for value in noise]
    high = [value + 1 + draw.gauss(0, 0.1) for value in noise]
    # when
    comparison = compared(*write_each(tmp_path, {"low": noise, "same": same, "high": high}))
    # then
    assert [(row.candidate, row.significant) for row in comparison.rows] == [("same", False), ("high", True)]
    ranks = {ranked.run: ranked for ranked in comparison.ranks}
    assert ranks["high"].rank == 1
    assert set(ranks["low"].groups) & set(ranks["same"].groups)
    assert not set(ranks["high"].groups) & set(ranks["low"].groups)


@pytest.mark.parametrize(("correction", "method"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_p_values_are_adjusted_over_all_rows(tmp_path: Path, correction: str, method: str) -> None:
    # given
    draw = random.Random(2)
    base = [draw.random() for _ in range(20)]
    candidates = {f"r{shift}": [value + draw.gauss(shift / 10, 0.3) for value in base] for shift in range(4)}
    # when
    rows = compared(*write_each(tmp_path, {"base": base, **candidates}), correction=correction).rows
    # then
    expected = multipletests([row.p_value for row in rows], method=method)[1]
    assert [row.p_adjusted for row in rows] == pytest.approx(list(expected))
