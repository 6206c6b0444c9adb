"""The oracle: the task's own metric, which knows the references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Pool

REFUSAL = (
    "scorer=task is the oracle, which knows the references, so it bounds strategies and is none; run with another scorer "
    "and read the bound by fusion-eval compare --baseline oracle"
)


@dataclass(frozen=True, repr=False)
class TaskMetric:
    """Score each candidate by the task's own metric, for analyses of a finished run.

    An analysis puts the metric into `Tools.rate`. Whatever makes answers refuses this scorer.
    """

    needs_references: ClassVar = True

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return the metric of each candidate, higher for a better one; None where it has no value.

        Raises:
            ConfigError: This is no analysis.
        """
        if tools.rate is None:
            raise ConfigError(REFUSAL)
        return Scored(tuple(tools.rate(candidate.text) for candidate in pool.usable))

    def __repr__(self) -> str:
        return format_spec(self)
