"""The stages that both engines run: sample a pool, aggregate it by every strategy, filter each answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fusion_eval.errors import ConfigError, FusionEvalError, RequestError
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models.logs import log
from fusion_eval.models.opener import Opener
from fusion_eval.strategies.interface import needs_answers, needs_logprobs
from fusion_eval.strategies.log_probabilities import FirstQuestionCheck
from fusion_eval.strategies.question import DEFAULT_TEMPERATURE, Question
from fusion_eval.strategies.sampler import check_needs_no_task, draw
from fusion_eval.strategies.solver import Solver
from fusion_eval.strategies.specs import load_scorer, load_strategy
from fusion_eval.synth.filters import RowFilter, first_objection
from fusion_eval.synth.prompts import SourcePrompt
from fusion_eval.synth.rows import ERROR, Result, dropped, failure_of, row_of
from fusion_eval.synth.teachers import Teachers
from fusion_eval.text.language import language_of
from fusion_eval.text.redaction import safe_message
from fusion_eval.types import Pool, Sampling, with_logprobs

MAX_TOKENS = 2048
"""The longest answer, unless max_tokens= says otherwise. Training data that is cut off teaches to stop early."""


class Stages:
    """The stages from a prompt to its rows, with the models that they need.

    Args:
        strategies: The strategies, as text. They share one pool for each prompt.
        arguments: The model arguments.
        opener: Opens the models.
        filters: The filters that look at one row alone.
        min_teachers: The fewest models that a pool needs candidates of; None is all of them.
        stop: Texts that end an answer.
        report: Is called with one sentence about a model that is given up.
        checks_first: Whether one candidate alone shows that scorers find their log-probabilities before any pool is drawn.

    Raises:
        ConfigError: A strategy cannot make answers to prompts without a task.
    """

    def __init__(
        self,
        strategies: Sequence[str],
        arguments: ModelArguments,
        opener: Opener,
        *,
        filters: Sequence[RowFilter] = (),
        min_teachers: int | None = None,
        stop: Sequence[str] = (),
        report: Callable[[str], None] = lambda line: None,
        checks_first: bool = True,
    ) -> None:
        self._arguments, self._filters, self._stop = arguments, filters, tuple(stop)
        self.solvers = [Solver(strategy, arguments, opener) for strategy in strategies]
        models = self.solvers[0].models
        distinct = len({model.identity for model in models})
        self.fewest = distinct if min_teachers is None else min(min_teachers, distinct)
        self.teachers = Teachers(models, self.fewest, report)
        self._first = FirstQuestionCheck(self.solvers if checks_first else (), self.teachers.models)
        loaded = [solver.strategy for solver in self.solvers]
        self._logprobs = max(
            arguments.samples_locally,
            needs_logprobs(load_scorer(arguments.scorer_spec)),
            *map(needs_logprobs, loaded),
        )

    async def answer(self, source: SourcePrompt) -> list[Result]:
        """Return one result for each strategy. A prompt without an answer gives failures, never an error.

        Raises:
            FusionEvalError: The job has to stop: an endpoint fails for good, the budget is spent, the store is full.
        """
        try:
            return await self._answer(source)
        except FusionEvalError:
            raise
        except Exception as error:  # whatever a strategy of a third party raises, it ends no job
            log.warning("Prompt %d failed", source.index, exc_info=error)
            reason = f"{type(error).__name__}: {safe_message(str(error))}"
            return [failure_of(source, solver.spec, reason) for solver in self.solvers]

    async def _answer(self, source: SourcePrompt) -> list[Result]:
        question = self._question(source)
        names = [solver.spec for solver in self.solvers]
        if source.prompt.messages and not all(model.chat for model in self.teachers.models):
            reason = "a model has no chat template, and the prompt is a chat"
            return [failure_of(source, name, reason) for name in names]
        await self._first.passes(question)
        pool = await self._sample(question)
        if lack := self._too_few(pool):
            return [failure_of(source, name, lack) for name in names]
        return [await self._aggregate(source, question, pool, solver) for solver in self.solvers]

    def _question(self, source: SourcePrompt) -> Question:
        arguments = self._arguments
        temperatures = arguments.candidate_temperatures or (DEFAULT_TEMPERATURE,)
        sampling = Sampling(
            max_tokens=arguments.max_tokens or MAX_TOKENS,
            temperature=temperatures[0],
            seed=arguments.seed,
            top_p=arguments.top_p,
            stop=self._stop,
            extra=() if arguments.min_p is None else (("min_p", arguments.min_p),),
        )
        return Question(
            task="",
            doc_id=source.index,
            copy=0,
            language=language_of("", {"language": source.language}) if source.language else None,
            prompt=source.prompt,
            sampling=with_logprobs(sampling, self._logprobs),
            temperatures=temperatures,
        )

    async def _sample(self, question: Question) -> Pool:
        return await draw(
            self.teachers.models,
            question.temperatures,
            question.prompt,
            question.sampling,
            self._arguments.n,
            self.solvers[0].system_prompts,
        )

    def _too_few(self, pool: Pool) -> str | None:
        """Return why the pool cannot be used; None for one that can."""
        models = {candidate.model for candidate in pool.usable}
        if len(models) >= max(self.fewest, 1):
            return None
        errors = dict.fromkeys(str(candidate.error) for candidate in pool.candidates if candidate.error)
        counted = f"{len(models)} of {self.fewest} teachers answered" if self.fewest > 1 else "no candidate"
        return "; ".join([counted, *list(errors)[:3]])

    async def _aggregate(
        self, source: SourcePrompt, question: Question, pool: Pool, solver: Solver
    ) -> Result:
        try:
            trace = await solver.aggregate(question, pool)
        except RequestError as error:
            return failure_of(source, solver.spec, str(error))
        row = row_of(source, trace, solver.signature())
        if not row.completion.strip():
            return dropped(row, ERROR, "the answer is empty")
        objection = first_objection(self._filters, row)
        return dropped(row, *objection) if objection else row


def check_strategies(strategies: Sequence[str], arguments: ModelArguments) -> None:
    """Raise a ConfigError for a strategy that needs a task, or for arguments that do."""
    check_needs_no_task(arguments)
    load_scorer(arguments.scorer_spec)
    for text in strategies:
        if needs_answers(load_strategy(text)):
            raise ConfigError(
                f"{text} votes on the answers that a task extracts from replies, and prompts have no task; use a strategy "
                "that takes texts, such as bon, mbr or fusion"
            )
