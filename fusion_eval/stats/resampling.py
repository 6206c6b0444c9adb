"""Sums over clusters that were swapped or drawn at random, in chunks that fit the memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fusion_eval.stats.paired import Floats

_CHUNK = 2**21
"""Numbers in memory at once: 16 MB of float64, near enough to the processor to be fast."""
_FEW = 3
"""Columns up to which looking numbers up is faster than counting draws and multiplying."""


def swapped_sums(differences: Floats, resamples: int, seed: int) -> Floats:
    """(R, m): sums of differences (C, m) over random halves of the clusters."""
    random = np.random.default_rng(seed)
    clusters, columns = differences.shape
    sums = np.empty((resamples, columns))
    for rows in _chunks(resamples, clusters):
        count = rows.stop - rows.start
        # A random byte decides on eight clusters.
        drawn = np.frombuffer(random.bytes(count * -(-clusters // 8)), dtype=np.uint8).reshape(count, -1)
        sums[rows] = np.unpackbits(drawn, axis=1, count=clusters).astype(np.float64) @ differences
    return sums


def all_swapped_sums(differences: Floats) -> Floats:
    """(2**C, m): sums of differences (C, m) over every subset of the clusters, the empty one first."""
    sums = np.zeros((1, differences.shape[1]))
    for difference in differences:
        sums = np.concatenate([sums, sums + difference])
    return sums


def drawn_sums(statistics: Floats, resamples: int, seed: int) -> Floats:
    """(R, m): sums of statistics (C, m) over C clusters drawn with replacement."""
    random = np.random.Generator(np.random.SFC64(seed))
    clusters, columns = statistics.shape
    fixed = (statistics == statistics[:1]).all(axis=0)
    sums = np.empty((resamples, columns))
    sums[:, fixed] = statistics[0, fixed] * clusters
    varying = np.ascontiguousarray(statistics[:, ~fixed])
    for rows in _chunks(resamples, clusters):
        count = rows.stop - rows.start
        drawn = random.integers(0, clusters, (count, clusters), dtype=np.int32)
        if varying.shape[1] <= _FEW:
            found = [column.take(drawn).sum(axis=1) for column in varying.T.copy()]
            sums[rows, ~fixed] = np.stack(found, axis=1) if found else np.empty((count, 0))
        else:
            places = drawn + np.arange(0, count * clusters, clusters)[:, None]
            times = np.bincount(places.ravel(), minlength=count * clusters).reshape(count, clusters)
            sums[rows, ~fixed] = times.astype(np.float64) @ varying
    return sums


def _chunks(resamples: int, clusters: int) -> Iterator[slice]:
    step = max(1, _CHUNK // clusters)
    return (slice(start, min(start + step, resamples)) for start in range(0, resamples, step))
