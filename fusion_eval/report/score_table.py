"""The table that `fusion-eval run` prints: a row per task, a column per strategy, as the harness scored them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Score:
    """A value with its standard error, where the harness gives one."""

    value: float
    stderr: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """One task, or one group of tasks. Tokens and seconds are of all strategies together, the pool counted once."""

    label: str
    scores: Mapping[str, Score]
    tokens: int
    seconds: float


def score_table(rows: Sequence[Row], strategies: Sequence[str], metric: str) -> str:
    """Plain text, columns aligned; groups stand last."""
    head = [metric, *strategies, "tokens", "seconds"]
    lines = [
        [
            row.label,
            *_shown(row, strategies),
            f"{row.tokens:,}",
            f"{row.seconds:,.0f}",
        ]
        for row in rows
    ]
    cells = [[_CONTROL.sub("", cell) for cell in line] for line in [head, *lines]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    ruler = "  ".join("-" * width for width in widths)
    texts = ["  ".join(_aligned(line, widths)) for line in cells]
    return "\n".join([texts[0], ruler, *texts[1:]])


def _shown(row: Row, strategies: Sequence[str]) -> list[str]:
    # Scores from 0 to 1 need more digits than those from 0 to 100.
    digits = 1 if any(score.value > 1 for score in row.scores.values()) else 3
    return [_number(row.scores.get(name), digits) for name in strategies]


def _number(score: Score | None, digits: int) -> str:
    if score is None:
        return "-"
    known = score.stderr is not None and not isnan(score.stderr)  # one item has no spread
    return f"{score.value:.{digits}f}" + (f" ± {score.stderr:.{digits}f}" if known else "")


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        line[0].ljust(widths[0]),
        *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
    ]
