"""Many tests at once: p-values that keep their promise over all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fusion_eval.stats.paired import Floats


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjusted p-values of Holm's step-down procedure (1979): the chance of any false alarm stays below alpha."""
    values, order, places = _sorted(p_values)
    stepped = np.maximum.accumulate(values[order] * (len(values) - places))
    return _restored(stepped, order)


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """Adjusted p-values of Benjamini & Hochberg (1995): the expected share of false alarms among findings stays below alpha.

    For independent or positively dependent tests.
    """
    values, order, places = _sorted(p_values)
    stepped = np.minimum.accumulate((values[order] * len(values) / (places + 1))[::-1])[::-1]
    return _restored(stepped, order)


def _sorted(p_values: npt.ArrayLike) -> tuple[Floats, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p-values are numbers from 0 to 1 in one dimension")
    return values, np.argsort(values, kind="stable"), np.arange(len(values))


def _restored(stepped: Floats, order: npt.NDArray[np.intp]) -> Floats:
    adjusted = np.empty_like(stepped)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
