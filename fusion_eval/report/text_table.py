"""Draw tables as plain text with aligned columns, safe for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from fusion_eval.text.printable import terminal_line

_ZERO_WIDTH = ("Mn", "Me")
"""Unicode's categories of marks that are drawn over another character."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts. The first `text_columns` columns hold words, the others hold numbers."""

    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    text_columns: int = 1


def decimals(*values: float) -> int:
    """Return how many decimals to show. Metrics from 0 to 1 need more than those from 0 to 100."""
    return 2 if max(map(abs, values)) > 1 else 4


def metric_name(metric: str, filter_name: str) -> str:
    """Return a metric with its filter if it has one: `exact_match,strict-match`."""
    return metric if filter_name == "none" else f"{metric},{filter_name}"


def _width(text: str) -> int:
    """Return how many columns of a terminal a text fills.

    Chinese, Japanese and Korean characters fill two columns. Marks above and below other characters fill none.
    """
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.category(character) in _ZERO_WIDTH for character in text)


def text_table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """Draw a table under a ruled head. The first `left` columns are aligned left, the others right."""
    cells = [[terminal_line(cell) for cell in line] for line in [head, *lines]]
    widths = [max(_width(line[column]) for line in cells) for column in range(len(head))]
    ruler = "  ".join("-" * width for width in widths)
    texts = [
        "  ".join(
            cell + " " * (width - _width(cell)) if column < left else " " * (width - _width(cell)) + cell
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return "\n".join([texts[0], ruler, *texts[1:]])
