"""Many tests at once: adjusted p-values, and letters for the groups of runs that do not differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fusion_eval.stats.paired import Floats


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjust p-values by Holm's step-down procedure (1979), which controls the family-wise error rate.

    Raises:
        ValueError: A p-value is outside [0, 1], or there is more than one dimension.
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def benjamini_hochberg(p_values: npt.ArrayLike) -> Floats:
    """Adjust p-values by Benjamini & Hochberg (1995), which controls the false discovery rate.

    The tests must be independent or positively dependent.

    Raises:
        ValueError: A p-value is outside [0, 1], or there is more than one dimension.
    """
    values = _checked(p_values)
    order = np.argsort(values, kind="stable")[::-1]
    ranks = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum.accumulate(values[order] * len(values) / ranks)
    return np.minimum(adjusted, 1.0)


def _checked(p_values: npt.ArrayLike) -> Floats:
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p-values are numbers from 0 to 1 in one dimension")
    return values


@dataclass(frozen=True, slots=True)
class Rank:
    """One run of a ranking.

    Attributes:
        position: The place of the run in the input.
        rank: The rank from 1. Equal values share a rank.
        letters: The groups of the run.
    """

    position: int
    rank: int
    letters: str


def letter_groups(
    values: npt.ArrayLike, adjusted_p: npt.ArrayLike, alpha: float = 0.05, higher_is_better: bool = True
) -> tuple[Rank, ...]:
    """Rank runs, and give them letters so that two runs share a letter exactly if they do not differ significantly.

    This is the compact letter display by insert-and-absorb (Piepho 2004).

    Args:
        values: The value of each run (m,).
        adjusted_p: The adjusted p-values (m, m) of all pairs of runs.
        alpha: Two runs differ if their p-value is at most alpha.
        higher_is_better: Whether the highest value ranks first.

    Returns:
        The runs, best first.

    Raises:
        ValueError: The p-values are not a symmetric matrix of numbers from 0 to 1, or a value is NaN.
    """
    scores, p_values = np.asarray(values, dtype=np.float64), np.asarray(adjusted_p, dtype=np.float64)
    if scores.ndim != 1:
        raise ValueError(f"A ranking needs one value for each run, not values of the shape {scores.shape}")
    if p_values.shape != (len(scores), len(scores)) or not ((p_values >= 0) & (p_values <= 1)).all():
        raise ValueError(f"{len(scores)} runs need {len(scores)} x {len(scores)} p-values from 0 to 1")
    if not np.array_equal(p_values, p_values.T) or np.isnan(scores).any():
        raise ValueError("The p-values of pairs must be symmetric, and no value may be NaN")
    losses = -scores if higher_is_better else scores
    order = [int(run) for run in np.argsort(losses, kind="stable")]
    groups = _maximal_groups(order, p_values <= alpha)
    return tuple(
        Rank(
            position=run,
            rank=1 + int((losses < losses[run]).sum()),
            letters="".join(_letter(index) for index, group in enumerate(groups) if run in group),
        )
        for run in order
    )


def _maximal_groups(order: list[int], differ: npt.NDArray[np.bool_]) -> list[frozenset[int]]:
    """Return the maximal sets of runs in which no two differ, sorted by their best runs."""
    groups = [frozenset(order)]
    for one, other in combinations(order, 2):
        if differ[one, other]:
            groups = _absorb([part for group in groups for part in _split(group, one, other)])
    return sorted(groups, key=lambda group: sorted(order.index(run) for run in group))


def _split(group: frozenset[int], one: int, other: int) -> list[frozenset[int]]:
    return [group - {one}, group - {other}] if {one, other} <= group else [group]


def _absorb(groups: list[frozenset[int]]) -> list[frozenset[int]]:
    """Drop the groups that another group contains."""
    distinct = list(dict.fromkeys(groups))
    return [group for group in distinct if not any(group < other for other in distinct)]


def _letter(index: int) -> str:
    """Return a to z, then (27), (28), …: in brackets, so that several letters of a run stay readable."""
    return chr(ord("a") + index) if index < 26 else f"({index + 1})"
