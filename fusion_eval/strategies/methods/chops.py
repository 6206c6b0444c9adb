"""CHOPS: a model writes a checklist for the request once, then chooses by it in one pass over all candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.strategies.asking import ask, failure, made
from fusion_eval.strategies.choosing import choose, distinct
from fusion_eval.strategies.fusor_prompt import shipped
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.ranking import seeded_order
from fusion_eval.strategies.specs import format_spec
from fusion_eval.text.templates import without_control_characters
from fusion_eval.types import Answer, Pool, Sampling


@dataclass(frozen=True, repr=False)
class ChecklistSelection:
    """Let the fusor write a checklist for the request, then name the candidate that meets it best.

    Source: checklisted one-pass selection (Khairi et al. 2025, arXiv 2506.20544).

    Our own choices, where the source leaves them open:

    - The fusor sees no candidate when it writes the checklist.
    - Candidates are shuffled.
    - Both prompts are in our words.

    Args:
        temperature: The fusor's temperature.
        max_tokens: The most tokens that the fusor may write in each of the two replies.

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
        """Return the candidate that the fusor names. Fall back without a checklist or a name; skip equal texts."""
        if len(distinct(pool)) == 1:
            return Answer(pool.usable[0].text, chosen=0)
        sampling = Sampling(self.max_tokens, self.temperature, tools.sampling.seed)
        template = shipped("chops_checklist")
        [checklist], _ = await ask(tools.fusor, template, pool.prompt, [], tools, sampling)
        if checklist.error or not checklist.text.strip():
            reason = failure(checklist) or f"it is empty ({checklist.finish_reason})"
            return fall_back(pool, f"there is no checklist: {reason}", made([checklist]))
        items = without_control_characters(checklist.text).strip()
        order = seeded_order(pool, tools)
        choice = await choose(
            tools.fusor,
            "chops",
            pool,
            order,
            tools,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
            checklist=items,
        )
        calls = made([checklist, choice.reply])
        if choice.chosen is None:
            return fall_back(pool, choice.problem, calls)
        return Answer(
            pool.usable[choice.chosen].text,
            chosen=choice.chosen,
            calls=calls,
            comparison=checklist.text.strip(),
        )

    def __repr__(self) -> str:
        return format_spec(self)
