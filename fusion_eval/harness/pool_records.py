"""Read from traces what an analysis needs: the numbers of each candidate, and what each strategy made of the pool."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
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
class CallTotals:
    """How many calls were made, and what they cost together. The cost is NaN if one has no known price."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    seconds: float


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What one strategy made of one pool.

    Attributes:
        digest: Tells whether two strategies had the same pool.
        chosen: The place of the answer among the candidates, or `NOT_CHOSEN`.
        fallback: Whether the strategy fell back on a candidate.
        total: All calls beyond the pool.
        scoring: Those calls that scored candidates.
        scorer_models: The models of the calls that scored.
        scores: The score of each usable candidate.
    """

    digest: bytes
    chosen: int
    fallback: bool
    total: CallTotals
    scoring: CallTotals
    scorer_models: tuple[str, ...]
    scores: tuple[float | None, ...]


_HINT = "; the option allow_partial leaves out such lines"


def traces_of(run: Run, on_broken: Callable[[int], None] | None = None) -> Iterator[Trace]:
    """Yield the traces of a run.

    Args:
        run: The run. If it was read with `allow_partial`, lines that are no trace are skipped.
        on_broken: Is called with the number of each line that is skipped.

    Raises:
        ConfigError: A trace is one of several of its document, or belongs to none.
    """
    for path in run.traces:
        for trace in read_traces(path, (on_broken or _ignore) if run.partial else None, hint=_HINT):
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


def _ignore(number: int) -> None:
    """Skip a line that was counted when the pools were scored."""


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
    answer = trace.answer
    scoring = answer.calls[: answer.scorer_calls]
    return AnswerRecord(
        digest=_digest(trace.pool.candidates),
        chosen=_chosen(trace),
        fallback=answer.fallback is not None,
        total=_totals(answer.calls),
        scoring=_totals(scoring),
        scorer_models=tuple(dict.fromkeys(call.model for call in scoring)),
        scores=answer.scores,
    )


def _totals(calls: Sequence[Candidate]) -> CallTotals:
    return CallTotals(
        calls=len(calls),
        prompt_tokens=sum(call.prompt_tokens for call in calls),
        completion_tokens=sum(call.completion_tokens for call in calls),
        cost=float(sum(np.nan if call.cost is None else call.cost for call in calls)),
        seconds=sum(call.latency for call in calls),
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
