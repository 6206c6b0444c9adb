"""What a vote among k of N candidates is expected to give, exactly, over all subsets of size k."""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fusion_eval.stats.subsets import Floats, subset_shares, tie_bounds


def majority_of_k(answers: npt.ArrayLike, values: npt.ArrayLike) -> Floats:
    """Return the expected value of the candidate that a vote among k candidates elects.

    The most frequent answer wins, and the first candidate that gives it is taken. Candidates are drawn in random order,
    so answers with equally many votes win equally often. A candidate without an answer does not vote; if no candidate
    votes, the first is taken.

    The probability depends only on how often each answer is given. For an answer with m candidates it is the sum over j
    of the coefficient of x**k in C(m, j) x**j times a polynomial for each other answer with b candidates,
    sum over i < j of C(b, i) x**i plus y C(b, j) x**j, and (1 + x)**u for u candidates without an answer. The integral
    over y from 0 to 1 turns t tied rivals into 1 / (t + 1); Gauss-Legendre nodes make it exact.

    Args:
        answers: Numbers (M, N); equal numbers in a row are equal answers, negative ones are none.
        values: The metric's values (M, N).

    Returns:
        Expected values (M, N): column k - 1 is for k candidates.
    """
    codes = np.asarray(answers, dtype=np.int64)
    order = np.argsort(codes, axis=1, kind="stable")
    ordered = np.take_along_axis(codes, order, axis=1)
    below, up_to = tie_bounds(ordered)
    times = np.where(ordered < 0, 0, up_to - below)
    of_items = np.take_along_axis(np.asarray(values, dtype=np.float64), order, axis=1)
    patterns, pattern = np.unique(np.sort(times, axis=1), axis=0, return_inverse=True)
    result = np.zeros(codes.shape)
    by_pattern = np.argsort(pattern.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(pattern.ravel(), minlength=len(patterns)))
    for counts, start, end in zip(patterns.tolist(), [0, *ends[:-1]], ends, strict=True):
        rows = by_pattern[start:end]
        for m, probability in _election(counts).items():
            # The answer's candidates are equally likely to be its first.
            total = np.where(times[rows] == m, of_items[rows], 0.0).sum(axis=1)
            result[rows] += total[:, None] * (probability / max(m, 1))
    return result


def _election(counts: Sequence[int]) -> dict[int, Floats]:
    """Return, by multiplicity m, the probability (N,) that one answer with m candidates wins among k = 1…N.

    Under 0 stands the probability that one candidate without an answer is taken.

    Args:
        counts: For each candidate, how many candidates give its answer; 0 for no answer.
    """
    n = len(counts)
    silent = counts.count(0)
    answers = Counter({m: number // m for m, number in Counter(counts).items() if m})
    subsets = np.array([math.comb(n, k) for k in range(n + 1)], dtype=np.float64)
    won: dict[int, Floats] = {}
    for m in answers:
        rivals = answers - Counter([m])
        ways = np.zeros(n + 1)
        for j in range(1, m + 1):
            strong = Counter({rival: number for rival, number in rivals.items() if rival >= j})
            y, weights = _unit_nodes(strong.total() // 2 + 1)
            product = np.zeros((len(y), n + 1))
            product[:, j] = math.comb(m, j)
            for rival in strong.elements():
                product = _times(product, [math.comb(rival, i) for i in range(j)], y * math.comb(rival, j))
            # Rivals with fewer than j candidates, and candidates without an answer, only fill the subset.
            fill = n - m - sum(strong.elements())
            ways += np.convolve(weights @ product, [float(math.comb(fill, i)) for i in range(fill + 1)])[
                : n + 1
            ]
        won[m] = (ways / subsets)[1:]
    if silent:
        won[0] = subset_shares(n)[silent, 1:] / silent
    return won


@functools.cache
def _unit_nodes(number: int) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre nodes and weights for integrals from 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(number)
    return (nodes + 1) / 2, weights / 2


def _times(product: Floats, lower: Sequence[int], highest: Floats) -> Floats:
    """Multiply polynomials (nodes, degree + 1) by one with coefficients `lower`, then `highest` (nodes,); cut at the degree."""
    size, top = product.shape[1], len(lower)
    result = product * lower[0]
    for i, coefficient in enumerate(lower[1:], start=1):
        result[:, i:] += product[:, : size - i] * coefficient
    result[:, top:] += product[:, : size - top] * highest[:, None]
    return result
