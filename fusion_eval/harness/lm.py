"""What lm-eval sees: a strategy over any models, as one of its own model types.

This file speaks the harness's language; the answers come from `solving`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec
from lm_eval.api.model import LM

from fusion_eval import __version__
from fusion_eval.errors import ConfigError
from fusion_eval.harness.boundary import user_errors
from fusion_eval.harness.questions import ChatPrompt, Request, questions_of
from fusion_eval.logs import configure
from fusion_eval.model_arguments import OFF, Settings, parse, public
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.models.progress import progress
from fusion_eval.models.store.store import cache_folder
from fusion_eval.runs.totals import Totals
from fusion_eval.runs.traces import FILE_NAME, TraceFile
from fusion_eval.strategies.solver import Solver, solve_all
from fusion_eval.types import Message, Trace, without_surrogates

T = TypeVar("T")


class StrategyLM(LM):  # type: ignore[misc] # the harness publishes no types
    """A strategy as a model type. Keyword arguments are the flat list of `settings`; `opener` shares open models."""

    strategy: ClassVar[str]

    def __init__(self, *, opener: Opener | None = None, **arguments: object) -> None:
        super().__init__()
        with user_errors():
            configure()
            self.settings: Settings = parse(arguments)
            self._opener = opener or Opener(self.settings, open_store(self.settings))
            self._solver = Solver(self.strategy, self.settings, self._opener)
        self._inner: LM | None = self._opener.inner_harness_model()
        self._opener.budget.share(self.world_size)
        self._totals = Totals()
        self._traces = TraceFile(None)

    def generate_until(self, requests: list[Request], disable_tqdm: bool = False) -> list[str]:
        """The strategy's answer to each request, in order."""
        with user_errors():
            questions = questions_of(requests, self.settings)
        finals = [""] * len(questions)
        self._totals = Totals()
        bar = progress(
            self.strategy,
            len(questions),
            self._opener.endpoints,
            lambda: self._totals.cost,
            off=disable_tqdm,
        )
        with user_errors(), bar as done, self._open_traces() as self._traces:

            def answered(index: int, trace: Trace) -> None:
                finals[index] = trace.final
                self._totals.add(trace)
                self._traces.add(index, trace)
                done()

            self._run(solve_all(questions, self._solver, self._width, answered))
        return finals

    def loglikelihood(self, requests: list[Request], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Return the harness model's own log-likelihoods; other models do not have them."""
        with user_errors():
            self._only_sampler()
            if self.settings.offline:
                raise ConfigError(
                    "offline=true computes no log-likelihoods, and the store keeps none; leave it out"
                )
            if self._inner is None:
                raise ConfigError(
                    "Log-likelihood tasks need a harness model: model=lm_eval:hf,pretrained=…; "
                    f"{self.settings.model[0]} does not return log-probabilities of a given text"
                )
            return list(self._inner.loglikelihood(requests))

    def loglikelihood_rolling(self, requests: list[Request], disable_tqdm: bool = False) -> list[float]:
        """By a harness model in the process; other doors do not split a long text as the harness defines it."""
        with user_errors():
            self._only_sampler()
            if self._inner is None:
                raise ConfigError(
                    f"Rolling log-likelihoods (perplexity tasks) need a harness model, not {self.settings.model[0]}; "
                    "use model=lm_eval:hf,pretrained=…"
                )
            return list(self._inner.loglikelihood_rolling(requests))

    def apply_chat_template(
        self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True
    ) -> str:
        """Carry the messages through, so that each inner model renders its own template."""
        with user_errors():
            for model in self._solver.models:
                if not model.chat:
                    raise ConfigError(f"{model.name} has no chat template; leave out --apply_chat_template")
            if any(not isinstance(turn["content"], str) for turn in chat_history):
                raise ConfigError("Messages with images or audio are not supported; use a text task")
        messages = tuple(Message(turn["role"], without_surrogates(turn["content"])) for turn in chat_history)
        return ChatPrompt(msgspec.json.encode(messages).decode(), messages)

    @property
    def tokenizer_name(self) -> str:
        """Fingerprint for the harness's cache of requests, which hold messages as they are."""
        return "fusion_eval-messages"

    def get_model_info(self) -> dict[str, Any]:
        """What made the answers, for the results file."""
        return {
            "fusion_eval_version": __version__,
            "strategy": self.strategy,
            "signature": signature(self._solver),
            "settings": public(self.settings),
            "models": [model.identity for model in self._solver.models],
            "fusor": self._solver.fusor.identity,
            "scorer": self.settings.scorer_name,
            "prompt_template": self._solver.template.name,
            "prompt_hash": self._solver.template.digest,
            "n": self.settings.n,
            "seed": self.settings.seed,
            "totals": dataclasses.asdict(self._totals),
            "trace_file": str(self._traces.path) if self._traces.path else None,
        }

    @property
    def _width(self) -> int:
        """How many prompts are in work at a time: enough to keep every address busy."""
        return 2 * self.settings.concurrency * ((self.settings.base_url or "").count("|") + 1)

    def _open_traces(self) -> TraceFile:
        folder = trace_folder(self.strategy, self.settings)
        name = FILE_NAME if self.rank == 0 else f"traces.rank{self.rank}.jsonl"
        return TraceFile(folder / name if folder else None)

    def _only_sampler(self) -> Any:
        if len(self._solver.models) > 1:
            raise ConfigError("Log-likelihood tasks need one model, not a pool; name one with model=")
        return self._solver.models[0]

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        async def run() -> T:
            try:
                return await work
            finally:
                await self._opener.close()

        return run_anywhere(run)

    @property
    def rank(self) -> int:
        """Of the harness model behind us, where there is one."""
        return int(self._inner.rank) if self._inner else 0

    @property
    def world_size(self) -> int:
        """Likewise."""
        return int(self._inner.world_size) if self._inner else 1

    @property
    def device(self) -> Any:
        """Likewise."""
        return self._inner.device if self._inner else None

    def all_gather(self, tensor: Any) -> Any:
        """Likewise."""
        return self._inner.all_gather(tensor) if self._inner else super().all_gather(tensor)

    def gather_object(self, obj: Any, dst: int = 0) -> Any:
        """Likewise."""
        return self._inner.gather_object(obj, dst) if self._inner else super().gather_object(obj, dst)

    def barrier(self) -> None:
        """Likewise."""
        if self._inner:
            self._inner.barrier()


class SingleLM(StrategyLM):
    """`--model single`."""

    strategy = "single"


class BestOfNLM(StrategyLM):
    """`--model bon`."""

    strategy = "bon"


class FusionLM(StrategyLM):
    """`--model fusion`."""

    strategy = "fusion"


def __getattr__(name: str) -> type[StrategyLM]:
    """`strategy_NAME`: the model type of a strategy that has no class of its own here."""
    prefix, _, strategy = name.partition("_")
    if prefix != "strategy" or not strategy:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return model_type(strategy)


def model_type(strategy: str) -> type[StrategyLM]:
    """The model type of any strategy, third parties' included."""
    return type(f"{strategy.title()}LM", (StrategyLM,), {"strategy": strategy})


def signature(solver: Solver) -> str:
    """How a number was made, short: `fusion|n:5|pool:a+b|fusor:c|prompt:c6fe9ee0|v:0.1.0`."""
    settings = solver.settings
    parts = [solver.strategy, f"n:{settings.n}", "pool:" + "+".join(model.name for model in solver.models)]
    if solver.strategy == "fusion":
        parts += [f"fusor:{solver.fusor.name}", f"prompt:{solver.template.digest}"]
    if solver.strategy == "bon":
        parts.append(f"scorer:{settings.scorer_name}")
    return "|".join([*parts, f"seed:{settings.seed}", f"v:{__version__}"])


def trace_folder(strategy: str, settings: Settings) -> Path | None:
    """Where traces go: as asked, else a folder of this run in the cache folder; nowhere with cache=off."""
    if settings.trace_dir:
        return settings.trace_dir
    if settings.cache == Path(OFF):
        return None
    moment = f"{time.strftime('%Y%m%dT%H%M%S')}-{strategy}"
    own = hashlib.sha256(f"{time.time_ns()}{id(settings)}".encode()).hexdigest()[:6]
    return cache_folder() / "traces" / f"{moment}-{own}"
