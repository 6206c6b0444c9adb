"""Count what traces add up to: answers, failures, tokens, dollars and seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fusion_eval.runs.usage import ROLES, Usage, sum_of_known
from fusion_eval.text.specs import spec_name
from fusion_eval.types import Candidate, Trace


@dataclass(slots=True)
class Totals:
    """Sums over traces, as results files have them. Tokens and seconds are of all generations behind the answers."""

    prompts: int = 0
    candidates: int = 0
    failed_candidates: int = 0
    empty_candidates: int = 0
    """Candidates without a text, though the model did not fail."""
    cut_candidates: int = 0
    """Candidates that a limit of tokens ended."""
    rechecks: int = 0
    """Requests for an answer whose earlier reply contradicted itself or was stopped in a thought, over all roles."""
    omitted: dict[str, int] = field(default_factory=dict)
    """By sampling option, the generations whose endpoint refused the option, so that they went without it."""
    saved_candidates: int = 0
    """Candidates that adaptive sampling did not need."""
    unscored_candidates: int = 0
    """Candidates whose rating could not be read."""
    aggregation_calls: int = 0
    fallbacks: int = 0
    dropped_candidates: int = 0
    departures: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    roles: dict[str, Usage] = field(default_factory=dict)
    """Tokens and cost by role, see `ROLES`."""

    def add(self, trace: Trace, planned: int = 0) -> None:
        """Add one trace. If its pool has fewer candidates than planned, the others were saved."""
        self.add_pool(trace, planned)
        self.add_calls(trace)

    def add_pool(self, trace: Trace, planned: int = 0) -> None:
        """Add one trace without the calls beyond its pool."""
        candidates = trace.pool.drawn
        self.prompts += 1
        self.candidates += len(candidates)
        self.saved_candidates += max(planned - len(candidates), 0)
        for candidate in candidates:
            if candidate.error is not None:
                self.failed_candidates += 1
                continue
            if not candidate.text:
                self.empty_candidates += 1
            if candidate.finish_reason == "length":
                self.cut_candidates += 1
        self.unscored_candidates += trace.answer.scores.count(None)
        self._add_generations("sampler", candidates)
        self.fallbacks += trace.answer.fallback is not None
        self.dropped_candidates += trace.answer.dropped
        for departure in trace.answer.departures:
            self.departures[departure] = self.departures.get(departure, 0) + 1

    def add_calls(self, trace: Trace) -> None:
        """Add only the calls beyond the pool."""
        calls = trace.answer.calls
        if not calls:
            return
        self.aggregation_calls += len(calls)
        scoring = len(calls) if spec_name(trace.strategy) in _SCORED else trace.answer.scorer_calls
        sampling = scoring + trace.answer.sampler_calls
        self._add_generations("scorer", calls[:scoring])
        self._add_generations("sampler", calls[scoring:sampling])
        self._add_generations("fusor", calls[sampling:])

    def usages(self) -> list[tuple[str, Usage]]:
        """Return each role and its usage in the order of `ROLES`, whichever role was first to ask."""
        return [(role, self.roles[role]) for role in ROLES if role in self.roles]

    def as_json(self) -> dict[str, Any]:
        """Return the sums as a results file has them. What was saved stands there only if something was.

        The file does not depend on the order in which the answers came: sums of fractions are rounded, and names sorted.
        """
        values = asdict(self)
        for sums in (values, *values["roles"].values()):
            for name in _FRACTIONS & sums.keys():
                sums[name] = None if sums[name] is None else round(sums[name], _DIGITS)
        for name in ("omitted", "departures"):
            values[name] = dict(sorted(values[name].items()))
        values["roles"] = {role: values["roles"][role] for role, _ in self.usages()}
        if not self.saved_candidates:
            del values["saved_candidates"]
        return values

    def merge(self, other: Totals) -> None:
        """Add the totals of other traces, such as those of another process."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.cost = sum_of_known((self.cost, other.cost))
        for departure, count in other.departures.items():
            self.departures[departure] = self.departures.get(departure, 0) + count
        for option, count in other.omitted.items():
            self.omitted[option] = self.omitted.get(option, 0) + count
        for role, usage in other.roles.items():
            self.roles.setdefault(role, Usage()).merge(usage)

    def _add_generations(self, role: str, generations: Sequence[Candidate]) -> None:
        if not generations:
            return
        usage = self.roles.get(role)
        if usage is None:
            usage = self.roles[role] = Usage()
        prompt_tokens, completion_tokens = usage.prompt_tokens, usage.completion_tokens
        for generation in generations:
            usage.add(generation)
            if generation.cost is not None:
                self.cost = (self.cost or 0.0) + generation.cost
            if generation.rechecks or generation.omitted:  # few are
                self.rechecks += generation.rechecks
                for option in generation.omitted:
                    self.omitted[option] = self.omitted.get(option, 0) + 1
        self.prompt_tokens += usage.prompt_tokens - prompt_tokens
        self.completion_tokens += usage.completion_tokens - completion_tokens
        # Candidates of one request share one wait, so their latency is equal and counts once.
        self.seconds += sum({(g.model, g.latency): g.latency for g in generations}.values())


_FRACTIONS, _DIGITS = {"cost", "seconds"}, 9
_SCORED = ("bon",)
"""Strategies whose calls are all the scorer's, also in traces of 0.1.0, which do not count them."""
_COUNTS = (
    "prompts",
    "candidates",
    "failed_candidates",
    "empty_candidates",
    "cut_candidates",
    "rechecks",
    "saved_candidates",
    "unscored_candidates",
    "aggregation_calls",
    "fallbacks",
    "dropped_candidates",
    "prompt_tokens",
    "completion_tokens",
    "seconds",
)
"""The fields of `Totals` that are plain sums."""


@dataclass(slots=True)
class RunTotals:
    """The totals of one run of one strategy, by task."""

    pools: dict[str, Totals] = field(default_factory=dict)
    """By task, all but the calls beyond the pool. Strategies that share their pools have the same tokens and costs here."""
    calls: dict[str, Totals] = field(default_factory=dict)
    """By task, only what the strategy called beyond the pool."""

    @property
    def tasks(self) -> dict[str, Totals]:
        """The totals of each task."""
        return {task: _merged((pools, self.calls[task])) for task, pools in self.pools.items()}

    @property
    def overall(self) -> Totals:
        """The totals of all tasks together."""
        return _merged((*self.pools.values(), *self.calls.values()))

    def add(self, trace: Trace, planned: int = 0) -> None:
        """Add one trace, whose pool was planned to have so many candidates."""
        if trace.task not in self.pools:
            self.pools[trace.task], self.calls[trace.task] = Totals(), Totals()
        self.pools[trace.task].add_pool(trace, planned)
        self.calls[trace.task].add_calls(trace)

    def merge(self, other: RunTotals) -> None:
        """Add the totals of the same run in another process."""
        for mine, theirs in ((self.pools, other.pools), (self.calls, other.calls)):
            for task, totals in theirs.items():
                mine.setdefault(task, Totals()).merge(totals)


def _merged(parts: Iterable[Totals]) -> Totals:
    merged = Totals()
    for part in parts:
        merged.merge(part)
    return merged
