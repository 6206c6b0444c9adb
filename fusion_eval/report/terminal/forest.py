"""Draw a difference and its interval as one line of characters: a row of a forest plot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fusion_eval.runs.comparison import Row

LEAST, MOST = 11, 31
"""The fewest and the most characters of a plot. Both are odd, so that zero has a character of its own."""


@dataclass(frozen=True, slots=True)
class Signs:
    """The characters of a plot."""

    line: str
    zero: str
    significant: str
    other: str


UNICODE, ASCII = Signs("─", "│", "●", "○"), Signs("-", "|", "*", "o")


def scales(rows: Iterable[Row]) -> Mapping[tuple[str, str], float]:
    """Return for each metric and filter the largest distance from zero. Rows of one metric share a scale."""
    largest: dict[tuple[str, str], float] = {}
    for row in rows:
        key = row.metric, row.filter
        ends = [abs(one) for one in (row.delta, row.ci_low, row.ci_high) if one is not None]
        largest[key] = max(largest.get(key, 0.0), *ends)
    return largest


def forest_line(row: Row, scale: float, width: int, signs: Signs = UNICODE) -> str:
    """Return the plot of one row.

    Args:
        row: The row of a comparison.
        scale: The distance from zero that the ends of the line stand for.
        width: An odd number of characters.
        signs: The characters to draw with.
    """
    middle = width // 2

    def place(value: float) -> int:
        return middle + round(middle * value / scale) if scale else middle

    cells = [" "] * width
    if row.ci_low is not None and row.ci_high is not None:
        for at in range(place(row.ci_low), place(row.ci_high) + 1):
            cells[at] = signs.line
    cells[middle] = signs.zero
    cells[place(row.delta)] = signs.significant if row.significant else signs.other
    return "".join(cells)
