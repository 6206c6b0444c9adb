"""BLEU, chrF and TER of corpora, computed from summed statistics: many resampled corpora at once.

Each function maps totals (..., k) to scores (...) from 0 to 100 (TER may exceed 100), and equals sacrebleu's
`corpus_score` if the totals are counts. If all counts are zero, the score is NaN. Totals may be fractions: the
statistics of a segment with several equally likely hypotheses are the mean of theirs.
"""

from __future__ import annotations

import numpy as np

from fusion_eval.stats.paired import Floats

BLEU_ORDER = 4
CHRF_BETA = 2
_ROUNDING = 1e-9
"""Counts below this are zero. Sums of fractions can leave a remainder of rounding."""


def bleu_score(totals: Floats, effective_order: bool = False) -> Floats:
    """Return BLEU-4 with exponential smoothing: BP * exp(sum(log p_n) / 4) (Papineni et al. 2002, section 2.3).

    The m-th order without a match counts as 2**-m matches (Chen & Cherry 2014, method 3). The score is 0 if nothing
    matches, and if no segment has 4 tokens.

    Args:
        totals: Totals (..., 10): hypothesis length, reference length, 4 counts of matches, 4 counts of n-grams.
        effective_order: Average only the orders that the hypothesis has. This is for single segments.
    """
    hypothesis, reference = totals[..., 0], totals[..., 1]
    matches, ngrams = totals[..., 2 : 2 + BLEU_ORDER], totals[..., 2 + BLEU_ORDER :]
    unmatched = matches < _ROUNDING
    has_ngrams = ngrams > _ROUNDING
    used = has_ngrams if effective_order else np.ones_like(has_ngrams)
    defined = np.asarray((has_ngrams | ~used).all(axis=-1) & ~unmatched.all(axis=-1))
    smoothed = np.where(unmatched, 0.5 ** np.cumsum(unmatched, axis=-1), matches)
    logs = np.where(used, np.log(smoothed / np.where(has_ngrams, ngrams, 1.0)), 0.0)
    mean = logs.sum(axis=-1) / np.maximum(used.sum(axis=-1), 1)
    shortfall = np.maximum(reference / np.where(defined, hypothesis, 1.0) - 1.0, 0.0)
    return _or_nan(totals, np.where(defined, 100.0 * np.exp(mean - shortfall), 0.0))


def chrf_score(totals: Floats) -> Floats:
    """Return chrF2 or chrF2++: F_beta of mean precision and mean recall (Popović 2015, equation 1).

    Both means are over the orders that hypothesis and reference have.

    Args:
        totals: Totals (..., 3 * orders): n-grams of the hypothesis, of the reference, and matches, for each order.
    """
    orders = totals.reshape(*totals.shape[:-1], -1, 3)
    hypothesis, reference, matches = orders[..., 0], orders[..., 1], orders[..., 2]
    used = (hypothesis > _ROUNDING) & (reference > _ROUNDING)
    n_used = np.maximum(used.sum(axis=-1), 1)
    matched = np.where(used, matches, 0.0)
    precision = (matched / np.where(used, hypothesis, 1.0)).sum(axis=-1) / n_used
    recall = (matched / np.where(used, reference, 1.0)).sum(axis=-1) / n_used
    weight = float(CHRF_BETA**2)
    denominator = weight * precision + recall
    f_score = (1.0 + weight) * precision * recall / np.where(denominator > 0, denominator, 1.0)
    return _or_nan(totals, 100.0 * f_score)


def ter_score(totals: Floats) -> Floats:
    """Return the translation edit rate (Snover et al. 2006, section 2).

    Without a word of reference it is 100 if there are edits, else 0.

    Args:
        totals: Totals (..., 2): edits, and the mean length of the references.
    """
    edits, length = totals[..., 0], totals[..., 1]
    has_words = length > _ROUNDING
    rate = np.where(has_words, edits / np.where(has_words, length, 1.0), edits > _ROUNDING)
    return _or_nan(totals, 100.0 * rate)


def _or_nan(totals: Floats, scores: Floats) -> Floats:
    return np.where((totals > _ROUNDING).any(axis=-1), scores, np.nan)
