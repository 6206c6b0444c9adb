"""What k of N candidates are expected to give, exactly, over all subsets of size k.

Each function takes matrices (M, N) of M items with N candidates and returns (M, N): column k - 1 is the item's expected
value for k candidates that are drawn without replacement.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def pass_at_k(right: npt.ArrayLike) -> Floats:
    """Return the probability that at least one of k candidates is right: 1 - C(n - c, k) / C(n, k).

    Source: Chen et al. 2021, arXiv 2107.03374, equation 1.
    """
    correct = np.asarray(right, dtype=bool)
    n = correct.shape[1]
    by_count = 1.0 - subset_shares(n)[::-1, 1:]
    return np.asarray(by_count[correct.sum(axis=1)])


def mean_of_k(values: npt.ArrayLike) -> Floats:
    """Return the mean over the candidates, which is the same for every k."""
    array = np.asarray(values, dtype=np.float64)
    return np.repeat(array.mean(axis=1, keepdims=True), array.shape[1], axis=1)


def best_of_k(scores: npt.ArrayLike, values: npt.ArrayLike) -> Floats:
    """Return the expected value of the candidate with the highest score among k.

    The i-th of n candidates in ascending order of scores is the best of k with probability C(i-1, k-1) / C(n, k). Equal
    scores share their probability evenly, as if the candidates came in random order. NaN is unscored: such a candidate
    is taken only if no other is drawn.
    """
    ranked = np.where(np.isnan(given := np.asarray(scores, dtype=np.float64)), -np.inf, given)
    order = np.argsort(ranked, axis=1, kind="stable")
    below, up_to = tie_bounds(np.take_along_axis(ranked, order, axis=1))
    ordered = np.take_along_axis(np.asarray(values, dtype=np.float64), order, axis=1)
    each = ordered / (up_to - below)
    shares = subset_shares(ranked.shape[1])
    columns = [
        (each * (share[up_to] - share[below])).sum(axis=1) for share in np.ascontiguousarray(shares.T)[1:]
    ]
    return np.stack(columns, axis=1)


def oracle_of_k(values: npt.ArrayLike, *, higher_is_better: bool = True) -> Floats:
    """Return the expected best value among k candidates."""
    array = np.asarray(values, dtype=np.float64)
    return best_of_k(array if higher_is_better else -array, array)


def subset_shares(n: int) -> Floats:
    """Return the table (n + 1, n + 1) of C(u, k) / C(n, k): the share of subsets of size k that lie within u candidates."""
    return np.array([[math.comb(u, k) / math.comb(n, k) for k in range(n + 1)] for u in range(n + 1)])


def tie_bounds(ordered: npt.NDArray[np.float64] | Integers) -> tuple[Integers, Integers]:
    """Return how many values of the same row are smaller, and how many are not greater, for rows in ascending order."""
    items, n = ordered.shape
    rises = ordered[:, 1:] != ordered[:, :-1]
    places = np.arange(1, n)
    below = np.zeros((items, n), dtype=np.int64)
    below[:, 1:] = np.maximum.accumulate(np.where(rises, places, 0), axis=1)
    up_to = np.full((items, n), n, dtype=np.int64)
    up_to[:, :-1] = np.minimum.accumulate(np.where(rises, places, n)[:, ::-1], axis=1)[:, ::-1]
    return below, up_to
