"""The win rate between answers of equal length and style: a judge's preference for style is removed by regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.special import expit, stdtrit

from fusion_eval.stats.clusters import Labels, Numbers, number_by_first_item
from fusion_eval.stats.paired import Floats
from fusion_eval.stats.win_rate import wilson

_CLUSTERS_PER_FEATURE = 10
"""With fewer, logistic coefficients are biased and their errors too small (Peduzzi et al. 1996)."""
_ROUNDING = 1e-9
"""An interval narrower than this has no width but for rounding."""
_MAX_ITERATIONS = 500
"""Newton steps. A dozen are usual; features with outliers take more."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """The effect of one style feature on the judge.

    Attributes:
        name: The name of the feature.
        value: The log-odds that one standard deviation of the feature adds for the candidate.
        low: The lower end of the interval, or None if the verdicts do not bound the effect.
        high: The upper end.
    """

    name: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class StyleControl:
    """The win rate with and without the judge's preference for style.

    Attributes:
        raw: The plain win rate.
        adjusted: The win rate at equal style.
        low: The lower end of the interval of `adjusted`.
        high: The upper end.
        coefficients: The effects of the features.
    """

    raw: float
    adjusted: float
    low: float
    high: float
    coefficients: tuple[Coefficient, ...]


def style_controlled(
    scores: npt.ArrayLike,
    features: npt.ArrayLike,
    names: Sequence[str],
    clusters: Labels = None,
    confidence: float = 0.95,
) -> StyleControl | None:
    """Estimate the win rate at equal style, as length-controlled AlpacaEval and the style control of Chatbot Arena.

    The model is logit P(win) = b_0 + sum_j b_j x_j, where x_j is a feature in standard deviations, not centred. The
    adjusted rate is that at x = 0: 1 / (1 + exp(-b_0)) (Dubois et al. 2024, arXiv 2404.04475; Li et al. 2024). A score
    between 0 and 1 counts as that part of a win (Papke & Wooldridge 1996). Features that do not vary are left out.

    Each b_j has a log-F(1, 1) prior: one pseudo-observation of half a win at x_j = 1, without intercept (Greenland &
    Mansournia 2015). It keeps the estimates finite, and reduces their bias away from 0.

    Intervals are b ± t * error. The error is the cluster-robust one (Liang & Zeger 1986) divided by 1 - p / c, for p
    coefficients and c clusters: HC3 with the mean leverage (MacKinnon & White 1985). t has c - p degrees of freedom.
    In simulations, intervals of 90% cover 88 to 96%, least if clusters differ in size. An interval without any width, as
    if the scores of each cluster cancel out, is replaced by Wilson's on the number of clusters.

    If the features separate wins from losses without error, nothing is known of equal style: the interval is from 0 to
    1, no effect has bounds, and the values depend on the prior.

    Args:
        scores: The candidate's scores (n,): 1 for a win, 0.5 for a tie, 0 for a loss, or between.
        features: Style features (n, k) of the pairs: differences candidate - baseline, 0 at equal style. Relative
            differences (a - b) / (a + b) work best.
        names: The names of the k features.
        clusters: The cluster of each pair. By default each pair is its own.
        confidence: The nominal coverage of the intervals.

    Returns:
        The estimate. None for fewer than ten clusters per feature that varies, for fewer than ten clusters, and if
        all scores are the same.

    Raises:
        ValueError: The shapes do not fit, a score is outside [0, 1], or a feature is not finite.
    """
    outcomes, measured = _checked(scores, features, names)
    cluster, n_clusters = number_by_first_item(clusters, len(outcomes))
    spread = measured.std(axis=0)
    varied = np.flatnonzero(spread > 1e-12 * np.abs(measured).max(axis=0, initial=0.0))
    if n_clusters < _CLUSTERS_PER_FEATURE * max(1, len(varied)) or (outcomes == outcomes[0]).all():
        return None
    design = np.column_stack([np.ones(len(outcomes)), measured[:, varied] / spread[varied]])
    values, errors = _fit(design, outcomes, cluster, n_clusters)
    half_widths = float(stdtrit(n_clusters - len(values), (1 + confidence) / 2)) * errors
    adjusted, low, high = (float(expit(end)) for end in values[0] + half_widths[0] * np.array([0, -1, 1]))
    separated = _separated(design, outcomes)
    if separated:
        low, high = 0.0, 1.0
    elif high - low <= _ROUNDING:
        low, high = wilson(adjusted, n_clusters, confidence)
    coefficients = tuple(
        Coefficient(
            names[int(place)], float(value), *((None, None) if separated else (value - half, value + half))
        )
        for place, value, half in zip(varied, values[1:].tolist(), half_widths[1:].tolist(), strict=True)
    )
    return StyleControl(float(outcomes.mean()), adjusted, low, high, coefficients)


def _checked(scores: npt.ArrayLike, features: npt.ArrayLike, names: Sequence[str]) -> tuple[Floats, Floats]:
    outcomes, measured = np.asarray(scores, dtype=np.float64), np.asarray(features, dtype=np.float64)
    if outcomes.ndim != 1 or measured.shape != (len(outcomes), len(names)):
        raise ValueError(
            f"Scores (n,) need features (n, {len(names)}), one for each name,"
            f" not {outcomes.shape} and {measured.shape}"
        )
    if not ((outcomes >= 0) & (outcomes <= 1)).all():
        raise ValueError("Scores must be from 0 to 1; leave pairs without a verdict out")
    if not np.isfinite(measured).all():
        raise ValueError("Features must be finite")
    return outcomes, measured


def _fit(design: Floats, outcomes: Floats, cluster: Numbers, n_clusters: int) -> tuple[Floats, Floats]:
    """Return the coefficients of a logistic regression with the log-F prior, and their cluster-robust errors."""
    from statsmodels.discrete.discrete_model import Logit  # takes two seconds to import

    n_features = design.shape[1] - 1
    pseudo_rows = np.column_stack([np.zeros(n_features), np.eye(n_features)])
    model = Logit(np.append(outcomes, np.full(n_features, 0.5)), np.vstack([design, pseudo_rows]))
    fitted = model.fit(
        start_params=np.zeros(design.shape[1]),
        maxiter=_MAX_ITERATIONS,
        disp=False,
        cov_type="cluster",
        cov_kwds={
            "groups": np.append(cluster, n_clusters + np.arange(n_features)),
            "use_correction": False,
        },
    )
    return np.asarray(fitted.params), np.asarray(fitted.bse) / (1 - design.shape[1] / n_clusters)


def _separated(design: Floats, outcomes: Floats) -> bool:
    """Say whether some coefficients tell all wins from all losses without error (Konis 2007)."""
    signs = np.sign(outcomes - 0.5)
    if not ((outcomes == 0) | (outcomes == 1)).all():
        return False
    n, k = design.shape
    found = linprog(np.zeros(k), A_ub=-signs[:, None] * design, b_ub=-np.ones(n), bounds=(None, None))
    return bool(found.success)
