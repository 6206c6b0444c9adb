"""GenSelect: a model compares candidates and names the best, window by window until one is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fusion_eval.argument_values import integer_reader, number_reader
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.asking import made
from fusion_eval.strategies.choosing import Choice, choose, distinct
from fusion_eval.strategies.interface import Tools, fall_back
from fusion_eval.strategies.ranking import seeded_order
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Answer, Candidate, Pool


@dataclass(frozen=True, repr=False)
class GenSelect:
    """Let the fusor name the best candidate of each window, then the best of those, in knock-out rounds.

    Source: Toshniwal et al. 2025 (arXiv 2507.17797) and its code in NeMo-Skills: temperature 0.6 and windows of 8.

    Deviations from the source:

    - A pool that is larger than a window is compared in rounds. The code takes one window of it, by chance.
    - Windows of a round differ in size by one at most, so that no candidate meets weaker rivals.
    - A window of one candidate costs no request.
    - If a reply cannot be read, the window's likeliest candidate goes on instead of a random one.
      The answer then counts as a fallback.
    - The prompt is in our words.

    Args:
        window: The most candidates in one request.
        temperature: The fusor's temperature.
        max_tokens: The most tokens that the fusor may write about one window.

    Raises:
        ConfigError: A number is out of its range.
    """

    uses: ClassVar = ("fusor",)

    window: int = 8
    temperature: float = 0.6
    max_tokens: int = 2048

    def __post_init__(self) -> None:
        integer_reader(2)("window", self.window)
        number_reader(0, 5)("temperature", self.temperature)
        integer_reader(1)("max_tokens", self.max_tokens)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the winner of the last round. A round's windows are asked together; equal texts are not asked about."""
        if len(distinct(pool)) == 1:
            return Answer(pool.usable[0].text, chosen=0)
        left = seeded_order(pool, tools)
        calls: tuple[Candidate, ...] = ()
        problems: list[str] = []
        asked = 0
        while len(left) > 1:
            windows = [left[i :: -(-len(left) // self.window)] for i in range(-(-len(left) // self.window))]
            compared = [window for window in windows if len(window) > 1]
            choices = await gather_or_cancel(self._choose(pool, window, tools) for window in compared)
            calls += made([choice.reply for choice in choices])
            asked += len(choices)
            problems += [choice.problem for choice in choices if choice.chosen is None]
            left = [
                _likeliest(pool, window) if choice.chosen is None else choice.chosen
                for window, choice in zip(compared, choices, strict=True)
            ] + [window[0] for window in windows if len(window) == 1]
        text = pool.usable[left[0]].text
        reason = f"{len(problems)} of {asked} choices: {problems[0]}" if problems else None
        return Answer(text, chosen=left[0], calls=calls, fallback=reason)

    async def _choose(self, pool: Pool, window: list[int], tools: Tools) -> Choice:
        return await choose(
            tools.fusor,
            "genselect",
            pool,
            window,
            tools,
            max_tokens=self.max_tokens,
            temperature=self.temperature,
        )

    def __repr__(self) -> str:
        return format_spec(self)


def _likeliest(pool: Pool, window: list[int]) -> int:
    """Return the candidate of a window on which a strategy falls back."""
    ordered = sorted(window)
    shown = Pool(pool.prompt, tuple(pool.usable[i] for i in ordered))
    return ordered[fall_back(shown, "").chosen or 0]
