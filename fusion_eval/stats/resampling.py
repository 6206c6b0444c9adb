"""Sums over clusters that were swapped or drawn at random, in chunks that fit the memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from fusion_eval.stats.paired import Floats

_CHUNK = 2**18
"""Numbers in memory at once, on each processor: 2 MB of float64, which stay near it."""
_KEPT = 2**24
"""Draws up to which they are kept for the next test of as many clusters: 16 MB each."""
_blas = ThreadpoolController()

Seed = tuple[int, ...]
Work = Callable[[slice, np.random.Generator], None]


def swapped_sums(differences: Floats, resamples: int, seed: int) -> Floats:
    """(R, m): sums of differences (C, m) over random halves of the clusters."""
    clusters, columns = differences.shape
    sums = np.empty((resamples, columns))
    factors = _narrow(differences)

    def swap(rows: slice, random: np.random.Generator) -> None:
        # A random byte decides on eight clusters.
        size = rows.stop - rows.start, -(-clusters // 8)
        drawn = np.frombuffer(random.bytes(size[0] * size[1]), dtype=np.uint8).reshape(size)
        sums[rows] = np.unpackbits(drawn, axis=1, count=clusters).astype(factors.dtype) @ factors

    _in_chunks(clusters, resamples, (seed,), swap)
    return sums


def all_swapped_sums(differences: Floats) -> Floats:
    """(2**C, m): sums of differences (C, m) over every subset of the clusters, the empty one first."""
    sums = np.zeros((1, differences.shape[1]))
    for difference in differences:
        sums = np.concatenate([sums, sums + difference])
    return sums


def drawn_sums(statistics: Floats, resamples: int, seed: Seed) -> Floats:
    """(R, m): sums of statistics (C, m) over C clusters drawn with replacement."""
    clusters, columns = statistics.shape
    _, first, members = np.unique(statistics, axis=0, return_index=True, return_counts=True)
    if 8 * len(first) <= clusters:  # values of 0 and 1, say: how often each kind is drawn is all that matters
        random = np.random.default_rng(seed)
        order = np.argsort(first)  # by place and not by value, which swapping the runs would turn round
        times = random.multinomial(clusters, members[order] / clusters, size=resamples)
        return times.astype(np.float64) @ statistics[first[order]]
    sums = np.empty((resamples, columns))
    if clusters * resamples <= _KEPT:
        counts = _draw_counts(clusters, resamples, seed)
        factors = _narrow(statistics)

        def multiply(rows: slice, _random: np.random.Generator) -> None:
            sums[rows] = counts[rows].astype(factors.dtype) @ factors

        _in_chunks(clusters, resamples, seed, multiply)
        return sums

    def look_up(rows: slice, random: np.random.Generator) -> None:
        drawn = _places(clusters, rows.stop - rows.start, random)
        for place, column in enumerate(statistics.T.copy()):
            sums[rows, place] = column.take(drawn).sum(axis=1)

    _in_chunks(clusters, resamples, seed, look_up)
    return sums


def _narrow(statistics: Floats) -> npt.NDArray[np.floating[Any]]:
    """float32 where it is as exact: whole numbers whose sums, each drawn several times, stay below 2**24."""
    whole = bool((statistics == np.rint(statistics)).all())
    exact = whole and 8 * np.abs(statistics).sum(axis=0).max(initial=0.0) < 2**24
    return statistics.astype(np.float32) if exact else statistics


@lru_cache(maxsize=16)  # the rows of a table are tests of the same items: their draws may as well be the same
def _draw_counts(clusters: int, resamples: int, seed: Seed) -> npt.NDArray[np.uint8]:
    """(R, C): how often each cluster was drawn. That one of 256 or more is drawn 256 times never happens."""
    counts = np.empty((resamples, clusters), dtype=np.uint8)

    def count(rows: slice, random: np.random.Generator) -> None:
        drawn = _places(clusters, rows.stop - rows.start, random)
        drawn += np.arange(0, drawn.size, clusters)[:, None]
        counts[rows] = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)

    _in_chunks(clusters, resamples, seed, count)
    counts.setflags(write=False)
    return counts


def _places(clusters: int, rows: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """(rows, C): places of clusters, evenly drawn but for one part in 2**32 / C.

    The upper half of a 32 bit number times C is such a place (Lemire 2019, without the rejection that would even out the
    rest), which is twice as fast as the generator's own integers.
    """
    size = rows * clusters
    words = random.integers(0, 2**64 - 1, -(-size // 2), dtype=np.uint64, endpoint=True).view(np.uint32)[
        :size
    ]
    drawn = np.multiply(words, np.uint64(clusters), dtype=np.uint64)
    drawn >>= np.uint64(32)
    return drawn.view(np.int64).reshape(rows, clusters)


def _in_chunks(clusters: int, resamples: int, seed: Seed, work: Work) -> None:
    """`work` on all rows, chunk by chunk on all processors. Each chunk has a seed of its own, so that their order is free."""
    step = max(1, _CHUNK // clusters)
    chunks = [slice(start, min(start + step, resamples)) for start in range(0, resamples, step)]

    def one(number: int) -> None:
        work(chunks[number], np.random.default_rng([*seed, number]))

    # The processors are busy with chunks: threads within a product of matrices would only wait for each other.
    with _blas.limit(limits=1, user_api="blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(one, range(len(chunks))):
            pass
