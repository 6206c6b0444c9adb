"""Let a model choose among candidates: show them in a seeded order, and read the numbers that its reply ends with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fusion_eval.models import Model
from fusion_eval.strategies.asking import ask, failure
from fusion_eval.strategies.fusor_prompt import shipped
from fusion_eval.strategies.interface import Tools
from fusion_eval.types import Candidate, Pool, Sampling

_NUMBERS = re.compile(
    r"(?<!\[)\[\[ ?\**([1-9]\d{0,3}(?: ?[,>] ?[1-9]\d{0,3})*)\** ?\]\]"
    r"(?:[\s.。।۔*_`~!)#]|<[|｜][^<>|｜\s]{1,40}[|｜]>|</s>|<end_of_turn>|</(?:b|strong|em|i|p)>)*\Z"
)
"""Whole numbers from 1 in double brackets, before nothing but emphasis and tokens that end a turn."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a model chose.

    Attributes:
        chosen: The index of the usable candidate that the model named; None if it named none that was shown.
        reply: The model's reply.
    """

    chosen: int | None
    reply: Candidate

    @property
    def problem(self) -> str:
        """Why there is no choice, in the words of a fallback's reason."""
        return failure(self.reply, "the model that chooses") or (
            f"the model that chooses named no candidate that it was shown ({self.reply.finish_reason})"
        )


async def choose(
    model: Model,
    template: str,
    pool: Pool,
    shown: Sequence[int],
    tools: Tools,
    *,
    max_tokens: int,
    temperature: float = 0.0,
    **variables: object,
) -> Choice:
    """Ask a model once which of the shown candidates it takes.

    Args:
        model: The model.
        template: The name of a prompt that ships with the package, and that asks for a number in double brackets.
        pool: The pool.
        shown: The indices of the usable candidates to show, in this order.
        tools: Tells the language and the pool's seed.
        max_tokens: The most tokens that the model may write.
        temperature: The model's temperature.
        **variables: Other variables of the template.
    """
    texts = [pool.usable[i].text.strip() for i in shown]
    sampling = Sampling(max_tokens, temperature, tools.sampling.seed)
    [reply], _ = await ask(model, shipped(template), pool.prompt, texts, tools, sampling, variables=variables)
    numbers = None if reply.error else read_numbers(reply.text)
    valid = numbers is not None and len(numbers) == 1 and 1 <= numbers[0] <= len(shown)
    return Choice(shown[numbers[0] - 1] if numbers and valid else None, reply)


def read_numbers(reply: str) -> tuple[int, ...] | None:
    """Return the numbers in double brackets at the end of a reply, such as `[[3]]` or `[[2, 1, 3]]`; else None.

    Brackets elsewhere may quote a candidate (`it demands [[1]]`), and prose is no choice (`the second one`).
    """
    found = _NUMBERS.search(reply)
    return tuple(map(int, re.findall(r"\d+", found.group(1)))) if found else None


def distinct(pool: Pool) -> list[int]:
    """Return the index of the first usable candidate of each text."""
    first: dict[str, int] = {}
    for i, candidate in enumerate(pool.usable):
        first.setdefault(candidate.text.strip(), i)
    return list(first.values())
