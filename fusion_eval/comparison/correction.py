"""Adjust p-values for the number of rows that are tested, within families of tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from fusion_eval.comparison.options import Correction
from fusion_eval.runs.comparison import Row
from fusion_eval.stats.multiplicity import benjamini_hochberg, holm
from fusion_eval.stats.paired import Floats

PRIMARY, SECONDARY, LANGUAGES = "primary", "secondary", "languages"
"""The first word of a family's name says which kind of family it is."""
_METHODS: Mapping[Correction, Callable[[Sequence[float]], Floats]] = {"holm": holm, "bh": benjamini_hochberg}


def family_of_tests(
    task: str, metric: str, filtered: str, *, single_language: bool, first_metric: bool
) -> str:
    """Return the name of the family of tests that a row belongs to.

    Args:
        task: The row's task; the name without its language if the task has several.
        metric: The row's metric.
        filtered: The metric's filter.
        single_language: Whether the row is one of several languages of its task.
        first_metric: Whether the metric is the first of its task.

    Returns:
        `primary` for the rows over all languages of each task's first metric, `secondary` for those of further metrics.
        The languages of one task and metric are a family for themselves.
    """
    if single_language:
        return f"{LANGUAGES} of {task} by {metric}" + ("" if filtered == "none" else f",{filtered}")
    return PRIMARY if first_metric else SECONDARY


def adjust_p_values(p_values: Sequence[float], correction: Correction) -> list[float]:
    """Return the adjusted p-values of one family of tests, in the order given."""
    return [float(p_value) for p_value in _METHODS[correction](p_values)]


def adjust_rows(rows: Sequence[Row], alpha: float, correction: Correction) -> list[Row]:
    """Return the rows with p-values that are adjusted within the family that each row names."""
    families: dict[str | None, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        families[row.family].append(place)
    adjusted = list(rows)
    for places in families.values():
        p_values = adjust_p_values([rows[place].p_value for place in places], correction)
        for place, p_value in zip(places, p_values, strict=True):
            adjusted[place] = replace(rows[place], p_adjusted=p_value, significant=p_value <= alpha)
    return adjusted
