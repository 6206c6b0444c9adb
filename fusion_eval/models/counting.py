"""Models for a dry run: they count the calls and tokens that a run would need and send no request."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models import Model
from fusion_eval.models.cached import Cached
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.keys import key_source
from fusion_eval.models.limited import Limited
from fusion_eval.models.opener import Opener
from fusion_eval.models.prices import Price
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate, Prompt, Sampling

_CHARACTERS_PER_TOKEN = 4
_ASIAN = re.compile(
    r"[\u1100-\u11ff\u3000-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]"
)
_HIDDEN = str.maketrans("0123456789:;", "".join(chr(0xE000 + i) for i in range(12)))
"""Maps to letters for private use. No prompt holds them, no stop string cuts them, no strategy reads them as words."""
_DIGITS = {hidden: ord("0") + digit for digit, hidden in enumerate(range(0xE000, 0xE00A))}
_STAND_IN = re.compile("([\ue000-\ue009]+)\ue00a[\ue000-\ue009]+\ue00b")


@dataclass(slots=True)
class Count:
    """The calls, tokens and US dollars that one role of one strategy needs at most."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    """None once a call has no known price."""

    def add(self, other: Count) -> None:
        """Add the calls that `other` holds."""
        self.calls += other.calls
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cost = None if self.cost is None or other.cost is None else self.cost + other.cost


class StandInStore(Store):
    """Read the generations of `real`, and keep the dry run's stand-ins in memory.

    `found` holds the keys that were looked up and are in `real`.
    """

    def __init__(self, real: Store) -> None:
        super().__init__(None)
        self._real = real
        self.found: set[bytes] = set()

    def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
        """Return the candidates of `keys` that are in the real store or in memory."""
        stored = self._real.candidates(keys)
        self.found |= stored.keys()
        return super().candidates([key for key in keys if key not in stored]) | stored


class CountingOpener(Opener):
    """Open models that count their calls and never send one.

    Set `strategy` to the strategy that is being counted before its models are opened. `counts` has one entry for each
    strategy and role.
    """

    asks = False

    def __init__(self, arguments: ModelArguments, store: Store) -> None:
        super().__init__(arguments, store)
        self.counts: dict[tuple[str, str], Count] = {}
        self.strategy = ""
        self._counted_role = ""
        self._own_of: dict[str, dict[str, Cached]] = {}

    def sampler(self, *, urgent: bool = False) -> tuple[Cached, ...]:
        """Return counting models for the role `sampler`."""
        self._counted_role = "sampler"
        return super().sampler(urgent=urgent)

    def fusor(self) -> Cached:
        """Return a counting model for the role `fusor`."""
        self._counted_role = "fusor"
        return super().fusor()

    def judge(self) -> Cached:
        """Return a counting model for the role `scorer`."""
        self._counted_role = "scorer"
        return super().judge()

    def panel(self) -> tuple[Cached, ...]:
        """Return a counting model for each judge; the role is the judge's name."""
        models = []
        for name in self.arguments.model:
            self._counted_role = name
            models.append(self.open(name, self.arguments.base_url))
        return tuple(models)

    def open_model(self, key: str, make: Callable[[float], Model]) -> Model:
        """Return a counting model for the role `scorer` of the strategy that is being counted."""
        self._own = self._own_of.setdefault(self.strategy, {})
        return super().open_model(key, make)

    def missing_calls(self) -> int:
        """Return how many calls all strategies need that the store does not answer."""
        return sum(count.calls for count in self.counts.values())

    def _limited_own(self, door: Model) -> Limited:
        count = self.counts.setdefault((self.strategy, "scorer"), Count())
        return CountingModel(door, None, count)

    def _limited(self, name: str, address: str | None, urgent: bool, spread: bool, role: str) -> Limited:
        count = self.counts.setdefault((self.strategy, self._counted_role), Count())
        return CountingModel(
            self._door(name, address, key_source(self.arguments, role, address)),
            self.price(name, address),
            count,
        )


class CountingModel(Limited):
    """Count every request for `door` in `count`, and answer it at once with stand-ins of full length."""

    def __init__(self, door: Model, price: Price | None, count: Count) -> None:
        super().__init__(door, Endpoint(concurrency=1))
        self._price, self._count = price, count

    async def request(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """Return n stand-ins."""
        read = estimate_tokens("".join([prompt.text, *(message.content for message in prompt.messages)]))
        written = sampling.max_tokens * n
        cost = self._price.of(read, written) if self._price else None
        self._count.add(Count(1, read, written, cost))
        return [
            Candidate(
                stand_in(sampling.max_tokens, seed), self.name, seed, mean_logprob=0.0, confidences=(0.0,)
            )
            for seed in range(sampling.seed, sampling.seed + n)
        ]


def stand_in(tokens: int, seed: int) -> str:
    """Return a text that `estimate_tokens` counts as `tokens` tokens; each seed gets a different text."""
    return f"{tokens}:{seed};".translate(_HIDDEN)


def is_stand_in(text: str) -> bool:
    """Whether a text is a dry run's stand-in. A strategy then goes on as its most calls need."""
    return _STAND_IN.fullmatch(text) is not None


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens a text has; a stand-in counts as the answer that it stands for.

    A Chinese, Japanese or Korean character counts as one token, and four other characters as one.
    """
    if text.isascii():
        return -(-len(text) // _CHARACTERS_PER_TOKEN)
    answers = sum(int(tokens.translate(_DIGITS)) for tokens in _STAND_IN.findall(text))
    written = _STAND_IN.sub("", text) if answers else text
    asian = len(_ASIAN.findall(written))
    return answers + asian + -(-(len(written) - asian) // _CHARACTERS_PER_TOKEN)
