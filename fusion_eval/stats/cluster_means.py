"""Means over clustered items, with intervals that need no resampling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.special import betaincinv, stdtr, stdtrit

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_ROUNDING = 1e-12
"""A relative spread below this is rounding."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Items that depend on each other within clusters. A mean over them is the mean of the means of their groups.

    Attributes:
        cluster: The number of each item's cluster (n,), from 0.
        group: The number of each item's group (n,), such as its language, from 0.
    """

    cluster: Integers
    group: Integers

    @cached_property
    def n_clusters(self) -> int:
        """The number of clusters."""
        return len(np.unique(self.cluster))

    @cached_property
    def weights(self) -> Floats:
        """The weight of each item (n,) in the mean; the sum is 1."""
        sizes = np.bincount(self.group).astype(np.float64)
        return np.asarray(1.0 / (sizes[self.group] * (sizes > 0).sum()))

    @cached_property
    def sums(self) -> tuple[csr_array, csr_array, Floats]:
        """The weighted sum over each cluster (C, n), the mean of each group (G, n), and each cluster's weights (C, G)."""
        items = np.arange(len(self.cluster))
        sizes = np.bincount(self.group).astype(np.float64)
        by_cluster = csr_array((self.weights, (self.cluster, items)))
        by_group = csr_array((1.0 / sizes[self.group], (self.group, items)))
        shares = csr_array(
            (self.weights, (self.cluster, self.group)), shape=(by_cluster.shape[0], len(sizes))
        )
        return by_cluster, by_group, shares.toarray()

    @cached_property
    def degrees(self) -> int:
        """The degrees of freedom: clusters minus strata, which are parts of the data that share no cluster."""
        edges = coo_array((np.ones(len(self.cluster)), (self.cluster, self.group)))
        size = sum(edges.shape)
        both = coo_array((edges.data, (edges.row, edges.col + edges.shape[0])), shape=(size, size))
        _, component = connected_components(both, directed=False)
        return self.n_clusters - len(np.unique(component[self.cluster]))


@dataclass(frozen=True, slots=True)
class Means:
    """Means (K,) of K columns, their standard errors (K,), and the degrees of freedom and clusters behind them."""

    mean: Floats
    error: Floats
    degrees: int
    n_clusters: int

    def t_interval(self, confidence: float) -> tuple[Floats, Floats]:
        """Return the ends (K,) of Student's t interval; NaN where the items have no spread."""
        half = self._quantile(confidence) * np.where(self.error > 0, self.error, np.nan)
        return self.mean - half, self.mean + half

    def share_interval(self, confidence: float) -> tuple[Floats, Floats]:
        """Return the ends (K,) of an interval for means of values from 0 to 1. It stays within 0 and 1.

        It is Wilson's interval (1927) at the effective number of items p (1 - p) / error**2 with Student's quantile
        (Dean & Pagano 2015). If all values are 0, C clusters exclude a mean above 1 - (alpha / 2) ** (1 / C); likewise
        if all are 1. NaN where the items have another value without spread.
        """
        p, quantile = np.clip(self.mean, 0.0, 1.0), self._quantile(confidence)
        with np.errstate(divide="ignore", invalid="ignore"):
            effective = np.where(self.error > 0, p * (1 - p) / self.error**2, np.nan)
            shrink = quantile**2 / effective
            centre = (p + shrink / 2) / (1 + shrink)
            half = np.sqrt(quantile**2 * self.error**2 + shrink**2 / 4) / (1 + shrink)
        low, high = centre - half, centre + half
        edge = ((1 - confidence) / 2) ** (1 / self.n_clusters)
        spread = self.error > 0
        low = np.where(~spread & (p <= _ROUNDING), 0.0, np.where(~spread & (p >= 1 - _ROUNDING), edge, low))
        high = np.where(
            ~spread & (p <= _ROUNDING), 1 - edge, np.where(~spread & (p >= 1 - _ROUNDING), 1.0, high)
        )
        return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)

    def t_test(self) -> Floats:
        """Return the two-sided p-values (K,) of Student's test that each mean is 0; NaN where the items have no spread."""
        ratio = np.abs(self.mean) / np.where(self.error > 0, self.error, np.nan)
        return np.asarray(
            2 * stdtr(self.degrees, -ratio) if self.degrees > 0 else np.full_like(ratio, np.nan)
        )

    def _quantile(self, confidence: float) -> float:
        return float(stdtrit(self.degrees, (1 + confidence) / 2)) if self.degrees > 0 else float("nan")


def cluster_means(values: npt.ArrayLike, sample: Sample) -> Means:
    """Return the means of columns of values with cluster-robust standard errors.

    The variance of a mean of group means is that of the sum of its linearized residuals by cluster (Taylor series, Wolter
    2007, chapter 6), times C / (C - S) for C clusters in S strata.

    Args:
        values: The values (n, K) of n items, or (n,) for one column.
        sample: The items' clusters and groups.
    """
    columns = _columns(values, sample)
    mean, residuals = linearized(columns, sample)
    error = np.sqrt((residuals**2).sum(axis=0))
    error[error <= _ROUNDING * np.abs(columns).max(axis=0, initial=0.0)] = 0.0
    return Means(mean, error, sample.degrees, sample.n_clusters)


def linearized(values: npt.ArrayLike, sample: Sample) -> tuple[Floats, Floats]:
    """Return the means (K,) of columns, and residuals (C, K) whose products, summed, estimate the means' covariances.

    Args:
        values: The values (n, K) of n items, or (n,) for one column.
        sample: The items' clusters and groups. With as many strata as clusters, the residuals are NaN.
    """
    columns = _columns(values, sample)
    by_cluster, by_group, shares = sample.sums
    group_means = by_group @ columns
    factor = sample.n_clusters / sample.degrees if sample.degrees > 0 else np.nan
    residuals = (by_cluster @ columns - shares @ group_means) * math.sqrt(factor)
    return np.asarray(shares.sum(axis=0) @ group_means), np.asarray(residuals)


def _columns(values: npt.ArrayLike, sample: Sample) -> Floats:
    return np.asarray(values, dtype=np.float64).reshape(len(sample.cluster), -1)


def proportion_interval(
    right: npt.ArrayLike, cluster: Integers, confidence: float, group: Integers | None = None
) -> tuple[float, float]:
    """Return Clopper and Pearson's exact interval (1934) of the share of items that are right.

    If items depend on each other or weigh differently, the effective number of items takes the place of their number
    (Korn & Graubard 1998). It is at most Kish's, 1 over the sum of the squared weights.

    Args:
        right: Whether each item is right (n,).
        cluster: The number of each item's cluster (n,).
        confidence: The nominal coverage.
        group: The number of each item's group (n,): the share is the mean of the groups' shares. None is one group.
    """
    hits = np.asarray(right, dtype=np.float64)
    n, clusters = len(hits), len(np.unique(cluster))
    sample = Sample(cluster, np.zeros(n, dtype=np.int64) if group is None else group)
    effective = most = 1.0 / float((sample.weights**2).sum())
    share = min(float(sample.weights @ hits), 1.0)
    simple = clusters == n and most > n * (1 - _ROUNDING)
    if not simple and sample.degrees < 1:
        effective = 1.0
    elif not simple:
        error = float(cluster_means(hits, sample).error[0])
        loss = (stdtrit(n - 1, (1 + confidence) / 2) / stdtrit(sample.degrees, (1 + confidence) / 2)) ** 2
        effective = min(most, share * (1 - share) / error**2 * loss if error > 0 else float(clusters))
    return clopper_pearson(share * effective, effective, confidence)


def clopper_pearson(hits: float, n: float, confidence: float) -> tuple[float, float]:
    """Return the exact interval of a share of `hits` among `n`; both may be fractions."""
    tail = (1 - confidence) / 2
    misses = n - hits
    low = float(betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return low, high
