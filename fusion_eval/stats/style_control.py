"""What the win rate would be between answers of equal length and style: a judge's taste for long answers taken out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from scipy.stats import norm

from fusion_eval.stats.labels import numbered
from fusion_eval.stats.paired import Floats, Labels
from fusion_eval.stats.win_rate import wilson

_PER_FEATURE = 10
"""Independent pairs for each feature: with fewer, logistic coefficients are biased and too sure (Peduzzi et al. 1996)."""
_RIDGE = 1e-3
"""A normal prior on each coefficient with a standard deviation of 32 log-odds (1 / 32**2). Features that tell wins from
losses without error would get an infinite one; other fits it moves in the sixth digit at a few hundred pairs."""
_CERTAIN = 30.0
"""Log-odds, 1e-13 from certainty, where all pairs are won: the intercept has no ridge, and would be infinite."""
_WIDTH = 1e-6
"""An interval of a rate narrower than this has no width but by rounding, or by the ridge alone."""
_STEP = 1e-5
"""Log-odds: a Newton step shorter than this is the last; what it leaves is of the order of its square."""
_BOLD = 1.5
"""Log-odds: a step that moves no pair by more cannot overshoot, as curvature p (1 - p) changes by less than exp(1.5)."""
_STEPS = 200
"""Newton steps at most; a dozen are many, and each leaves the fit no worse."""
_CHUNK = 2**19
"""Numbers in memory at once: 4 MB of float64."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """Log-odds of the candidate for one standard deviation more of the feature; above 0 the judge likes it.

    The ends are None where features tell wins from losses without error, and nothing bounds their part in it.
    """

    name: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class StyleControl:
    """`raw` is the plain win rate, `adjusted` that at equal style, with its interval."""

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
    resamples: int = 1_000,
    seed: int = 0,
) -> StyleControl | None:
    """Of the candidate's scores (n,): 1 a win, 1/2 a tie, 0 a loss, or graded; and features (n, k) of the same pairs.

    A feature is a difference candidate - baseline, 0 at equal style, best relative, as (a - b) / (a + b). The model is
    logit P(win) = b0 + sum_j b_j x_j, with x_j in standard deviations and not centred, and the adjusted rate is that
    at x = 0, 1 / (1 + exp(-b0)): as in length-controlled AlpacaEval (Dubois et al. 2024, arXiv 2404.04475) and the style
    control of Chatbot Arena (Li et al. 2024). A score between 0 and 1 counts as that part of a win (Papke & Wooldridge
    1996). Features that do not vary are left out.

    Intervals are percentiles, corrected for bias, of fits to clusters drawn again (each pair is one without labels).
    Where they have no width, as where all pairs are won, Wilson's interval on the number of clusters stands in for the
    rate's. Where features tell wins from losses without error, nothing is known of equal style: the rate's interval is
    0 to 1, the coefficients have none, and both values are what the ridge makes of them. With the fewest pairs that are
    enough, and most of them won, intervals cover less than they claim (86% for 90%, at 40 pairs and 4 features).

    None for fewer than ten clusters for each feature, and for fewer than ten. Raises ValueError for shapes that do not
    fit, scores outside 0 to 1, and features that are not finite.
    """
    outcomes, measured = _checked(scores, features, names)
    cluster, n_clusters = numbered(clusters, len(outcomes))
    spread = measured.std(axis=0)
    varied = np.flatnonzero(spread > 1e-12 * np.abs(measured).max(axis=0, initial=0.0))
    if n_clusters < _PER_FEATURE * max(1, len(varied)):
        return None
    scaled = measured[:, varied] / spread[varied]
    centre = scaled.mean(axis=0)
    # Fitted about the mean, where the intercept is known best, and read off at zero.
    design = np.column_stack([np.ones(len(outcomes)), scaled - centre])
    once = np.ones((1, len(outcomes)))
    fitted = _fits(design, outcomes, once, np.zeros(design.shape[1]))
    weights = _drawn_weights(cluster, n_clusters, resamples, seed)
    drawn = np.concatenate([_fits(design, outcomes, chunk, fitted[0]) for chunk in weights])
    adjusted = float(_at_zero(fitted, centre)[0])
    told_apart = _told_apart(outcomes, design @ fitted[0])
    low, high = (0.0, 1.0) if told_apart else _interval(adjusted, _at_zero(drawn, centre), confidence)
    if high - low <= _WIDTH:
        low, high = wilson(adjusted, n_clusters, confidence)
    coefficients = tuple(
        Coefficient(
            names[int(place)],
            float(value),
            *((None, None) if told_apart else _interval(float(value), draws, confidence)),
        )
        for place, value, draws in zip(varied, fitted[0, 1:], drawn[:, 1:].T, strict=True)
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
        raise ValueError("Scores are from 0 to 1; leave pairs without a verdict out")
    if not np.isfinite(measured).all():
        raise ValueError("Features must be finite")
    return outcomes, measured


def _drawn_weights(
    cluster: npt.NDArray[np.intp], n_clusters: int, resamples: int, seed: int
) -> Iterator[Floats]:
    """(rows, n) at a time, `resamples` rows in all: how often each pair's cluster was drawn."""
    random = np.random.default_rng(seed)
    step = max(1, _CHUNK // len(cluster))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = random.integers(n_clusters, size=(rows, n_clusters)) + n_clusters * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * n_clusters).reshape(rows, n_clusters)
        yield counts[:, cluster].astype(np.float64)


def _told_apart(outcomes: Floats, logits: Floats) -> bool:
    """Whether there are wins and losses alone, and the fit is right about each (complete separation)."""
    won = outcomes == 1
    decided = bool((won | (outcomes == 0)).all())
    return decided and bool(won.any() and not won.all() and (won == (logits > 0)).all())


def _interval(estimate: float, draws: Floats, confidence: float) -> tuple[float, float]:
    """The bias-corrected percentile interval (Efron 1981); the plain one where all draws are on one side.

    Logistic fits lie too far from zero, and fits to draws from them twice as far; the correction takes this back.
    """
    below = float((draws < estimate).mean() + (draws == estimate).mean() / 2)
    bias = float(norm.ppf(below)) if 0 < below < 1 else 0.0
    reach = float(norm.ppf((1 + confidence) / 2))
    low, high = np.quantile(draws, norm.cdf([2 * bias - reach, 2 * bias + reach]))
    return float(low), float(high)


def _at_zero(fitted: Floats, centre: Floats) -> Floats:
    """Fits (R, 1 + k) about the centre (k,) to the rates (R,) where all features are zero."""
    return np.asarray(expit(fitted[:, 0] - fitted[:, 1:] @ centre))


def _fits(design: Floats, outcomes: Floats, weights: Floats, start: Floats) -> Floats:
    """(R, m): the penalised logistic fit of the design (n, m) for each row of weights (R, n), by Newton's method.

    All rows step together; those that have arrived are left alone.
    """
    m = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(-1, m * m)
    ridge = np.full(m, _RIDGE)
    ridge[0] = 0.0
    fits = np.tile(start, (len(weights), 1))
    lost, won = weights @ (1 - outcomes) > 0, weights @ outcomes > 0
    fits[~(lost & won)] = 0.0
    fits[~lost, 0], fits[~won, 0] = _CERTAIN, -_CERTAIN
    moving = np.flatnonzero(lost & won)
    for _ in range(_STEPS):
        if not len(moving):
            break
        weight, at = weights[moving], fits[moving]
        rate = expit(at @ design.T)
        gradient = (weight * (outcomes - rate)) @ design - ridge * at
        curvature = ((weight * rate * (1 - rate)) @ products).reshape(-1, m, m) + np.diag(ridge + 1e-12)
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        reached = _downhill(design, outcomes, weight, ridge, at, step)
        fits[moving] = reached
        moving = moving[np.abs(reached - at).max(axis=1) > _STEP]
    return fits


def _downhill(
    design: Floats, outcomes: Floats, weight: Floats, ridge: Floats, at: Floats, step: Floats
) -> Floats:
    """(R, m): each step, halved while it is bold and makes the fit worse."""

    def loss(fits: Floats, rows: npt.NDArray[np.intp]) -> Floats:
        logits = fits @ design.T
        misfit = np.logaddexp(0.0, logits) - outcomes * logits
        return np.asarray((weight[rows] * misfit).sum(axis=1) + (ridge * fits**2).sum(axis=1) / 2)

    furthest = np.abs(step @ design.T).max(axis=1)
    factor = np.ones(len(at))
    rows = np.flatnonzero(furthest > _BOLD)
    before = loss(at[rows], rows)
    while len(rows):
        worse = loss(at[rows] + factor[rows, None] * step[rows], rows) > before
        rows, before = rows[worse], before[worse]
        factor[rows] /= 2
        still = factor[rows] * furthest[rows] > _BOLD
        rows, before = rows[still], before[still]
    return at + factor[:, None] * step
