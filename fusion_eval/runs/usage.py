"""Add up the tokens and dollars of generations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fusion_eval.types import Candidate

ROLES = ("sampler", "scorer", "fusor")
"""What generations are for, in the order of results files."""


@dataclass(slots=True)
class Usage:
    """The tokens and US dollars of some generations."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """The sum of all known costs; None if no cost is known."""
    unpriced: int = 0
    """Generations without a known cost."""
    retries: int = 0
    """Failed tries before the last try of each request."""

    def add(self, generation: Candidate) -> None:
        """Add one generation. A failed one has no cost."""
        self.prompt_tokens += generation.prompt_tokens
        self.completion_tokens += generation.completion_tokens
        self.retries += generation.retries
        if generation.cost is not None:
            self.cost = (self.cost or 0.0) + generation.cost
        elif generation.error is None:
            self.unpriced += 1

    def merge(self, other: Usage) -> None:
        """Add the usage of other generations."""
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        if other.cost is not None:
            self.cost = (self.cost or 0.0) + other.cost
        self.unpriced += other.unpriced
        self.retries += other.retries

    def __str__(self) -> str:
        """Return tokens read and written, dollars and retries: `1,234 + 567 tokens, $0.0123, retries 3`."""
        parts = [f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens"]
        if self.cost is None:
            counted = self.prompt_tokens or self.completion_tokens
            parts.append("no known price" if counted else "no cost, as the server reports no tokens")
        else:
            parts.append(dollars(self.cost) + (" without those of unknown price" if self.unpriced else ""))
        if self.retries:
            parts.append(f"retries {self.retries:,}")
        return ", ".join(parts)


def sum_of_known(costs: Iterable[float | None]) -> float | None:
    """Return the sum of those costs that are known; None if none is."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


def sum_of_all(costs: Iterable[float | None]) -> float | None:
    """Return the sum of costs; None if one of them is unknown."""
    costs = list(costs)
    return None if None in costs else sum_of_known(costs) or 0.0


def dollars(amount: float) -> str:
    """Format US dollars: `$12.34`, with more digits below one dollar."""
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.6f}"
