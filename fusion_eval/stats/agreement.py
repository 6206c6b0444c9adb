"""How far judges agree: on the same items, as they come and beyond what chance alone would give."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fusion_eval.stats.paired import Floats

Codes = npt.NDArray[np.intp]

_DIGITS = 9
"""Decimals to which verdicts are compared: 0.1 + 0.2 and 0.3 are one verdict."""
_LEVELS = 21
"""Distinct verdicts at most, the tenths from -1 to 1. With more, equal verdicts are an accident of rounding."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """1 is perfect, and 0 of a coefficient is what chance gives; None is undefined. `items` have two verdicts or more."""

    share: float | None
    cohen: float | None
    fleiss: float | None
    alpha: float | None
    items: int


def agreement(verdicts: npt.ArrayLike) -> Agreement:
    """Of verdicts (raters, items): -1, 0, 1 or graded from loss to win; NaN where a rater has none.

    - `share`: of the items that two raters share, those on which they say the same; the mean over pairs of raters.
    - `cohen`: Cohen's kappa (1960); of three raters or more the mean over pairs (Light 1971). Pairs of which it is
      undefined are left out.
    - `fleiss`: Fleiss' kappa (1971), of the items that every rater has.
    - `alpha`: Krippendorff's alpha (2004, chapter 11), of all items with two verdicts. It is ordinal, because verdicts
      have an order: a win against a tie is a smaller quarrel than a win against a loss. To the others all are alike.

    A coefficient is undefined where there are no such items, or where all verdicts on them are the same: chance alone
    would then agree everywhere. Raises ValueError for fewer than two raters, verdicts that are infinite, and more than
    21 distinct ones.
    """
    values = np.asarray(verdicts, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(f"Agreement is of verdicts (raters, items), two raters at least, not {values.shape}")
    if np.isinf(values).any():
        raise ValueError("Verdicts must be finite, or NaN where a rater has none")
    levels, codes = _codes(values[:, (~np.isnan(values)).sum(axis=0) >= 2])
    if levels > _LEVELS:
        raise ValueError(f"{levels} distinct verdicts hardly ever agree: round them to {_LEVELS} at most")
    tables = [_table(one, other, levels) for one, other in combinations(codes, 2)]
    shares = [float(np.trace(table) / table.sum()) for table in tables if table.any()]
    return Agreement(_mean(shares), _cohen(tables), _fleiss(codes, levels), _alpha(codes), codes.shape[1])


def _codes(values: Floats) -> tuple[int, Codes]:
    """How many levels there are, and each verdict's place among them in their order, -1 for none."""
    known = ~np.isnan(values)
    levels, places = np.unique(np.round(values[known], _DIGITS), return_inverse=True)
    codes = np.full(values.shape, -1, dtype=np.intp)
    codes[known] = places
    return len(levels), codes


def _table(one: Codes, other: Codes, levels: int) -> npt.NDArray[np.intp]:
    """(levels, levels): how often one rater said this and the other that, of the items that both have."""
    both = (one >= 0) & (other >= 0)
    return np.bincount(one[both] * levels + other[both], minlength=levels**2).reshape(levels, levels)


def _cohen(tables: list[npt.NDArray[np.intp]]) -> float | None:
    # No types are published for it, and it takes a third of a second.
    from statsmodels.stats.inter_rater import cohens_kappa

    defined = [table for table in tables if _several(table.sum(axis=0) + table.sum(axis=1))]
    return _mean([float(cohens_kappa(table, return_results=False)) for table in defined])


def _fleiss(codes: Codes, levels: int) -> float | None:
    complete = codes[:, (codes >= 0).all(axis=0)]
    counts = (
        np.stack([(complete == level).sum(axis=0) for level in range(levels)], axis=-1) if levels else None
    )
    if counts is None or not _several(counts.sum(axis=0)):
        return None
    from statsmodels.stats.inter_rater import fleiss_kappa

    return float(fleiss_kappa(counts))


def _alpha(codes: Codes) -> float | None:
    if not _several(np.bincount(codes[codes >= 0])):
        return None
    import krippendorff

    verdicts = np.where(codes >= 0, codes, np.nan)
    return float(krippendorff.alpha(verdicts, level_of_measurement="ordinal"))


def _several(counts: npt.NDArray[np.intp]) -> bool:
    """Whether more than one verdict occurs."""
    return int((counts > 0).sum()) > 1


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
