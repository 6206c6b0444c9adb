"""From questions to answers: one stream, no barrier between sampling and aggregating."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from fusion_eval.errors import FusionEvalError, RequestError
from fusion_eval.model_arguments import Settings
from fusion_eval.models import Model
from fusion_eval.models.opener import Opener
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies import Tools, load_strategy
from fusion_eval.strategies.fusor_prompt import load_template
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.sampler import draw
from fusion_eval.strategies.scorers import load_scorer
from fusion_eval.text.stops import cut
from fusion_eval.text.templates import Template
from fusion_eval.types import Candidate, Pool, Trace


class Solver:
    """A strategy with its models, ready to answer. Opening it checks every name and file before any call."""

    def __init__(self, strategy: str, settings: Settings, opener: Opener) -> None:
        self.strategy, self.settings = strategy, settings
        self.models: tuple[Model, ...] = opener.sampler()
        self.fusor: Model = opener.fusor()
        self.judge: Model = opener.judge()
        self.template: Template = load_template(
            settings.fusor_prompt or ("paper" if self.fusor.chat else "few_shot")
        )
        self._strategy = load_strategy(strategy)
        self._scorer = load_scorer(settings.scorer_name)

    async def solve(self, question: Question) -> Trace:
        """Draw the pool and make its answer; `RequestError` where no candidate came of it."""
        pool = await draw(
            self.models, question.temperatures, question.prompt, question.sampling, self.settings.n
        )
        if not pool.usable:
            raise RequestError(str(pool.candidates[0].error))
        pool = Pool(pool.prompt, tuple(_stopped(c, question.sampling.stop) for c in pool.candidates))
        tools = Tools(
            sampling=question.sampling,
            language=question.language,
            fusor=self.fusor,
            fusor_temperature=self.settings.fusor_temperature,
            fusor_max_tokens=self.settings.fusor_max_tokens,
            template=self.template,
            scorer=self._scorer,
            judge=self.judge,
        )
        answer = await self._strategy(pool, tools)
        return Trace(
            task=question.task,
            doc_id=question.doc_id,
            copy=question.copy,
            strategy=self.strategy,
            language=question.language,
            pool=pool,
            answer=answer,
            final=cut(answer.text, question.sampling.stop),
        )


async def solve_all(
    questions: Sequence[Question], solver: Solver, width: int, answered: Callable[[int, Trace], None]
) -> None:
    """Answer all questions, `width` at a time; `answered(index, trace)` is called as each is done.

    A question without any candidate does not stop the others; it is reported once all are done, and a run again
    asks for just what is missing. Any other error stops the run at once.
    """
    waiting = iter(enumerate(questions))
    unanswered: list[str] = []

    async def work() -> None:
        for index, question in waiting:
            try:
                trace = await solver.solve(question)
            except RequestError as error:
                unanswered.append(f"{question.task}, document {question.doc_id}: {error}")
            else:
                answered(index, trace)

    await gather_or_cancel(work() for _ in range(min(width, len(questions))))
    if unanswered:
        raise FusionEvalError(
            f"{len(unanswered)} of {len(questions)} prompts have no answer ({unanswered[0]}). All others are kept; "
            "run again to try just these, or leave them out with the harness's --samples"
        )


def _stopped(candidate: Candidate, stops: Sequence[str]) -> Candidate:
    return dataclasses.replace(candidate, text=cut(candidate.text, stops))
