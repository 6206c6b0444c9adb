"""The scorer `task` is the oracle: it is refused, and the refusal says where the bound stands."""

from __future__ import annotations

import pytest
from scripted import pool_of, tools

from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.strategies.scorers.task import TaskMetric
from fusion_eval.strategies.solver import Solver


@pytest.mark.parametrize(
    ("strategy", "arguments"),
    [
        ("bon(scorer=task)", {}),
        ("bon", {"scorer": "task"}),
        ("rank_fusion(by=task)", {}),
        ("weighted_majority(by=task)", {}),
        ("single", {"scorer": "task"}),
    ],
)
def test_a_run_refuses_it_before_any_call(strategy: str, arguments: dict[str, str]) -> None:
    checked = parse({"model": "m", "base_url": "http://127.0.0.1:9/v1", "cache": "off", **arguments})
    with pytest.raises(ConfigError, match=r"scorer=task is the oracle, .* compare --baseline oracle"):
        Solver(strategy, checked, Opener(checked, Store(None)))


async def test_a_strategy_that_calls_it_itself_is_refused_too() -> None:
    with pytest.raises(ConfigError, match="the oracle"):
        await TaskMetric()(pool_of("a"), tools())
