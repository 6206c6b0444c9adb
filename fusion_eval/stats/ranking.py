"""Runs from best to worst, with letters for the groups that cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Rank:
    """`position` is the run's place in the input, `rank` its place from 1, shared by equal values."""

    position: int
    rank: int
    letters: str


def groups(
    values: npt.ArrayLike, adjusted_p: npt.ArrayLike, alpha: float = 0.05, higher_is_better: bool = True
) -> tuple[Rank, ...]:
    """The compact letter display of runs with values (m,) and p-values (m, m) of their pairs, best run first.

    Two runs share a letter exactly where their adjusted p-value is above alpha. By insert and absorb (Piepho 2004).
    Raises ValueError for a p matrix that is not symmetric, or not of numbers from 0 to 1.
    """
    scores, p_values = np.asarray(values, dtype=np.float64), np.asarray(adjusted_p, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"Ranked by p-values are runs with one value each, not of the shape {scores.shape}")
    if p_values.shape != (len(scores), len(scores)) or not ((p_values >= 0) & (p_values <= 1)).all():
        raise ValueError(f"{len(scores)} runs need {len(scores)} x {len(scores)} p-values from 0 to 1")
    if not np.array_equal(p_values, p_values.T) or np.isnan(scores).any():
        raise ValueError("p-values of pairs are symmetric, and values are numbers")
    best_first = scores if not higher_is_better else -scores
    order = [int(place) for place in np.argsort(best_first, kind="stable")]
    columns = _columns(order, p_values <= alpha)
    return tuple(
        Rank(
            place,
            1 + int((best_first < best_first[place]).sum()),
            "".join(_letter(index) for index, column in enumerate(columns) if place in column),
        )
        for place in order
    )


def _columns(order: list[int], differ: npt.NDArray[np.bool_]) -> list[frozenset[int]]:
    """The maximal sets of runs of which no two differ, in the order of their best runs."""
    columns = [frozenset(order)]
    for one, other in combinations(order, 2):
        if differ[one, other]:
            split = [part for column in columns for part in _without_both(column, one, other)]
            columns = _absorbed(split)
    return sorted(columns, key=lambda column: sorted(order.index(place) for place in column))


def _without_both(column: frozenset[int], one: int, other: int) -> list[frozenset[int]]:
    return [column - {one}, column - {other}] if {one, other} <= column else [column]


def _absorbed(columns: list[frozenset[int]]) -> list[frozenset[int]]:
    """Without those that another one holds."""
    distinct = list(dict.fromkeys(columns))
    return [column for column in distinct if not any(column < other for other in distinct)]


def _letter(index: int) -> str:
    """a … z, then in brackets (27), so that two letters of one run are never read as another."""
    return chr(ord("a") + index) if index < 26 else f"({index + 1})"
