"""The table that `fusion-eval run` prints: a row per task, a column per strategy, as the harness scored them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    # Scores from 0 to 1 need more digits than those from 0 to 100.
    digits = 1 if any(score.value > 1 for row in rows for score in row.scores.values()) else 3
    head = [metric, *strategies, "tokens", "seconds"]
    lines = [
        [
            row.label,
            *(_shown(row.scores.get(name), digits) for name in strategies),
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


def _shown(score: Score | None, digits: int) -> str:
    if score is None:
        return "-"
    error = f" ± {score.stderr:.{digits}f}" if score.stderr is not None else ""
    return f"{score.value:.{digits}f}{error}"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        line[0].ljust(widths[0]),
        *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
    ]
