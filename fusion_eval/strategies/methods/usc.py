"""Universal self-consistency: a model names the candidate that is most consistent with the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.strategies.asking import made
from fusion_eval.strategies.choosing import choose, distinct
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.ranking import seeded_order
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Pool


@dataclass(frozen=True, repr=False)
class UniversalSelfConsistency:
    """Show the fusor all candidates, and take the one that it names as the most consistent with the majority.

    Source: Chen et al. 2023 (arXiv 2311.17311).

    Deviations from the source:

    - Candidates are shuffled, since their order decides too much.
    - The reply may give reasons, and ends with the number.
    - The prompt is in our words.

    Args:
        temperature: The fusor's temperature.
        max_tokens: The most tokens that the fusor may write.

    Raises:
        ConfigError: A number is out of its range.
    """

    uses: ClassVar = ("fusor",)

    temperature: float = 0.0
    max_tokens: int = 1024

    def __post_init__(self) -> None:
        number_reader(0, 5)("temperature", self.temperature)
        integer_reader(1)("max_tokens", self.max_tokens)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the candidate that the fusor names. Fall back if it names none; do not ask about equal texts."""
        if len(distinct(pool)) == 1:
            return Answer(pool.usable[0].text, chosen=0)
        choice = await choose(
            tools.fusor,
            "usc",
            pool,
            seeded_order(pool, tools),
            tools,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
        )
        if choice.chosen is None:
            return fall_back(pool, choice.problem, made([choice.reply]))
        return Answer(pool.usable[choice.chosen].text, chosen=choice.chosen, calls=made([choice.reply]))

    def __repr__(self) -> str:
        return format_spec(self)
