"""Pool in, answer out. A strategy is one asynchronous function, found by entry point.

A third party adds one in a few lines and names it in its own package:

    [project.entry-points."fusion_eval.strategies"]
    longest = "my_package:longest"

    async def longest(pool: Pool, tools: Tools) -> Answer:
        return Answer(max(pool.usable, key=lambda candidate: len(candidate.text)).text)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fusion_eval.models import Model
from fusion_eval.strategies.plugins import load
from fusion_eval.text.templates import Template
from fusion_eval.types import Answer, Candidate, Pool, Sampling

GROUP = "fusion_eval.strategies"


@dataclass(frozen=True, slots=True)
class Scored:
    """A number per usable candidate (None: unscored), and the generations that scoring cost."""

    scores: tuple[float | None, ...]
    calls: tuple[Candidate, ...] = ()


class Scorer(Protocol):
    """Rates the usable candidates of a pool; higher is better."""

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """One score per candidate of `pool.usable`, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What a strategy may use on a pool."""

    sampling: Sampling
    """Of the task's answer: `max_tokens`, `stop` and `seed`."""
    language: str | None
    """ISO code of the answer's language where the task says it."""
    fusor: Model
    fusor_temperature: float
    fusor_max_tokens: int | None
    template: Template
    scorer: Scorer
    judge: Model


class Strategy(Protocol):
    """Makes one answer of a pool; `pool.usable` holds one candidate at the least."""

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """The answer, with what it cost; falls back on a candidate rather than fail."""
        ...


def load_strategy(name: str) -> Strategy:
    """The strategy of that name; `ConfigError` names the nearest where there is none."""
    return load(GROUP, "strategy", name)  # type: ignore[no-any-return] # an entry point can hold anything


def fall_back(pool: Pool, reason: str, calls: tuple[Candidate, ...] = ()) -> Answer:
    """The candidate that the model itself found likeliest, else the first, with the reason on record."""
    likely = [candidate.mean_logprob for candidate in pool.usable]
    chosen = 0
    if all(value is not None for value in likely):
        chosen = max(range(len(likely)), key=lambda i: likely[i] or 0.0)
    return Answer(pool.usable[chosen].text, chosen=chosen, calls=calls, fallback=reason)
