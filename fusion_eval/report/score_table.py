"""The table that `fusion-eval run` prints: a row per task, a column per strategy, as the harness scored them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from fusion_eval.report.text_table import text_table


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
    return text_table(head, lines)


def _shown(row: Row, strategies: Sequence[str]) -> list[str]:
    # Scores from 0 to 1 need more digits than those from 0 to 100.
    digits = 1 if any(score.value > 1 for score in row.scores.values()) else 3
    return [_number(row.scores.get(name), digits) for name in strategies]


def _number(score: Score | None, digits: int) -> str:
    if score is None:
        return "-"
    known = score.stderr is not None and not isnan(score.stderr)  # one item has no spread
    return f"{score.value:.{digits}f}" + (f" ± {score.stderr:.{digits}f}" if known else "")
