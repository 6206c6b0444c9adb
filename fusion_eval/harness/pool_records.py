"""Read from traces what an analysis needs: the numbers of each candidate, and what each strategy made of the pool."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import Run
from fusion_eval.runs.traces import read_traces
from fusion_eval.types import Candidate, Trace

NOT_CHOSEN = -1


@dataclass(frozen=True, eq=False, slots=True)
class PoolRecord:
    """The pool of one item without its texts.

    `numbers` has a row for each candidate: prompt tokens, completion tokens, cost, seconds, mean log-probability. NaN is
    unknown.
    """

    models: tuple[str, ...]
    numbers: npt.NDArray[np.float64]
    failed: int


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What one strategy made of one pool. `digest` tells whether two strategies had the same pool."""

    digest: bytes
    chosen: int
    fallback: bool
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    seconds: float
    scores: tuple[float | None, ...]


def traces_of(run: Run) -> Iterator[Trace]:
    """Yield the traces of a run.

    Raises:
        ConfigError: A trace is one of several of its document, or belongs to none.
    """
    for path in run.traces:
        for trace in read_traces(path):
            if trace.copy or trace.doc_id is None:
                raise ConfigError(
                    f"{path}: {trace.task} answers its documents more than once (repeats), and an analysis needs one pool "
                    "for each document; run it with repeats: 1"
                )
            usable = sum(one.error is None for one in trace.pool.candidates)
            if trace.answer.chosen is not None and not 0 <= trace.answer.chosen < usable:
                raise ConfigError(
                    f"{path}: document {trace.doc_id} of {trace.task} chooses candidate {trace.answer.chosen}, and its pool "
                    f"has {usable} usable ones, counted from 0; the file was changed, so run the strategy again"
                )
            yield trace


def pool_record(trace: Trace) -> PoolRecord:
    """Return the numbers of a trace's pool."""
    candidates = trace.pool.candidates
    numbers = [
        (
            one.prompt_tokens,
            one.completion_tokens,
            np.nan if one.cost is None else one.cost,
            one.latency,
            np.nan if one.mean_logprob is None else one.mean_logprob,
        )
        for one in candidates
    ]
    return PoolRecord(
        tuple(one.model for one in candidates),
        np.array(numbers, dtype=np.float64).reshape(len(candidates), 5),
        sum(one.error is not None for one in candidates),
    )


def answer_record(trace: Trace) -> AnswerRecord:
    """Return what a trace's strategy made of its pool."""
    answer, calls = trace.answer, trace.answer.calls
    costs = [np.nan if call.cost is None else call.cost for call in calls]
    return AnswerRecord(
        digest=_digest(trace.pool.candidates),
        chosen=_chosen(trace),
        fallback=answer.fallback is not None,
        calls=len(calls),
        prompt_tokens=sum(call.prompt_tokens for call in calls),
        completion_tokens=sum(call.completion_tokens for call in calls),
        cost=float(sum(costs)),
        seconds=sum(call.latency for call in calls),
        scores=answer.scores,
    )


def _digest(candidates: tuple[Candidate, ...]) -> bytes:
    joined = "\0".join(f"{one.model}\1{one.seed}\1{one.text}" for one in candidates)
    return hashlib.blake2b(joined.encode(), digest_size=16).digest()


def _chosen(trace: Trace) -> int:
    """Return the place of the answer among all candidates; a text that equals a candidate's counts as that candidate's."""
    places = [place for place, one in enumerate(trace.pool.candidates) if one.error is None]
    if trace.answer.chosen is not None:
        return places[trace.answer.chosen]
    texts = [trace.pool.candidates[place].text for place in places]
    return places[texts.index(trace.answer.text)] if trace.answer.text in texts else NOT_CHOSEN
