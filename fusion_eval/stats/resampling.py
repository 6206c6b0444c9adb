"""Sums over randomly swapped or resampled clusters, computed in chunks that fit the memory."""

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
"""The most numbers in a chunk: 2 MB of float64, which fit the cache of a processor."""
_MAX_CACHED = 2**24
"""Up to so many draws (16 MB) are cached for the next test with the same number of clusters."""
_blas = ThreadpoolController()

Seed = tuple[int, ...]
Work = Callable[[slice, np.random.Generator], None]


def swapped_sums(differences: Floats, resamples: int, seed: int) -> Floats:
    """Return the sums (R, m) of differences (C, m) over random subsets of the clusters, each of probability 2**-C."""
    clusters, columns = differences.shape
    sums = np.empty((resamples, columns))
    factors = _to_float32_if_exact(differences)

    def swap(rows: slice, random: np.random.Generator) -> None:
        # Each random byte decides on eight clusters.
        size = rows.stop - rows.start, -(-clusters // 8)
        drawn = np.frombuffer(random.bytes(size[0] * size[1]), dtype=np.uint8).reshape(size)
        sums[rows] = np.unpackbits(drawn, axis=1, count=clusters).astype(factors.dtype) @ factors

    _in_chunks(clusters, resamples, (seed,), swap)
    return sums


def all_swapped_sums(differences: Floats) -> Floats:
    """Return the sums (2**C, m) of differences (C, m) over every subset of the clusters, the empty one first."""
    sums = np.zeros((1, differences.shape[1]))
    for difference in differences:
        sums = np.concatenate([sums, sums + difference])
    return sums


def drawn_sums(statistics: Floats, resamples: int, seed: Seed) -> Floats:
    """Return the sums (R, m) of statistics (C, m) over C clusters that are drawn with replacement."""
    clusters, columns = statistics.shape
    _, first, members = np.unique(statistics, axis=0, return_index=True, return_counts=True)
    if 8 * len(first) <= clusters:  # few distinct rows, such as 0/1 values: only the count of each matters
        random = np.random.default_rng(seed)
        # Rows are in order of appearance, because swapping the runs would reverse the values.
        order = np.argsort(first)
        times = random.multinomial(clusters, members[order] / clusters, size=resamples)
        return times.astype(np.float64) @ statistics[first[order]]
    sums = np.empty((resamples, columns))
    if clusters * resamples <= _MAX_CACHED:
        counts = _draw_counts(clusters, resamples, seed)
        factors = _to_float32_if_exact(statistics)

        def multiply(rows: slice, _random: np.random.Generator) -> None:
            sums[rows] = counts[rows].astype(factors.dtype) @ factors

        _in_chunks(clusters, resamples, seed, multiply)
        return sums

    def look_up(rows: slice, random: np.random.Generator) -> None:
        drawn = _draw_places(clusters, rows.stop - rows.start, random)
        for number, column in enumerate(statistics.T.copy()):
            sums[rows, number] = column.take(drawn).sum(axis=1)

    _in_chunks(clusters, resamples, seed, look_up)
    return sums


def _to_float32_if_exact(statistics: Floats) -> npt.NDArray[np.floating[Any]]:
    """Convert to float32, which is faster, if sums are exact in it: integers whose resampled sums are below 2**24."""
    integers = bool((statistics == np.rint(statistics)).all())
    exact = integers and 8 * np.abs(statistics).sum(axis=0).max(initial=0.0) < 2**24
    return statistics.astype(np.float32) if exact else statistics


@lru_cache(maxsize=16)  # the rows of a table test the same items, so they can share their draws
def _draw_counts(clusters: int, resamples: int, seed: Seed) -> npt.NDArray[np.uint8]:
    """Return how often each resample (R, C) draws each cluster. A count above 255 is practically impossible."""
    counts = np.empty((resamples, clusters), dtype=np.uint8)

    def count(rows: slice, random: np.random.Generator) -> None:
        drawn = _draw_places(clusters, rows.stop - rows.start, random)
        drawn += np.arange(0, drawn.size, clusters)[:, None]
        counts[rows] = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)

    _in_chunks(clusters, resamples, seed, count)
    counts.setflags(write=False)
    return counts


def _draw_places(clusters: int, rows: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw the places (rows, C) of clusters, uniformly up to one part in 2**32 / C.

    A place is the upper half of the product of a random 32-bit number and C (Lemire 2019, without the rejection step).
    This is twice as fast as the generator's own integers.
    """
    size = rows * clusters
    words = random.integers(0, 2**64 - 1, -(-size // 2), dtype=np.uint64, endpoint=True).view(np.uint32)[
        :size
    ]
    drawn = np.multiply(words, np.uint64(clusters), dtype=np.uint64)
    drawn >>= np.uint64(32)
    return drawn.view(np.int64).reshape(rows, clusters)


def _in_chunks(clusters: int, resamples: int, seed: Seed, work: Work) -> None:
    """Run `work` on all rows, in chunks on all processors. Each chunk has its own seed, so their order is free."""
    step = max(1, _CHUNK // clusters)
    chunks = [slice(start, min(start + step, resamples)) for start in range(0, resamples, step)]

    def run_chunk(number: int) -> None:
        work(chunks[number], np.random.default_rng([*seed, number]))

    # The chunks keep all processors busy. More threads inside a matrix product would only wait for each other.
    with _blas.limit(limits=1, user_api="blas"):
        if len(chunks) == 1:
            run_chunk(0)
            return
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for _ in pool.map(run_chunk, range(len(chunks))):
                pass
