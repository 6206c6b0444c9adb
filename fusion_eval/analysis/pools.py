"""Scored pools: the values of every candidate and of every strategy's answer, as arrays. All tables start here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

NO_ANSWER = -1
"""The code of a candidate that gives no answer, and the choice of an answer that is no candidate's."""


@dataclass(frozen=True, eq=False, slots=True)
class Calls:
    """What calls cost for each of M items.

    Attributes:
        calls: How many calls were made (M,).
        prompt_tokens: Their prompt tokens (M,).
        completion_tokens: Their completion tokens (M,).
        cost: US dollars (M,); NaN where a price is not known, 0 where there is no call.
        seconds: Their summed latency (M,).
    """

    calls: Integers
    prompt_tokens: Integers
    completion_tokens: Integers
    cost: Floats
    seconds: Floats


@dataclass(frozen=True, eq=False, slots=True)
class StrategyAnswers:
    """One strategy's answer to each of M items. Tokens, cost and seconds are of the calls beyond the pool.

    Attributes:
        name: The run's name, such as `fusion` or `bon(scorer=chrf)`.
        values: The metric's value of each answer (M,), as the run recorded it.
        chosen: The place among the N candidates (M,) of the text that is the answer; `NO_ANSWER` for a new text.
        fallback: Whether the strategy fell back on a candidate (M,).
        calls: How many calls the strategy made beyond the pool (M,).
        prompt_tokens: The prompt tokens of these calls (M,).
        completion_tokens: The completion tokens of these calls (M,).
        cost: US dollars of these calls (M,); NaN where a price is not known, 0 where there is no call.
        seconds: The summed latency of these calls (M,).
        scorer: Which scores of the pools the strategy gave or used; None if it scores nothing.
        scoring: The part of these calls that scored candidates; None if there is none.
    """

    name: str
    values: Floats
    chosen: Integers
    fallback: Booleans
    calls: Integers
    prompt_tokens: Integers
    completion_tokens: Integers
    cost: Floats
    seconds: Floats
    scorer: str | None = None
    scoring: Calls | None = None

    @property
    def selects(self) -> bool:
        """Whether every answer is the text of a candidate."""
        return bool((self.chosen != NO_ANSWER).all())


@dataclass(frozen=True, eq=False, slots=True)
class ScoredPools:
    """The pools of one task, scored by one metric under one filter: M items with N candidates each.

    Attributes:
        task: The task's name in the harness.
        family: The task's name without its language; sibling tasks share it.
        language: The task's language, if it is known.
        metric: The metric's name.
        filter: The filter's name; `none` if the task has no filters.
        higher_is_better: The metric's direction.
        documents: The harness's `doc_id` of each item (M,).
        clusters: The label of each item's cluster (M,), texts. Items with one label depend on each other.
        values: The metric's value of each candidate (M, N), all finite.
        models: The names of the models that sampled.
        model: For each candidate (M, N), its place in `models`.
        prompt_tokens: Prompt tokens (M, N); those of a request stand with its first candidate.
        completion_tokens: Completion tokens (M, N).
        cost: US dollars (M, N); NaN where no price is known.
        seconds: The latency of the request (M, N).
        answers: For each candidate (M, N), a number for the answer that the task extracts; equal numbers in a row are
            equal answers, and `NO_ANSWER` is none. None if the task extracts no answers.
        scores: By scorer's name, the stored score of each candidate (M, N), given with all N in sight; NaN is unscored.
        strategies: The answers of each strategy.
    """

    task: str
    family: str
    language: str | None
    metric: str
    filter: str
    higher_is_better: bool
    documents: Integers
    clusters: npt.NDArray[np.object_]
    values: Floats
    models: tuple[str, ...]
    model: Integers
    prompt_tokens: Integers
    completion_tokens: Integers
    cost: Floats
    seconds: Floats
    answers: Integers | None = None
    scores: Mapping[str, Floats] = field(default_factory=dict)
    strategies: tuple[StrategyAnswers, ...] = ()

    @property
    def n_items(self) -> int:
        """The number of items, M."""
        return len(self.values)

    @property
    def n_candidates(self) -> int:
        """The number of candidates of each item, N."""
        return int(self.values.shape[1])

    @property
    def zeros_and_ones(self) -> bool:
        """Whether every value of a candidate and of an answer is 0 or 1."""
        return all(
            bool(((values == 0) | (values == 1)).all())
            for values in (self.values, *(one.values for one in self.strategies))
        )

    @property
    def sign(self) -> float:
        """1 if higher is better, else -1: a value times the sign is better where it is higher."""
        return 1.0 if self.higher_is_better else -1.0
