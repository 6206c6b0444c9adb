"""The human win rate from a few human labels and many judge's verdicts: prediction-powered inference.

The judge's mean over all pairs is precise and biased; human labels say how biased, and are few. The estimate takes the
judge's mean, as far as it deserves (`lam`), and corrects it by what humans and judge differ by on the pairs that both
have seen (Angelopoulos, Bates, Fannjiang, Jordan & Zrnic 2023, "Prediction-powered inference", Science 382; the tuned
form is PPI++, Angelopoulos, Duchi & Zrnic 2023, arXiv 2311.01453). It holds for any judge, if the pairs that humans see
are drawn at random from all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from fusion_eval.stats.labels import numbered
from fusion_eval.stats.paired import Floats, Labels
from fusion_eval.stats.win_rate import wilson


@dataclass(frozen=True, slots=True)
class Rate:
    """A share from 0 to 1 with its interval. Of nothing it is 1/2, from 0 to 1."""

    rate: float
    low: float
    high: float


_UNKNOWN = Rate(0.5, 0.0, 1.0)
_ROUNDING = 1e-24
"""A variance below this is rounding: the judge always says the same."""


@dataclass(frozen=True, slots=True)
class PredictionPowered:
    """`powered` is the estimate, `human` what labels alone say, `judge_rate` what the judge alone says of all pairs.

    `lam` is from 0 (the judge is of no use) to 1. `gain` is how many times as many labels the interval of `human` would
    need to be as narrow. `agreement` is the share of labelled pairs of one verdict.
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
    """Of scores from 0 to 1: human's (n,) and the judge's (n,) of the same pairs, the judge's (N,) of the others.

    The estimate is mean(human) + lam * (mean(unlabelled) - mean(judged)) (PPI++, power tuning), with lam in [0, 1] such that
    its estimated variance is the least. For independent pairs lam = cov(human, judged) / var(judged) / (1 + n / N) and
    the variance is var(human - lam * judged) / n + lam^2 var(unlabelled) / N.

    Pairs of one cluster depend on each other, and a cluster may have pairs of both kinds (then give both labels). So the
    estimate is taken apart into what each cluster adds to its error (linearised): its sum of (human - lam * judged, less
    the mean) / n, and of lam * (unlabelled, less the mean) / N. The variance is the sum of their squares.

    Intervals are Wald's, with a t quantile of c - 1 degrees of freedom for c labelled clusters, because labels are few.
    Labels that are all alike, or a judge who agrees with each of them, have no spread and are no certainty: no interval
    reaches less far than the share of all pairs that could be otherwise when none of c is (Clopper & Pearson 1934),
    about 3.7 / c at 95%. With labels in fewer than two clusters intervals are from 0 to 1, around the labels' mean.

    Raises ValueError for scores outside 0 to 1, for shapes that differ, and for cluster labels of one kind of pair only.
    """
    label, seen, unseen = (_scores(values) for values in (human, judged, unlabelled))
    agreed = judge_agreement(label, seen, clusters, confidence)
    place, there = _places(clusters, unlabelled_clusters, len(label), len(unseen))
    judge_rate = float(np.concatenate([seen, unseen]).mean()) if len(seen) + len(unseen) else _UNKNOWN.rate
    n = len(np.unique(place))  # labelled clusters
    if n < 2:
        alone = Rate(float(label.mean()), 0.0, 1.0) if n else _UNKNOWN
        return PredictionPowered(alone, alone, judge_rate, agreed, 0.0, 1.0)

    size = int(max(place.max(), there.max(initial=0))) + 1
    of_label = _contributions(label, place, size)
    of_judge = _contributions(seen, place, size) - _contributions(unseen, there, size)
    lam = _tuned(of_label, of_judge) if len(unseen) else 0.0
    rate = float(label.mean())
    corrected = rate + lam * float(unseen.mean() - seen.mean()) if len(unseen) else rate
    reach, tuned_reach = (_reach(of_label - weight * of_judge, n, confidence) for weight in (0.0, lam))
    gain = (reach / tuned_reach) ** 2
    return PredictionPowered(
        _around(corrected, tuned_reach), _around(rate, reach), judge_rate, agreed, lam, gain
    )


def judge_agreement(
    human: npt.ArrayLike, judged: npt.ArrayLike, clusters: Labels = None, confidence: float = 0.95
) -> Rate:
    """Share of pairs (n,) for which both say the same of win, tie and loss: a score above, at or below 1/2.

    The interval is Wilson's (1927), on the number of clusters. Raises ValueError for scores outside 0 to 1 and for
    shapes that differ.
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
    if scores.ndim != 1 or not ((scores >= 0) & (scores <= 1)).all():  # NaN neither
        raise ValueError("Scores are from 0 to 1, in one dimension")
    return scores


def _places(
    clusters: Labels, others: Labels, n: int, n_others: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """(n,) and (N,): the number of each pair's cluster; without labels, each pair is its own."""
    if clusters is None and others is None:
        return np.arange(n), np.arange(n, n + n_others)
    if clusters is None or others is None or len(clusters) != n or len(others) != n_others:
        raise ValueError(
            f"Clusters need labels of {n} labelled and of {n_others} unlabelled pairs, both or neither"
        )
    listed = [part.tolist() if isinstance(part, np.ndarray) else part for part in (clusters, others)]
    places, _ = numbered(list(chain(*listed)), n + n_others)
    return places[:n], places[n:]


def _contributions(values: Floats, place: npt.NDArray[np.intp], size: int) -> Floats:
    """(C,): by how much each cluster moves the mean of values (n,)."""
    return np.bincount(place, values - values.mean(), size) / len(values) if len(values) else np.zeros(size)


def _tuned(of_label: Floats, of_judge: Floats) -> float:
    """The lam in [0, 1] of the least sum of squares of of_label - lam * of_judge."""
    spread = float(of_judge @ of_judge)
    return min(1.0, max(0.0, float(of_label @ of_judge) / spread)) if spread > _ROUNDING else 0.0


def _reach(contributions: Floats, n: int, confidence: float) -> float:
    """Half the width of an interval, of n labelled clusters; n / (n - 1) makes up for the mean that is estimated."""
    error = math.sqrt(float(contributions @ contributions) * n / (n - 1))
    least = 1 - math.pow((1 - confidence) / 2, 1 / n)
    return max(error * float(t.ppf((1 + confidence) / 2, n - 1)), least)


def _around(rate: float, reach: float) -> Rate:
    return Rate(*(min(1.0, max(0.0, value)) for value in (rate, rate - reach, rate + reach)))
