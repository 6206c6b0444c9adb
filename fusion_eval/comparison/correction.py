"""Adjust p-values for the number of rows that are tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from fusion_eval.comparison.options import Correction
from fusion_eval.runs.comparison import Row
from fusion_eval.stats.multiplicity import benjamini_hochberg, holm
from fusion_eval.stats.paired import Floats

_METHODS: Mapping[Correction, Callable[[Sequence[float]], Floats]] = {"holm": holm, "bh": benjamini_hochberg}


def adjust_p_values(p_values: Sequence[float], correction: Correction) -> list[float]:
    """Return the adjusted p-values of one family of tests, in the order given."""
    return [float(p_value) for p_value in _METHODS[correction](p_values)]


def adjust_rows(rows: Sequence[Row], alpha: float, correction: Correction) -> list[Row]:
    """Return the rows with adjusted p-values. All rows of a table are one family of tests."""
    adjusted = adjust_p_values([row.p_value for row in rows], correction)
    return [
        replace(row, p_adjusted=p_value, significant=p_value <= alpha)
        for row, p_value in zip(rows, adjusted, strict=True)
    ]
