"""When enough answers have been sampled: the Beta criterion of adaptive consistency (Aggarwal et al., 2305.11860)."""

from __future__ import annotations

import math

CONFIDENCE = 0.95
"""The paper's threshold."""


def probability_of_lead(first: int, second: int) -> float:
    """Return the posterior probability that the leading answer is more frequent than the second.

    The two answers' share p has a uniform prior, so its posterior is Beta(first + 1, second + 1), and the result is
    P(p > 1/2) (arXiv 2305.11860, the Beta criterion). For whole numbers this Beta integral is a binomial sum.

    Args:
        first: How often the most frequent answer was given.
        second: How often the second most frequent answer was given.
    """
    trials = first + second + 1
    ways: int = sum(math.comb(trials, i) for i in range(first + 1))
    total: int = 2**trials
    return ways / total


def fewest_further(first: int, second: int, confidence: float = CONFIDENCE) -> int:
    """Return how many more answers are needed at least before sampling may stop; 0 if it may stop now.

    It may stop when the probability of the lead is above `confidence`. The fastest way there is that all further
    answers are the leading one. So a batch of this size asks for no answer that one at a time would not ask for.
    """
    further = 0
    while probability_of_lead(first + further, second) <= confidence:
        further += 1
    return further
