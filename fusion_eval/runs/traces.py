"""`traces.jsonl`: a line per answered prompt, in the order of the prompts, and what they add up to."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.types import Candidate, Trace, from_json, to_json

FILE_NAME = "traces.jsonl"


class TraceFile:
    """Writes traces that are finished in any order; at the end their lines stand in the order of their index.

    None is held in memory, however long the first takes. As a context manager it leaves a whole file or none: until the
    end the lines stand in a file beside it. A path of None writes nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._partial = path.with_name(f"{path.name}.partial") if path else None
        self._file: BinaryIO | None = None
        # Of each line, as they were written: which prompt's it is, and where it begins. Arrays, as prompts are many.
        self._indices, self._starts = array("q"), array("q")
        self._made: list[Path] = []

    def __enter__(self) -> TraceFile:
        if self._partial:
            self._made = [folder for folder in self._partial.parents if not folder.exists()]
            try:
                self._partial.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._partial.open("w+b")
            except OSError as error:
                raise self._unwritable(error) from error
        return self

    def add(self, index: int, trace: Trace) -> None:
        """Take the trace of the index-th prompt."""
        if self._file:
            line = to_json(trace) + b"\n"
            try:
                self._starts.append(self._file.tell())
                self._indices.append(index)
                self._file.write(line)
            except OSError as error:
                raise self._unwritable(error) from error

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        if not (self._file and self._partial and self.path):
            return
        try:
            if kind is None:
                self._sort()
            self._file.close()
            if kind is None:
                self._partial.replace(self.path)
        except OSError as failure:
            if kind is None:  # else the first error is the one to tell
                raise self._unwritable(failure) from failure
        finally:
            self._partial.unlink(missing_ok=True)
            if kind is not None:
                with contextlib.suppress(OSError):  # one may hold something else by now
                    for folder in self._made:
                        folder.rmdir()

    def _sort(self) -> None:
        """Leave the file as it is where the lines came in order, as those of a stored run do."""
        if not (self._file and self._partial):
            return
        order = sorted(range(len(self._indices)), key=self._indices.__getitem__)
        if order == list(range(len(order))):
            return
        sorted_lines = self._partial.with_name(f"{self._partial.name}.sorted")
        try:
            with sorted_lines.open("wb") as target:
                for place in order:
                    self._file.seek(self._starts[place])
                    target.write(self._file.readline())
            sorted_lines.replace(self._partial)
        finally:
            sorted_lines.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"Cannot write traces to {self.path}: {error.strerror}. What the store holds is kept; name another "
            "folder with --output (trace_dir= under lm_eval), or make room, and run again"
        )


def read_traces(path: Path) -> Iterator[Trace]:
    """The traces of a file; one that cannot be read, or a line that is not a trace, is a `ConfigError` that names it."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError(f"Cannot read the traces {path}: {error.strerror}") from error
    with file:
        for number, line in enumerate(file, start=1):
            try:
                yield from_json(line, Trace)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise ConfigError(f"{path}, line {number} is not a trace: {error}") from error


@dataclass(slots=True)
class Usage:
    """Tokens and US dollars of some generations."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """Of the generations whose cost is known; None where that is so of none."""
    unpriced: int = 0
    """The others."""
    retries: int = 0
    """Tries that failed before the last one of a request."""

    def add(self, generation: Candidate) -> None:
        """Count one generation; a failed one has no cost."""
        self.prompt_tokens += generation.prompt_tokens
        self.completion_tokens += generation.completion_tokens
        self.retries += generation.retries
        if generation.cost is not None:
            self.cost = (self.cost or 0.0) + generation.cost
        elif generation.error is None:
            self.unpriced += 1

    def __str__(self) -> str:
        """`1,234 + 567 tokens, $0.0123, retries 3`: read and written."""
        parts = [f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens"]
        if self.cost is None:
            counted = self.prompt_tokens or self.completion_tokens
            parts.append("no known price" if counted else "no cost, as the server tells no tokens")
        else:
            parts.append(dollars(self.cost) + (" without those of unknown price" if self.unpriced else ""))
        if self.retries:
            parts.append(f"retries {self.retries:,}")
        return ", ".join(parts)


def dollars(amount: float) -> str:
    """`$12.34`, and more digits of less than a dollar."""
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.6f}"


@dataclass(slots=True)
class Totals:
    """Counts over traces, as they go into a results file. Tokens and seconds are of the generations behind them."""

    prompts: int = 0
    candidates: int = 0
    failed_candidates: int = 0
    empty_candidates: int = 0
    """Without a text, though the model was done."""
    cut_candidates: int = 0
    """Ended by a limit of tokens."""
    unscored_candidates: int = 0
    """Whose rating could not be read."""
    aggregation_calls: int = 0
    fallbacks: int = 0
    dropped_candidates: int = 0
    departures: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    roles: dict[str, Usage] = field(default_factory=dict)
    """The same by who generated: `sampler`, `fusor`, `scorer`."""

    def add(self, trace: Trace) -> None:
        """Count one trace."""
        self.prompts += 1
        self.candidates += len(trace.pool.candidates)
        self.failed_candidates += len(trace.pool.candidates) - len(trace.pool.usable)
        self.empty_candidates += sum(not candidate.text for candidate in trace.pool.usable)
        self.cut_candidates += sum(candidate.finish_reason == "length" for candidate in trace.pool.usable)
        self.unscored_candidates += sum(score is None for score in trace.answer.scores)
        self._add_generations("sampler", trace.pool.candidates)
        self.add_calls(trace)
        self.fallbacks += trace.answer.fallback is not None
        self.dropped_candidates += trace.answer.dropped
        for departure in trace.answer.departures:
            self.departures[departure] = self.departures.get(departure, 0) + 1

    def add_calls(self, trace: Trace) -> None:
        """Count only what aggregation cost, where another strategy's trace has counted the same pool."""
        self.aggregation_calls += len(trace.answer.calls)
        # Only scorers leave scores; those of `bon` may have failed to.
        scores = bool(trace.answer.scores) or trace.strategy == "bon"
        self._add_generations("scorer" if scores else "fusor", trace.answer.calls)

    def _add_generations(self, role: str, generations: Sequence[Candidate]) -> None:
        for generation in generations:
            self.roles.setdefault(role, Usage()).add(generation)
            self.prompt_tokens += generation.prompt_tokens
            self.completion_tokens += generation.completion_tokens
            if generation.cost is not None:
                self.cost = (self.cost or 0.0) + generation.cost
        # Candidates of one request share one wait, which their equal latency shows.
        self.seconds += sum(latency for _, latency in {(g.model, g.latency) for g in generations})
