"""The rows of a data set: an answer with all that is known about how it was made, a failure, and a pair."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.runs.usage import sum_of_all
from fusion_eval.synth.prompts import SourcePrompt
from fusion_eval.types import Candidate, Prompt, Trace

ERROR = "error"
"""The reason of a failure that is no filter's."""


@dataclass(frozen=True, slots=True)
class TeacherCandidate:
    """One teacher's candidate, as a row keeps it."""

    model: str
    text: str
    score: float | None
    seed: int
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
    cost: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to one prompt, with its provenance."""

    index: int
    id: str
    prompt: Prompt
    language: str | None
    completion: str
    strategy: str
    signature: str
    """How the answer was made, in short: strategy, models, hash of the fusor's prompt, seed, version."""
    candidates: tuple[TeacherCandidate, ...]
    chosen_candidate: int | None
    """Place of the candidate that is the answer; None if the strategy wrote a new text."""
    score: float | None
    """The answer's score, where the strategy scored it."""
    fusor: str | None
    fallback: str | None
    departures: tuple[str, ...]
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    """US dollars of the pool and of the aggregation; None if a price is unknown."""
    pool_cost: float | None

    @property
    def teachers(self) -> frozenset[str]:
        """The models whose candidates are usable."""
        return frozenset(candidate.model for candidate in self.candidates if candidate.error is None)


@dataclass(frozen=True, slots=True)
class Failure:
    """A prompt without a row: it has no answer, or a filter dropped the answer."""

    index: int
    id: str
    prompt: Prompt
    language: str | None
    strategy: str
    reason: str
    """`error`, or the name of the filter."""
    error: str
    """What happened, in words."""
    completion: str | None = None
    """The answer that a filter dropped."""
    cost: float | None = None
    pool_cost: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


Result = Row | Failure


def failure_of(source: SourcePrompt, strategy: str, error: str) -> Failure:
    """Return the failure of a prompt that has no answer."""
    return Failure(source.index, source.id, source.prompt, source.language, strategy, ERROR, error)


def dropped(row: Row, reason: str, error: str) -> Failure:
    """Return the failure of a row that a filter dropped."""
    return Failure(
        row.index,
        row.id,
        row.prompt,
        row.language,
        row.strategy,
        reason,
        error,
        row.completion,
        row.cost,
        row.pool_cost,
        row.prompt_tokens,
        row.completion_tokens,
    )


def row_of(source: SourcePrompt, trace: Trace, signature: str) -> Row:
    """Return an answered prompt as a row."""
    answer, candidates = trace.answer, trace.pool.candidates
    usable = [place for place, candidate in enumerate(candidates) if candidate.error is None]
    scores = dict(zip(usable, answer.scores, strict=False)) if answer.scores else {}
    chosen = None if answer.chosen is None else usable[answer.chosen]
    writer = answer.calls[-1] if chosen is None and answer.calls else None
    last = candidates[chosen] if chosen is not None else writer
    generations = (*candidates, *answer.calls)
    return Row(
        index=source.index,
        id=source.id,
        prompt=source.prompt,
        language=source.language,
        completion=trace.final,
        strategy=trace.strategy,
        signature=signature,
        candidates=tuple(_kept(candidate, scores.get(place)) for place, candidate in enumerate(candidates)),
        chosen_candidate=chosen,
        score=None if chosen is None else scores.get(chosen),
        fusor=writer.model if writer else None,
        fallback=answer.fallback,
        departures=answer.departures,
        finish_reason=last.finish_reason if last else "",
        prompt_tokens=sum(one.prompt_tokens for one in generations),
        completion_tokens=sum(one.completion_tokens for one in generations),
        cost=_cost(generations),
        pool_cost=_cost(candidates),
    )


def _kept(candidate: Candidate, score: float | None) -> TeacherCandidate:
    return TeacherCandidate(
        candidate.model,
        candidate.text,
        None if score is None else float(score),
        candidate.seed,
        candidate.prompt_tokens,
        candidate.completion_tokens,
        candidate.finish_reason,
        candidate.cost,
        candidate.error,
    )


def _cost(generations: tuple[Candidate, ...]) -> float | None:
    costs = [one.cost for one in generations if one.error is None]
    return sum_of_all(costs) if costs else None
