"""BLEU, chrF and TER of whole corpora, from sums of their segments' statistics: many resampled corpora at once.

Every function maps totals of shape (..., k) to scores of shape (...) from 0 to 100 (TER may pass 100), and equals
sacrebleu's `corpus_score` on totals that are counts. Where all counts are zero there is nothing to score: NaN. Totals
need not be whole: where a segment has several equally likely hypotheses, its statistics are their mean.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BLEU_ORDER = 4
CHRF_BETA = 2
_REST = 1e-9
"""Counts below it are none: a sum of fractions can leave a rest of rounding where nothing was counted."""


def bleu_score(totals: Floats, effective_order: bool = False) -> Floats:
    """BLEU-4 with exponential smoothing; k = 10: hypothesis length, reference length, 4 × matches, 4 × n-grams.

    BP · exp(Σ log pₙ / 4), Papineni et al. (2002), section 2.3. The m-th order without a match counts as 2⁻ᵐ matches:
    Chen and Cherry (2014), method 3. It is 0 where nothing matches, and where no segment is 4 tokens long; with
    `effective_order`, which is for single segments, only the orders that the hypothesis has are averaged.
    """
    hypothesis, reference = totals[..., 0], totals[..., 1]
    matches, ngrams = totals[..., 2 : 2 + BLEU_ORDER], totals[..., 2 + BLEU_ORDER :]
    unmatched = matches < _REST
    has = ngrams > _REST
    used = has if effective_order else np.ones_like(has)
    defined = np.asarray((has | ~used).all(axis=-1) & ~unmatched.all(axis=-1))
    smoothed = np.where(unmatched, 0.5 ** np.cumsum(unmatched, axis=-1), matches)
    logs = np.where(used, np.log(smoothed / np.where(has, ngrams, 1.0)), 0.0)
    mean = logs.sum(axis=-1) / np.maximum(used.sum(axis=-1), 1)
    shortfall = np.maximum(reference / np.where(defined, hypothesis, 1.0) - 1.0, 0.0)
    return _or_nan(totals, np.where(defined, 100.0 * np.exp(mean - shortfall), 0.0))


def chrf_score(totals: Floats) -> Floats:
    """chrF2 and chrF2++; k = 3 × orders: n-grams of the hypothesis, of the reference, and matches, for each order.

    Fᵦ of precision and recall, each a mean over the orders that both sides have: Popović (2015), equation 1.
    """
    orders = totals.reshape(*totals.shape[:-1], -1, 3)
    hypothesis, reference, matches = orders[..., 0], orders[..., 1], orders[..., 2]
    used = (hypothesis > _REST) & (reference > _REST)
    n_used = np.maximum(used.sum(axis=-1), 1)
    precision = np.where(used, matches / np.where(used, hypothesis, 1.0), 0.0).sum(axis=-1) / n_used
    recall = np.where(used, matches / np.where(used, reference, 1.0), 0.0).sum(axis=-1) / n_used
    weight = float(CHRF_BETA**2)
    below = weight * precision + recall
    return _or_nan(totals, 100.0 * (1.0 + weight) * precision * recall / np.where(below > 0, below, 1.0))


def ter_score(totals: Floats) -> Floats:
    """Translation edit rate, Snover et al. (2006), section 2; k = 2: edits, mean length of the references.

    Without a word of reference it is 100 where there are edits.
    """
    edits, length = totals[..., 0], totals[..., 1]
    some = length > _REST
    return _or_nan(totals, 100.0 * np.where(some, edits / np.where(some, length, 1.0), edits > _REST))


def _or_nan(totals: Floats, scores: Floats) -> Floats:
    return np.where((totals > _REST).any(axis=-1), scores, np.nan)
