"""Clusters by number: what a label is does not matter, only which items share it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fusion_eval.stats.paired import Labels


def numbered(labels: Labels, n: int) -> tuple[npt.NDArray[np.intp], int]:
    """(n,): a number from 0 per item, in the order in which labels first come, and how many there are.

    Without labels each item is a cluster of its own. Raises ValueError where labels are not n in one dimension.
    """
    if labels is None:
        return np.arange(n), n
    if len(labels) != n:
        raise ValueError(
            f"Labels need the shape ({n},), not ({len(labels)},): {n} items need a cluster label each"
        )
    numbers: dict[object, int] = {}
    listed = labels.tolist() if isinstance(labels, np.ndarray) else labels
    codes = np.array([numbers.setdefault(label, len(numbers)) for label in listed], dtype=np.intp)
    return codes, len(numbers)
