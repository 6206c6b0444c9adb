"""Find which scores the traces of runs hold, and give different scores different names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from fusion_eval.analysis.pools import Floats
from fusion_eval.harness.pool_records import AnswerRecord
from fusion_eval.runs.reading import Run

LOGPROB = "logprob"
"""The scorer whose scores every candidate carries, if its model reports log-probabilities."""


def stored_scores(
    runs: Sequence[Run], logprobs: Floats, records: Sequence[Sequence[AnswerRecord]]
) -> tuple[dict[str, Floats], list[str | None]]:
    """Return every stored score by its scorer, and for each run the scorer whose scores it holds.

    Runs share a scorer if their signatures name the same one, the same models answered its calls, and they agree on every
    candidate that both score. Else the scorers have different names: `judge by MODEL`, or `judge (RUN)`.

    Args:
        runs: The runs.
        logprobs: The mean log-probability of each candidate (M, N); NaN is unknown.
        records: The M records of each run.
    """
    scores: dict[str, Floats] = {} if np.isnan(logprobs).all() else {LOGPROB: logprobs}
    matrices = [_matrix(own, logprobs.shape[1]) for own in records]
    models = [
        " and ".join(dict.fromkeys(name for one in own for name in one.scorer_models)) for own in records
    ]
    judges: dict[str, set[str]] = defaultdict(set)
    for run, matrix, own in zip(runs, matrices, models, strict=True):
        if matrix is not None:
            judges[_scorer_of(run)].add(own)
    names: list[str | None] = []
    for run, matrix, own in zip(runs, matrices, models, strict=True):
        if matrix is None:
            names.append(None)
            continue
        name = _scorer_of(run)
        if len(judges[name]) > 1 and own:
            name = f"{name} by {own}"
        if name in scores and not _agree(scores[name], matrix):
            name = f"{name} ({run.name})"
        scores[name] = np.where(np.isnan(scores[name]), matrix, scores[name]) if name in scores else matrix
        names.append(name)
    return scores, names


def _matrix(records: Sequence[AnswerRecord], n: int) -> Floats | None:
    """Return the scores (M, n) of a run; None if it scored nothing."""
    rows = [one.scores if len(one.scores) == n else (None,) * n for one in records]
    matrix = np.array(
        [[np.nan if score is None else score for score in row] for row in rows], dtype=np.float64
    )
    return None if np.isnan(matrix).all() else matrix


def _agree(one: Floats, other: Floats) -> bool:
    """Whether two matrices have the same scores where both have one."""
    both = ~(np.isnan(one) | np.isnan(other))
    return bool(np.allclose(one[both], other[both], rtol=1e-9, atol=1e-12))


def _scorer_of(run: Run) -> str:
    """Return the scorer that a run's signature names; the run's name for a strategy that scores by itself."""
    parts = (run.signature or "").split("|")
    return next((part.removeprefix("scorer:") for part in parts if part.startswith("scorer:")), run.name)
