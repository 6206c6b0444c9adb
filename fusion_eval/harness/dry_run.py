"""`fusion-eval run --dry_run`: what a run would ask and at most cost, without asking any model.

All is as in the run, the harness's requests, the strategies and the store, but for the doors: they count what they
are asked and give stand-ins for it, which count as answers of full length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from fusion_eval.harness.lm import model_type
from fusion_eval.harness.questions import Request, questions_of
from fusion_eval.harness.run import Plan, checked, evaluate
from fusion_eval.judging.job import Job, prepared
from fusion_eval.judging.judge import Panel, asked
from fusion_eval.model_arguments import Settings
from fusion_eval.models import Model
from fusion_eval.models.cached import Cached
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.limited import Limited
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.models.prices import Price
from fusion_eval.models.store.store import Store
from fusion_eval.report.text_table import text_table
from fusion_eval.runs.traces import dollars
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.solver import Solver, solve_all
from fusion_eval.types import Candidate, Prompt, Sampling

AT_ONCE = 32
"""Prompts in work at a time: nobody waits for a server here."""
HOW_TO_READ = """\
calls, written and dollars are at most: each answer as long as max_tokens allows; tries that fail, and what an endpoint
that ignores n is asked again, are not in it
read is about: a quarter of the characters, or all of them in Chinese, Japanese and Korean; a fusor's and a scorer's
prompts are taken to hold candidates of full length, where these are not in the store"""
_ASIAN = re.compile(
    r"[\u1100-\u11ff\u3000-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffef]"
)
_HIDDEN = str.maketrans("0123456789:;", "".join(chr(0xE000 + i) for i in range(12)))
"""To letters for private use: no prompt holds them, no stop string cuts them, no strategy takes them for words."""
_DIGITS = {hidden: ord("0") + digit for digit, hidden in enumerate(range(0xE000, 0xE00A))}
_STAND_IN = re.compile("([\ue000-\ue009]+)\ue00a[\ue000-\ue009]+\ue00b")


def dry_run(plan: Plan) -> str:
    """A table of calls, tokens and dollars per strategy and role, and how to read it. Asks nobody, writes no result."""
    settings, manager = checked(plan)
    with open_store(settings) as real, closing(StandInStore(real)) as store:
        opener = CountingOpener(settings, store)
        questions = questions_of(_requests(plan, opener, manager), settings)
        for strategy in plan.strategies:
            opener.strategy = strategy
            _solve(questions, Solver(strategy, settings, opener))
        run_anywhere(opener.close)
    return "\n".join(
        [
            text_table(
                ["strategy", "role", "calls", "read", "written", "dollars"],
                _lines(opener, plan.strategies),
                2,
            ),
            HOW_TO_READ,
            f"{len(questions):,} prompts; {len(store.found):,} generations are in the store and cost nothing again",
            *_offline(opener, real),
        ]
    )


def dry_judge(job: Job, who: Panel) -> str:
    """The same table for `fusion-eval judge`: every pair, though a sequential job may stop before."""
    settings = who.settings
    ready, protocol = prepared(job), who.protocol(settings, again=False)
    with open_store(settings) as real, closing(StandInStore(real)) as store:
        opener = CountingOpener(settings, store)
        opener.strategy = "judge"
        asked(replace(job, sequential=False), ready, protocol, opener, quiet=True)
    head = ["", "judge", "calls", "read", "written", "dollars"]
    stored = f"{ready.pairs:,} pairs of answers; {len(store.found):,} replies are in the store and cost nothing again"
    return "\n".join(
        [text_table(head, _lines(opener, ["judge"]), 2), HOW_TO_READ, stored, *_offline(opener, real)]
    )


def _solve(questions: Sequence[Question], solver: Solver) -> None:
    run_anywhere(lambda: solve_all(questions, solver, AT_ONCE, lambda index, trace: None))


@dataclass(slots=True)
class Count:
    """What one role of one strategy asks for."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    """None once a call has no known price."""

    def add(self, other: Count) -> None:
        """Add calls that were counted elsewhere."""
        self.calls += other.calls
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.cost = None if self.cost is None or other.cost is None else self.cost + other.cost


class StandInStore(Store):
    """What `real` holds, and stand-ins, which stay in memory. `found` are the keys that `real` was asked for and has."""

    def __init__(self, real: Store) -> None:
        super().__init__(None)
        self._real = real
        self.found: set[bytes] = set()

    def candidates(self, keys: Sequence[bytes]) -> dict[bytes, Candidate]:
        """Those of `keys` that are in either."""
        found = self._real.candidates(keys)
        self.found |= found.keys()
        return super().candidates([key for key in keys if key not in found]) | found


class CountingOpener(Opener):
    """Opens every model as a run does, and has none of them asked. `strategy` is the one that is at work."""

    asks = False

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, store)
        self.counts: dict[tuple[str, str], Count] = {}
        self.strategy = ""
        self._for = ""

    def sampler(self) -> tuple[Cached, ...]:
        """As a run's."""
        self._for = "sampler"
        return super().sampler()

    def fusor(self) -> Cached:
        """As a run's."""
        self._for = "fusor"
        return super().fusor()

    def judge(self) -> Cached:
        """As a run's: it scores candidates."""
        self._for = "scorer"
        return super().judge()

    def panel(self) -> tuple[Cached, ...]:
        """As a judge's, each counted by itself."""
        models = []
        for name in self.settings.model:
            self._for = name
            models.append(self.open(name, self.settings.base_url))
        return tuple(models)

    def _limited(self, name: str, address: str | None, urgent: bool, looks: int, spread: bool) -> Limited:
        count = self.counts.setdefault((self.strategy, self._for), Count())
        return Silent(self._door(name, address), self.price(name, address), count)


class Silent(Limited):
    """`door`, of which nothing is asked: every call is counted, and answered with stand-ins at once."""

    def __init__(self, door: Model, price: Price | None, count: Count) -> None:
        super().__init__(door, Endpoint(AT_ONCE))
        self._price, self._count = price, count

    async def sample(self, prompt: Prompt, sampling: Sampling, n: int) -> list[Candidate]:
        """n stand-ins, or as many as one request to the door brings."""
        n = min(n, self.max_n or n)
        read = about_tokens("".join([prompt.text, *(message.content for message in prompt.messages)]))
        written = sampling.max_tokens * n
        cost = self._price.of(read, written) if self._price else None
        self._count.add(Count(1, read, written, cost))
        return [
            Candidate(stand_in(sampling.max_tokens, seed), self.name, seed, mean_logprob=0.0)
            for seed in range(sampling.seed, sampling.seed + n)
        ]


def stand_in(tokens: int, seed: int) -> str:
    """A text that counts for so many tokens, and differs from those of other seeds."""
    return f"{tokens}:{seed};".translate(_HIDDEN)


def about_tokens(text: str) -> int:
    """An estimate; a stand-in counts for what it stands for."""
    if text.isascii():
        return -(-len(text) // 4)
    hidden = sum(int(tokens.translate(_DIGITS)) for tokens in _STAND_IN.findall(text))
    shown = _STAND_IN.sub("", text) if hidden else text
    asian = len(_ASIAN.findall(shown))
    return hidden + asian + -(-(len(shown) - asian) // 4)


class _RecordedError(Exception):
    """Ends the harness's work once it has asked: there is nothing to score."""

    def __init__(self, requests: list[Request]) -> None:
        self.requests = requests


def _requests(plan: Plan, opener: Opener, manager: Any) -> list[Request]:
    """What the harness asks of a model; of every strategy it asks the same."""

    class Recorder(model_type(plan.strategies[0])):  # type: ignore[misc] # a class that is made when it is asked for
        def generate_until(self, requests: list[Request], disable_tqdm: bool = False) -> list[str]:
            raise _RecordedError(requests)

    try:
        evaluate(Recorder(opener=opener, **(plan.model_args or {})), plan, manager)
    except _RecordedError as recorded:
        return recorded.requests
    return []


def _lines(opener: CountingOpener, strategies: Sequence[str]) -> list[list[str]]:
    """A line for each role that calls, and the sum; a strategy without calls is shown as one."""
    lines, whole = [], Count()
    for strategy in strategies:
        calling = {role: c for (owner, role), c in opener.counts.items() if owner == strategy and c.calls}
        lines += [_line(strategy, role, count) for role, count in (calling or {"-": Count()}).items()]
        for count in calling.values():
            whole.add(count)
    return [*lines, _line("all", "", whole)]


def _line(strategy: str, role: str, count: Count) -> list[str]:
    cost = "price unknown" if count.cost is None else dollars(count.cost)
    return [
        strategy, role, f"{count.calls:,}", f"{count.prompt_tokens:,}", f"{count.completion_tokens:,}", cost
    ]  # fmt: skip


def _offline(opener: CountingOpener, store: Store) -> list[str]:
    """What `offline=true` would come to, where it is asked for."""
    if not opener.settings.offline:
        return []
    missing = sum(count.calls for count in opener.counts.values())
    if not missing:
        return [f"offline=true: nothing is missing, {store.path} answers all of it"]
    return [f"offline=true: the run would end, as {store.path} lacks the answers to {missing:,} calls"]
