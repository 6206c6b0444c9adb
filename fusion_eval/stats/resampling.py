"""Sums over clusters that were swapped or drawn at random, in chunks that fit the memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from fusion_eval.stats.paired import Floats

_CHUNK = 2**18
"""Numbers in memory at once: 2 MB of float64, which stay near the processor."""
_KEPT = 2**24
"""Draws up to which they are kept for the next test of as many clusters: 16 MB each."""
_WHOLE = 2**24
"""Sums of whole numbers below it are exact in float32."""


def swapped_sums(differences: Floats, resamples: int, seed: int) -> Floats:
    """(R, m): sums of differences (C, m) over random halves of the clusters."""
    random = np.random.default_rng(seed)
    clusters, columns = differences.shape
    exact = (
        bool((differences == np.rint(differences)).all())
        and np.abs(differences).sum(axis=0).max(initial=0) < _WHOLE
    )
    factors = differences.astype(np.float32 if exact else np.float64)
    sums = np.empty((resamples, columns))
    for rows in _chunks(resamples, clusters):
        count = rows.stop - rows.start
        # A random byte decides on eight clusters.
        drawn = np.frombuffer(random.bytes(count * -(-clusters // 8)), dtype=np.uint8).reshape(count, -1)
        sums[rows] = np.unpackbits(drawn, axis=1, count=clusters).astype(factors.dtype) @ factors
    return sums


def all_swapped_sums(differences: Floats) -> Floats:
    """(2**C, m): sums of differences (C, m) over every subset of the clusters, the empty one first."""
    sums = np.zeros((1, differences.shape[1]))
    for difference in differences:
        sums = np.concatenate([sums, sums + difference])
    return sums


def drawn_sums(statistics: Floats, resamples: int, seed: tuple[int, ...]) -> Floats:
    """(R, m): sums of statistics (C, m) over C clusters drawn with replacement."""
    clusters, columns = statistics.shape
    fixed = (statistics == statistics[:1]).all(axis=0)
    sums = np.empty((resamples, columns))
    sums[:, fixed] = statistics[0, fixed] * clusters
    varying = np.ascontiguousarray(statistics[:, ~fixed])
    if clusters * resamples <= _KEPT:
        counts = _draw_counts(clusters, resamples, seed)
        for rows in _chunks(resamples, clusters):
            sums[rows, ~fixed] = counts[rows].astype(np.float64) @ varying
        return sums

    def look_up(rows: slice, drawn: npt.NDArray[np.int64]) -> None:
        for place, column in zip(np.flatnonzero(~fixed), varying.T.copy(), strict=True):
            sums[rows, place] = column.take(drawn).sum(axis=1)

    _draw(clusters, resamples, seed, look_up)
    return sums


@lru_cache(maxsize=16)  # the rows of a table are tests of the same items: their draws may as well be the same
def _draw_counts(clusters: int, resamples: int, seed: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """(R, C): how often each cluster was drawn. That one of 256 or more is drawn 256 times never happens."""
    counts = np.empty((resamples, clusters), dtype=np.uint8)

    def count(rows: slice, drawn: npt.NDArray[np.int64]) -> None:
        drawn += np.arange(0, drawn.size, clusters)[:, None]
        counts[rows] = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)

    _draw(clusters, resamples, seed, count)
    counts.setflags(write=False)
    return counts


def _draw(
    clusters: int, resamples: int, seed: tuple[int, ...], use: Callable[[slice, npt.NDArray[np.int64]], None]
) -> None:
    """Hand draws (rows, C) to `use`, chunk by chunk on all processors: each chunk has a seed of its own."""

    def draw(numbered: tuple[int, slice]) -> None:
        number, rows = numbered
        random = np.random.default_rng([*seed, number])
        use(rows, random.integers(0, clusters, (rows.stop - rows.start, clusters)))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(draw, enumerate(_chunks(resamples, clusters))):
            pass


def _chunks(resamples: int, clusters: int) -> Iterator[slice]:
    step = max(1, _CHUNK // clusters)
    return (slice(start, min(start + step, resamples)) for start in range(0, resamples, step))
