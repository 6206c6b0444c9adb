"""Count votes: what each candidate answers, and how often each answer is given."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fusion_eval.errors import ConfigError
from fusion_eval.strategies.interface import Tools
from fusion_eval.types import Pool


def extracted_answers(pool: Pool, tools: Tools) -> tuple[str | None, ...]:
    """Return the answer that each usable candidate gives, as the task extracts it; None if it gives none.

    Raises:
        ConfigError: No task extracts answers here.
    """
    extract = tools.extract
    if extract is None:
        raise ConfigError(
            "This strategy votes on answers that a task extracts from replies, and there is no task here; "
            "use a strategy that takes texts: bon, mbr, fusion"
        )
    return tuple(extract(candidate.text) for candidate in pool.usable)


def tally(answers: Sequence[str | None], weights: Sequence[float] | None = None) -> dict[str, float]:
    """Return the votes for each answer, in the order in which the answers are first given.

    Args:
        answers: One answer per candidate. None does not vote.
        weights: The weight of each vote; by default 1.
    """
    votes: dict[str, float] = {}
    for answer, weight in zip(answers, weights or [1.0] * len(answers), strict=True):
        if answer is not None:
            votes[answer] = votes.get(answer, 0.0) + weight
    return votes


def winner(votes: dict[str, float]) -> str:
    """Return the answer with the most votes; of equals the one that was given first."""
    return max(votes, key=lambda answer: votes[answer])


def with_highest(candidates: list[int], scores: Sequence[float | None], keep: float) -> list[int]:
    """Return the candidates whose score is at or above the percentile that keeps this share of them."""
    if keep == 1 or not candidates:
        return candidates
    values = sorted(scores[i] or 0.0 for i in candidates)
    place = (1 - keep) * (len(values) - 1)  # between two values, as numpy.percentile places it
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    threshold = values[below] + (place - below) * (values[above] - values[below])
    return [i for i in candidates if (scores[i] or 0.0) >= threshold]
