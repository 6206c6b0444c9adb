"""How much judges agree on the same items: the raw share, and coefficients that correct for chance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fusion_eval.stats.clusters import Numbers
from fusion_eval.stats.paired import Floats

_DIGITS = 9
"""Verdicts are compared after rounding to so many decimals, so that 0.1 + 0.2 equals 0.3."""
_MAX_LEVELS = 21
"""The most distinct verdicts: the tenths from -1 to 1. With more levels, equal verdicts are rare by construction."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two raters or more. A coefficient of 1 is perfect, 0 is chance level, and None is undefined.

    Attributes:
        share: The share of items on which two raters agree, averaged over the pairs of raters.
        cohen: Cohen's kappa (1960), averaged over the pairs of raters (Light 1971).
        fleiss: Fleiss' kappa (1971), on the items that every rater has.
        alpha: Krippendorff's ordinal alpha (2004, chapter 11).
        items: The number of items with two verdicts or more.
    """

    share: float | None
    cohen: float | None
    fleiss: float | None
    alpha: float | None
    items: int


def agreement(verdicts: npt.ArrayLike) -> Agreement:
    """Measure the agreement of several raters.

    Only alpha uses the order of the verdicts: to it, a win against a tie is a smaller disagreement than a win against
    a loss. A coefficient is undefined if no item qualifies for it, or if all verdicts on its items are the same,
    since chance alone would then agree everywhere. Undefined pairs are left out of Cohen's mean.

    Args:
        verdicts: The verdicts (raters, items): -1, 0, 1 or graded from loss to win, NaN where a rater has none.

    Raises:
        ValueError: There are fewer than two raters, infinite verdicts, or more than 21 distinct verdicts.
    """
    values = np.asarray(verdicts, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(
            f"Agreement needs verdicts (raters, items) of two raters or more, not {values.shape}"
        )
    if np.isinf(values).any():
        raise ValueError("Verdicts must be finite, or NaN where a rater has none")
    n_levels, levels = _to_levels(values[:, (~np.isnan(values)).sum(axis=0) >= 2])
    if n_levels > _MAX_LEVELS:
        raise ValueError(
            f"{n_levels} distinct verdicts hardly ever agree: round them to {_MAX_LEVELS} at most"
        )
    tables = [_contingency_table(one, other, n_levels) for one, other in combinations(levels, 2)]
    shares = [float(np.trace(table) / table.sum()) for table in tables if table.any()]
    return Agreement(
        share=_mean(shares),
        cohen=_cohen(tables),
        fleiss=_fleiss(levels, n_levels),
        alpha=_alpha(levels),
        items=levels.shape[1],
    )


def _to_levels(values: Floats) -> tuple[int, Numbers]:
    """Return the number of distinct verdicts, and each verdict's place in their order; -1 for a missing one."""
    known = ~np.isnan(values)
    distinct, places = np.unique(np.round(values[known], _DIGITS), return_inverse=True)
    levels = np.full(values.shape, -1, dtype=np.intp)
    levels[known] = places
    return len(distinct), levels


def _contingency_table(one: Numbers, other: Numbers, n_levels: int) -> Numbers:
    """Count the items (n_levels, n_levels) by the verdicts of two raters who both have one."""
    both = (one >= 0) & (other >= 0)
    return np.bincount(one[both] * n_levels + other[both], minlength=n_levels**2).reshape(n_levels, n_levels)


def _cohen(tables: list[Numbers]) -> float | None:
    from statsmodels.stats.inter_rater import cohens_kappa  # takes a third of a second to import

    defined = [table for table in tables if _varies(table.sum(axis=0) + table.sum(axis=1))]
    return _mean([float(cohens_kappa(table, return_results=False)) for table in defined])


def _fleiss(levels: Numbers, n_levels: int) -> float | None:
    complete = levels[:, (levels >= 0).all(axis=0)]
    counts = np.array([(complete == level).sum(axis=0) for level in range(n_levels)])
    if not counts.size or not _varies(counts.sum(axis=1)):
        return None
    from statsmodels.stats.inter_rater import fleiss_kappa

    return float(fleiss_kappa(counts.T))


def _alpha(levels: Numbers) -> float | None:
    if not _varies(np.bincount(levels[levels >= 0])):
        return None
    import evalica  # takes a second to import
    import pandas as pd

    ratings = pd.DataFrame(np.where(levels >= 0, levels, np.nan))
    return float(evalica.alpha(ratings, distance="ordinal").alpha)


def _varies(counts: Numbers) -> bool:
    """Say whether more than one verdict occurs."""
    return int((counts > 0).sum()) > 1


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
