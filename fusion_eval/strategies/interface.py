"""The roles that a third party can fill, strategy and scorer, and what they work with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import msgspec

from fusion_eval.models import Model
from fusion_eval.strategies.question import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE
from fusion_eval.text.templates import Template
from fusion_eval.types import Answer, Candidate, Pool, Sampling

_DEFAULT_SAMPLING = Sampling(DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE, seed=0)


@dataclass(frozen=True, slots=True)
class Scored:
    """A number per usable candidate (None: unscored), and the generations that scoring cost."""

    scores: tuple[float | None, ...]
    calls: tuple[Candidate, ...] = ()


class Scorer(Protocol):
    """Rates the usable candidates of a pool; higher is better.

    A scorer whose class has `needs_logprobs = 1` makes the sampler ask for the tokens' log-probabilities, and one with
    `needs_logprobs = 20` also for those of 20 alternatives to each token. A class says in `votes` what its scores are
    worth in `weighted_majority`: `score`, `probability` or `borda`.
    """

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        """Return one score per candidate of `pool.usable`, in their order."""
        ...


def _make(key: str, make: Callable[[float], Model]) -> Model:
    return make(120.0)


class Tools(msgspec.Struct, frozen=True):
    """What a strategy may use on a pool: models, and options that the model arguments set."""

    fusor: Model
    scorer_model: Model
    """The model that a scorer asks, such as the judge of best-of-n."""
    template: Template
    """The prompt for the fusor."""
    scorer: Scorer
    fusor_temperature: float = 0.0
    fusor_max_tokens: int | None = None
    """None leaves room for an answer as long as the task allows."""
    sampling: Sampling = _DEFAULT_SAMPLING
    """The task's `max_tokens` and `stop` for the answer, and the pool's first seed."""
    language: str | None = None
    """ISO code of the answer's language, if the task tells it."""
    samplers: tuple[Model, ...] = ()
    """The models that drew the pool, for strategies that sample again."""
    temperatures: tuple[float, ...] = ()
    """The temperatures at which they drew it, in turn. None leaves them at the one of `sampling`."""
    open_model: Callable[[str, Callable[[float], Model]], Model] = _make
    """Opens a model that a scorer brings itself, once for each key, behind the run's slots, retries and store. The
    second argument makes it and gets the seconds for a whole request."""
    examples: int = 0
    """How many characters of a plain-text prompt are worked examples, before the question itself."""
    extract: Callable[[str], str | None] | None = None
    """Extracts the answer from a reply, as the task does. Set for strategies whose class has `needs_answers = True`."""
    source: str | None = None
    """The text to translate, without its instruction, if the task tells it."""

    def override(self, **options: Any) -> Tools:
        """Return the tools with those of the options in place that are not None."""
        changes = {name: value for name, value in options.items() if value is not None}
        return msgspec.structs.replace(self, **changes) if changes else self


class Strategy(Protocol):
    """Makes one answer out of a pool.

    A strategy may be an async function, or a frozen dataclass whose fields are its options.
    """

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        """Return the answer and what it cost. Fall back on a candidate rather than fail.

        Args:
            pool: Has at least one usable candidate.
            tools: Models and options for this pool.
        """
        ...


@runtime_checkable
class HasOwnTools(Protocol):
    """A strategy with options that stand for model arguments."""

    def own_tools(self, tools: Tools) -> Tools:
        """Return the tools with the strategy's own options in place of the model arguments."""
        ...


def used_tools(strategy: object, n: int) -> tuple[str, ...]:
    """Return what a strategy uses on pools of n candidates, such as `fusor` and `scorer`, as its class says in `uses`.

    A class whose method `scores_pools_of(n)` is false does not use the scorer on pools of that size.
    """
    scores_pools_of = getattr(strategy, "scores_pools_of", None)
    scores = scores_pools_of is None or scores_pools_of(n)
    return tuple(name for name in getattr(strategy, "uses", ()) if scores or name != "scorer")


def needs_logprobs(value: object) -> int:
    """Return which log-probabilities of candidates a strategy or a scorer, or a scorer among its options, needs.

    Returns:
        0 for none, 1 for each token's own, and a higher number for those of as many alternatives to each token.
    """
    return max(int(getattr(value, "needs_logprobs", 0)), *map(needs_logprobs, _options(value)), 0)


def needs_answers(value: object) -> bool:
    """Whether a strategy or a scorer, or one among its options, needs the answers that a task extracts from replies."""
    return getattr(value, "needs_answers", False) or any(needs_answers(option) for option in _options(value))


def needs_references(value: object) -> bool:
    """Whether a scorer, or one among a strategy's options, knows the references, so that it may not make answers."""
    return getattr(value, "needs_references", False) or any(map(needs_references, _options(value)))


def smallest_pool(value: object) -> int:
    """Return the fewest candidates that the pools of a strategy must be drawn with, as it or one of its options says."""
    return max(getattr(value, "smallest_pool", 1), *map(smallest_pool, _options(value)), 1)


def check_installed(value: object, *, asks: bool = True) -> None:
    """Raise a ConfigError if a strategy or a scorer, or one among its options, lacks something that it needs.

    Args:
        value: The strategy or the scorer. Its method `check_installed` looks for packages, and `check_ready` for keys.
        asks: Whether requests will be sent, so that keys are needed. A dry run sends none.
    """
    for method in ("check_installed", "check_ready") if asks else ("check_installed",):
        if callable(check := getattr(value, method, None)):
            check()
    for option in _options(value):
        check_installed(option, asks=asks)


def _options(value: object) -> list[object]:
    fields = dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()
    return [getattr(value, field.name) for field in fields]


def fall_back(
    pool: Pool, reason: str, calls: tuple[Candidate, ...] = (), *, scorer_calls: tuple[Candidate, ...] = ()
) -> Answer:
    """Return the candidate that its model found likeliest, or the first if one has no log-probability.

    Args:
        pool: Has at least one usable candidate.
        reason: Why the strategy could not do its work; the trace keeps it.
        calls: The generations that the strategy has made for this pool.
        scorer_calls: Those that scoring has cost.
    """
    likely = [candidate.mean_logprob for candidate in pool.usable]
    chosen = 0
    if all(value is not None for value in likely):
        chosen = max(range(len(likely)), key=lambda i: likely[i] or 0.0)
    return Answer(
        pool.usable[chosen].text,
        chosen=chosen,
        calls=(*scorer_calls, *calls),
        scorer_calls=len(scorer_calls),
        fallback=reason,
    )
