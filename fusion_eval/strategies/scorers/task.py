"""The oracle: the task's own metric, which knows the references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.interface import Scored, Tools
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Pool

REFUSAL = (
    "scorer=task is the oracle, which scores by the references, so no strategy may choose by it; run with another scorer, "
    "and read what it would reach by fusion-eval compare --baseline oracle RUN, or by fusion-eval analyze RUN"
)


@dataclass(frozen=True, repr=False)
class TaskMetric:
    """The task's own metric. It has a name so that whoever asks for it learns where the bound stands."""

    needs_references: ClassVar = True

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Refuse to score.

        Raises:
            ConfigError: Always; a solver refuses the scorer earlier, before any call.
        """
        raise ConfigError(REFUSAL)

    def __repr__(self) -> str:
        return format_spec(self)
