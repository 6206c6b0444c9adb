"""Estimate the human win rate from a few human labels and many verdicts of a judge: prediction-powered inference.

The judge's mean over all pairs is precise but biased. The human labels show the bias, but are few. The estimate adds
to the mean of the labels how much the judge's mean on the other pairs differs from that on the labelled ones, with a
weight `lam` (Angelopoulos, Bates, Fannjiang, Jordan & Zrnic 2023, "Prediction-powered inference", Science 382; the
weight is from PPI++, Angelopoulos, Duchi & Zrnic 2023, arXiv 2311.01453). It is valid for any judge, if the labelled
pairs are a random sample of all pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from fusion_eval.stats.clusters import Labels, Numbers, number_by_first_item
from fusion_eval.stats.paired import Floats
from fusion_eval.stats.win_rate import wilson


@dataclass(frozen=True, slots=True)
class Rate:
    """A share from 0 to 1 with its interval. Without data it is 0.5, from 0 to 1."""

    rate: float
    low: float
    high: float


_UNKNOWN = Rate(0.5, 0.0, 1.0)
_ROUNDING = 1e-24
"""A variance below this is rounding: the judge always gives the same verdict."""


@dataclass(frozen=True, slots=True)
class PredictionPowered:
    """The human win rate, estimated with and without the judge.

    Attributes:
        powered: The prediction-powered estimate.
        human: The estimate from the human labels alone.
        judge_rate: The judge's mean over all pairs.
        agreement: The share of labelled pairs on which human and judge agree.
        lam: The weight of the judge, from 0 (useless) to 1.
        gain: How many times as many labels `human` would need to be as precise as `powered`.
    """

    powered: Rate
    human: Rate
    judge_rate: float
    agreement: Rate
    lam: float
    gain: float


def prediction_powered(
    human: npt.ArrayLike,
    judged: npt.ArrayLike,
    unlabelled: npt.ArrayLike,
    clusters: Labels = None,
    unlabelled_clusters: Labels = None,
    confidence: float = 0.95,
) -> PredictionPowered:
    """Estimate the human mean score over all pairs.

    The estimate is mean(human) + lam * (mean(unlabelled) - mean(judged)). The weight lam in [0, 1] minimises the
    estimated variance (PPI++, power tuning). For independent pairs lam = cov(human, judged) / var(judged) / (1 + n / N),
    and the variance is var(human - lam * judged) / n + lam^2 var(unlabelled) / N.

    For clusters the estimate is linearised. A cluster contributes its sum of (human - lam * judged, minus their mean)
    / n, and of lam * (unlabelled, minus their mean) / N. The variance is the sum of the squared contributions. So one
    cluster may hold labelled and unlabelled pairs.

    Intervals are Wald's with a t quantile of c - 1 degrees of freedom for c labelled clusters. If all labels are alike,
    or the judge agrees with every label, there is no spread, but no certainty either. So no interval is narrower than
    what zero events in c clusters can exclude (Clopper & Pearson 1934): about 3.7 / c to each side, at 95%. With
    labels in fewer than two clusters, intervals are from 0 to 1.

    Args:
        human: Human scores (n,) from 0 to 1 of the labelled pairs.
        judged: The judge's scores (n,) of the same pairs.
        unlabelled: The judge's scores (N,) of the other pairs.
        clusters: The cluster of each labelled pair. By default each pair is its own.
        unlabelled_clusters: The cluster of each other pair, given exactly if `clusters` is.
        confidence: The nominal coverage of the intervals.

    Raises:
        ValueError: A score is outside [0, 1], the shapes differ, or only one kind of pair has cluster labels.
    """
    label, seen, unseen = (_scores(values) for values in (human, judged, unlabelled))
    agreed = judge_agreement(label, seen, clusters, confidence)
    cluster, other_cluster = _number_clusters(clusters, unlabelled_clusters, len(label), len(unseen))
    judge_rate = float(np.concatenate([seen, unseen]).mean()) if len(seen) + len(unseen) else _UNKNOWN.rate
    n_labelled = len(np.unique(cluster))
    if n_labelled < 2:
        alone = Rate(float(label.mean()), 0.0, 1.0) if n_labelled else _UNKNOWN
        return PredictionPowered(alone, alone, judge_rate, agreed, 0.0, 1.0)

    n_clusters = int(max(cluster.max(), other_cluster.max(initial=0))) + 1
    by_labels = _contributions(label, cluster, n_clusters)
    by_judge = _contributions(seen, cluster, n_clusters) - _contributions(unseen, other_cluster, n_clusters)
    lam = _best_weight(by_labels, by_judge) if len(unseen) else 0.0
    rate = float(label.mean())
    corrected = rate + lam * float(unseen.mean() - seen.mean()) if len(unseen) else rate
    half_width, tuned_half_width = (
        _half_width(by_labels - weight * by_judge, n_labelled, confidence) for weight in (0.0, lam)
    )
    return PredictionPowered(
        powered=_rate_within_bounds(corrected, tuned_half_width),
        human=_rate_within_bounds(rate, half_width),
        judge_rate=judge_rate,
        agreement=agreed,
        lam=lam,
        gain=(half_width / tuned_half_width) ** 2,
    )


def judge_agreement(
    human: npt.ArrayLike, judged: npt.ArrayLike, clusters: Labels = None, confidence: float = 0.95
) -> Rate:
    """Return the share of pairs on which human and judge agree about win, tie or loss.

    A score above 0.5 is a win, and 0.5 is a tie. The interval is Wilson's (1927) on the number of clusters.

    Args:
        human: Human scores (n,) from 0 to 1.
        judged: The judge's scores (n,) of the same pairs.
        clusters: The cluster of each pair. By default each pair is its own.
        confidence: The nominal coverage of the interval.

    Raises:
        ValueError: A score is outside [0, 1], or the shapes differ.
    """
    first, second = (np.sign(_scores(values) - 0.5) for values in (human, judged))
    if first.shape != second.shape:
        raise ValueError(f"Human's and judge's scores need one shape, not {first.shape} and {second.shape}")
    if not len(first):
        return _UNKNOWN
    share = float((first == second).mean())
    return Rate(share, *wilson(share, len(first) if clusters is None else len(set(clusters)), confidence))


def _scores(values: npt.ArrayLike) -> Floats:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or not ((scores >= 0) & (scores <= 1)).all():  # also refuses NaN
        raise ValueError("Scores must be from 0 to 1, in one dimension")
    return scores


def _number_clusters(clusters: Labels, others: Labels, n: int, n_others: int) -> tuple[Numbers, Numbers]:
    """Number the clusters of the labelled (n,) and the other pairs (N,) together."""
    if clusters is None and others is None:
        return np.arange(n), np.arange(n, n + n_others)
    if clusters is None or others is None or len(clusters) != n or len(others) != n_others:
        raise ValueError(
            f"Clusters need labels of {n} labelled and of {n_others} unlabelled pairs, both or neither"
        )
    listed = [part.tolist() if isinstance(part, np.ndarray) else part for part in (clusters, others)]
    numbers, _ = number_by_first_item(list(chain(*listed)), n + n_others)
    return numbers[:n], numbers[n:]


def _contributions(values: Floats, cluster: Numbers, n_clusters: int) -> Floats:
    """Return how much each cluster (C,) moves the mean of the values (n,)."""
    if not len(values):
        return np.zeros(n_clusters)
    return np.bincount(cluster, values - values.mean(), n_clusters) / len(values)


def _best_weight(by_labels: Floats, by_judge: Floats) -> float:
    """Return the lam in [0, 1] that minimises the sum of squares of by_labels - lam * by_judge."""
    spread = float(by_judge @ by_judge)
    return min(1.0, max(0.0, float(by_labels @ by_judge) / spread)) if spread > _ROUNDING else 0.0


def _half_width(contributions: Floats, n: int, confidence: float) -> float:
    """Return half the width of an interval for n labelled clusters. n / (n - 1) corrects for the estimated mean."""
    error = math.sqrt(float(contributions @ contributions) * n / (n - 1))
    least = 1 - math.pow((1 - confidence) / 2, 1 / n)
    return max(error * float(stdtrit(n - 1, (1 + confidence) / 2)), least)


def _rate_within_bounds(rate: float, half_width: float) -> Rate:
    return Rate(*(min(1.0, max(0.0, value)) for value in (rate, rate - half_width, rate + half_width)))
