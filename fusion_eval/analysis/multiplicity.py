"""Adjust the p-values of a table for the number of its tests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from fusion_eval.analysis.units import Unit
from fusion_eval.stats.multiplicity import holm

Row = TypeVar("Row", bound=Any)
"""A row of a unit with `p_value` and `p_adjusted`."""


def adjust_p_values(rows: Iterable[Row], units: Sequence[Unit]) -> list[Row]:
    """Return the rows of one table with p-values that Holm's method adjusts within families, as `compare` does.

    The rows over all languages, by the first metric of each task, are one family. Those by further metrics are another.
    The languages of one task and metric are a family for themselves. Rows without a p-value are no tests.
    """
    names = {tuple(unit.head.values()): unit.tests for unit in units}
    adjusted = list(rows)
    families: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(adjusted):
        if row.p_value is not None:
            families[names[row.task, row.language, row.metric, row.filter]].append(place)
    for places in families.values():
        for place, p_value in zip(places, holm([adjusted[place].p_value for place in places]), strict=True):
            adjusted[place] = replace(adjusted[place], p_adjusted=float(p_value))
    return adjusted
