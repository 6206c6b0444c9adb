"""Turn cluster and group labels into numbers. Only which items share a label matters, not what the label is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Labels = Sequence[Any] | npt.NDArray[Any] | None
"""One hashable label for each item, or None if each item is a cluster of its own."""
Numbers = npt.NDArray[np.intp]


def number_by_first_item(labels: Labels, n: int) -> tuple[Numbers, int]:
    """Number the clusters of n items in the order of their first items.

    Args:
        labels: The cluster of each item.
        n: The number of items.

    Returns:
        The cluster number of each item (n,), counted from 0, and the number of clusters.

    Raises:
        ValueError: There are not n labels in one dimension.
    """
    if labels is None:
        return np.arange(n), n
    listed = _listed(labels, n)
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in listed], dtype=np.intp), len(
        numbers
    )


def number_by_label(labels: Labels, n: int) -> tuple[Numbers, int]:
    """Number the clusters of n items in the order of their labels, so that the order of the items does not matter.

    Labels of several types are sorted by their `repr`. For arguments, result and errors see `number_by_first_item`.
    """
    if labels is None:
        return np.arange(n), n
    listed = _listed(labels, n)
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "i":  # the same numbers, found faster
        integers, numbered = np.unique(labels, return_inverse=True)
        return numbered, len(integers)
    try:
        known = sorted(set(listed))
    except TypeError:  # labels of several types cannot be compared
        known = sorted(set(listed), key=repr)
    numbers = {label: number for number, label in enumerate(known)}
    return np.array([numbers[label] for label in listed], dtype=np.intp), len(numbers)


def _listed(labels: Sequence[Any] | npt.NDArray[Any], n: int) -> list[Any]:
    if len(labels) != n or (isinstance(labels, np.ndarray) and labels.ndim != 1):
        raise ValueError(
            f"Labels need the shape ({n},), not {np.shape(labels)}: {n} items need a cluster label each"
        )
    return labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
