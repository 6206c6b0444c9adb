"""Strategies as model types of lm-eval. `strategies.solver` makes the answers; this file translates."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import msgspec
from lm_eval.api.model import LM

from fusion_eval import __version__
from fusion_eval.errors import ConfigError
from fusion_eval.harness import bias_warnings, host, host_siblings, host_tasks
from fusion_eval.harness.boundary import user_errors
from fusion_eval.harness.chat_prompt import ChatPrompt
from fusion_eval.harness.questions import Request, questions_of
from fusion_eval.harness.trace_folder import trace_folder
from fusion_eval.model_arguments import ModelArguments, parse, public
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.logs import configure
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.models.progress import progress
from fusion_eval.runs.totals import RunTotals
from fusion_eval.runs.traces import FILE_NAME, TraceFile
from fusion_eval.strategies.argument_options import own_names, take_options
from fusion_eval.strategies.interface import needs_answers, needs_logprobs
from fusion_eval.strategies.shares import Share, solve_shares
from fusion_eval.strategies.solver import Solver
from fusion_eval.strategies.specs import format_spec
from fusion_eval.text.specs import spec_name
from fusion_eval.types import Message, Trace, without_surrogates

T = TypeVar("T")


class StrategyLM(LM):  # type: ignore[misc] # the harness publishes no types
    """A strategy as a model type of the harness.

    Args:
        opener: Models and a store that several strategies share; by default the model type opens its own.
        logprobs: Which log-probabilities other strategies need of the candidates that this one shares with them.
        **arguments: The model arguments, as in `--model_args`, and the strategy's own options.
    """

    strategy: ClassVar[str]

    def __init__(self, *, opener: Opener | None = None, logprobs: int = 0, **arguments: object) -> None:
        super().__init__()
        host.keep_out_of_answer_cache(StrategyLM)
        host_tasks.remember_tasks()
        with user_errors():
            configure()
            strategy, rest = take_options(self.strategy, arguments)
            self.arguments: ModelArguments = parse(rest, also_known=own_names(strategy))
            if self.arguments.cross_lingual:
                host_siblings.remember_building()
            self._opener = opener or Opener(self.arguments, open_store(self.arguments))
            self._solver = Solver(strategy, self.arguments, self._opener)
            self.spec = self._solver.spec
        self._logprobs = max(logprobs, needs_logprobs(strategy))
        self._inner: LM | None = self._opener.inner_harness_model()
        self._opener.budget.share(self.world_size)
        self.totals = RunTotals()
        self._traces = TraceFile(None)
        self.answers_from: Callable[[StrategyLM, list[Request]], list[str] | None] | None = None
        """Returns the answers that several strategies made together; None for requests that were not among them."""

    def generate_until(self, requests: list[Request], disable_tqdm: bool = False) -> list[str]:
        """Return the strategy's answer to each request, in the order of the requests."""
        if self.answers_from and (finals := self.answers_from(self, requests)) is not None:
            self._gather_totals()
            return finals
        with user_errors(), self.answering(requests) as (share, finals):
            cost, endpoints = lambda: self.totals.overall.cost, self._opener.endpoints
            with progress(self.spec, len(requests), endpoints, cost, off=disable_tqdm) as done:
                self.run(solve_shares([share], self.width, lambda index: done()))
            share.check()
        self._gather_totals()
        return finals

    @contextmanager
    def answering(self, requests: list[Request]) -> Iterator[tuple[Share, list[str]]]:
        """Yield this strategy's share of a run, and the list that gets its answers. Totals and traces are kept."""
        answers = needs_answers(self._solver.strategy)
        questions = questions_of(requests, self.arguments, logprobs=self._logprobs, answers=answers)
        bias_warnings.warn(self._solver, requests)
        finals = [""] * len(questions)
        self.totals = RunTotals()

        def keep(index: int, trace: Trace) -> None:
            finals[index] = trace.final
            self.totals.add(trace, self.arguments.n)
            self._traces.add(index, trace)

        with self._open_traces() as self._traces:
            yield Share(questions, self._solver, keep), finals

    def _gather_totals(self) -> None:
        """Add the totals of the other ranks to those of rank 0, which writes the results."""
        if self.world_size > 1:
            for rank, totals in enumerate(self.gather_object(self.totals) or []):
                if rank != self.rank:
                    self.totals.merge(totals)

    def loglikelihood(self, requests: list[Request], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Return the harness model's own log-likelihoods; other models do not have them."""
        with user_errors():
            self._only_sampler()
            if self.arguments.offline:
                raise ConfigError("offline=true computes no log-likelihoods and keeps none; leave it out")
            if self._inner is None:
                raise ConfigError(
                    "Log-likelihood tasks need a harness model: model=lm_eval:hf,pretrained=…; "
                    f"{self.arguments.model[0]} does not return log-probabilities of a given text"
                )
            return list(self._inner.loglikelihood(requests))

    def loglikelihood_rolling(self, requests: list[Request], disable_tqdm: bool = False) -> list[float]:
        """Return the harness model's own log-likelihoods of whole texts; other models do not have them."""
        with user_errors():
            self._only_sampler()
            if self._inner is None:
                raise ConfigError(
                    f"Rolling log-likelihoods (perplexity tasks) need a harness model, not {self.arguments.model[0]}; "
                    "use model=lm_eval:hf,pretrained=…"
                )
            return list(self._inner.loglikelihood_rolling(requests))

    def apply_chat_template(
        self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True
    ) -> str:
        """Return the messages as a `ChatPrompt`, from which each model renders its own template."""
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
        """Return a name for the harness's cache of requests; the same for all models, as no template is applied."""
        return "fusion_eval-messages"

    def get_model_info(self) -> dict[str, Any]:
        """Return what made the answers; the harness writes it into the results file."""
        return {
            "fusion_eval_version": __version__,
            "strategy": self._solver.spec,
            "signature": self._solver.signature(self.totals.overall.omitted),
            "settings": public(self.arguments),
            "models": [model.identity for model in self._solver.models],
            "fusor": self._solver.tools.fusor.identity,
            "scorer": format_spec(self._solver.tools.scorer),
            "prompt_template": self._solver.tools.template.name,
            "prompt_hash": self._solver.tools.template.digest,
            "n": self.arguments.n,
            "seed": self.arguments.seed,
            "totals": self.totals.overall.as_json(),
            "trace_file": str(self._traces.path) if self._traces.path else None,
        }

    @property
    def width(self) -> int:
        """Return how many prompts to work on at a time: enough to keep every address busy."""
        return 2 * self.arguments.concurrency * len(self.arguments.base_url or (None,))

    def _open_traces(self) -> TraceFile:
        folder = trace_folder(self._solver.spec, self.arguments)
        name = FILE_NAME if self.rank == 0 else f"traces.rank{self.rank}.jsonl"
        return TraceFile(folder / name if folder else None)

    def _only_sampler(self) -> Any:
        if len(self._solver.models) > 1 or self.arguments.cross_lingual:
            raise ConfigError("Log-likelihood tasks draw no pool: name one model, and no cross_lingual=")
        return self._solver.models[0]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run asynchronous work to its end, and close the models' connections."""

        async def run() -> T:
            try:
                return await work
            finally:
                await self._opener.close()

        return run_anywhere(run)

    @property
    def rank(self) -> int:
        """Return the rank of this process; without a harness model there is only rank 0."""
        return int(self._inner.rank) if self._inner else 0

    @property
    def world_size(self) -> int:
        """Return the number of processes; without a harness model it is 1."""
        return int(self._inner.world_size) if self._inner else 1

    @property
    def device(self) -> Any:
        """Return the harness model's device, or None."""
        return self._inner.device if self._inner else None

    def all_gather(self, tensor: Any) -> Any:
        """Gather a tensor from all ranks."""
        return self._inner.all_gather(tensor) if self._inner else super().all_gather(tensor)

    def gather_object(self, obj: Any, dst: int = 0) -> Any:
        """Gather an object from all ranks on rank `dst`."""
        return self._inner.gather_object(obj, dst) if self._inner else super().gather_object(obj, dst)

    def barrier(self) -> None:
        """Wait until all ranks are here."""
        if self._inner:
            self._inner.barrier()


class SingleLM(StrategyLM):
    """The model type of `--model single`."""

    strategy = "single"


class BestOfNLM(StrategyLM):
    """The model type of `--model bon`."""

    strategy = "bon"


class FusionLM(StrategyLM):
    """The model type of `--model fusion`."""

    strategy = "fusion"


def __getattr__(name: str) -> type[StrategyLM]:
    """Return the model type of the strategy NAME as the attribute `strategy_NAME`."""
    prefix, _, strategy = name.partition("_")
    if prefix != "strategy" or not strategy:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return model_type(strategy)


def model_type(strategy: str) -> type[StrategyLM]:
    """Return the model type of a strategy, which may come from another package."""
    return type(f"{spec_name(strategy).title()}LM", (StrategyLM,), {"strategy": strategy})
