"""The share of the oracle's gain that a strategy recovers: its interval covers at its level."""

from __future__ import annotations

import numpy as np
import pytest
from contributing import scored_pools, strategy_answers

from fusion_eval.analysis.ceiling import recovered_rows
from fusion_eval.analysis.units import units
from fusion_eval.stats.cluster_means import Sample


@pytest.mark.slow
def test_intervals_of_the_share_recovered_cover_at_their_level() -> None:
    # given 300 samples of 50 items, and a strategy whose score is the value with as much noise
    random = np.random.default_rng(4)
    hits = []
    for _ in range(300):
        values = random.normal(size=(50, 5)) + random.normal(size=(50, 1))
        noisy = values + random.normal(size=values.shape)
        chosen = values[np.arange(50), noisy.argmax(axis=1)]
        # when each sample has an interval of the share
        [unit] = units(
            [scored_pools(values.tolist(), strategies=(strategy_answers("bon", chosen.tolist()),))]
        )
        [row] = recovered_rows(unit, Sample(unit.cluster, unit.group), 0.05, 500, 0)
        assert row.ci_low is not None and row.ci_high is not None
        hits.append(row.ci_low <= 2**-0.5 <= row.ci_high)
    # then 95% of them contain the truth, the correlation of score and value, up to the noise of 300 samples
    assert 0.91 < np.mean(hits) < 0.985


def test_a_strategy_as_good_as_the_oracle_recovers_all() -> None:
    values = [[0.0, 1.0], [2.0, 1.0], [0.5, 0.0]]
    [unit] = units([scored_pools(values, strategies=(strategy_answers("best", [1.0, 2.0, 0.5]),))])
    [row] = recovered_rows(unit, Sample(unit.cluster, unit.group), 0.05, 200, 0)
    assert (row.share, row.ci_low, row.ci_high, row.regret) == pytest.approx((1.0, 1.0, 1.0, 0.0))
