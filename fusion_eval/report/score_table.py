"""The table that `fusion-eval run` prints: a row for each task, and a column for each strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from fusion_eval.report.text_table import text_table


@dataclass(frozen=True, slots=True)
class MeanScore:
    """A score of the harness, with its standard error if the harness gives one."""

    value: float
    stderr: float | None


@dataclass(frozen=True, slots=True)
class TaskScores:
    """The scores of all strategies on one task or group of tasks.

    Tokens and seconds are those of all strategies together. The shared pool counts once.
    """

    label: str
    scores: Mapping[str, MeanScore]
    tokens: int
    seconds: float


def score_table(rows: Sequence[TaskScores], strategies: Sequence[str], metric: str) -> str:
    """Draw the table as plain text with aligned columns."""
    head = [metric, *strategies, "tokens", "seconds"]
    return text_table(head, [score_cells(row, strategies) for row in rows])


def score_cells(row: TaskScores, strategies: Sequence[str]) -> list[str]:
    """Return the cells of a row: its label, the score of each strategy, tokens and seconds."""
    return [row.label, *_scores(row, strategies), f"{row.tokens:,}", f"{row.seconds:,.0f}"]


def _scores(row: TaskScores, strategies: Sequence[str]) -> list[str]:
    # Scores from 0 to 1 need more digits than those from 0 to 100.
    digits = 1 if any(score.value > 1 for score in row.scores.values()) else 3
    return [_format(row.scores.get(name), digits) for name in strategies]


def _format(score: MeanScore | None, digits: int) -> str:
    if score is None:
        return "-"
    has_error = score.stderr is not None and not isnan(score.stderr)  # one item has no standard error
    return f"{score.value:.{digits}f}" + (f" ± {score.stderr:.{digits}f}" if has_error else "")
