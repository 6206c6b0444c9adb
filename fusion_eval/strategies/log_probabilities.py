"""Find out before the pools are drawn whether the models report the log-probabilities that a scorer needs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from fusion_eval.errors import ConfigError, RequestError
from fusion_eval.strategies.interface import Scorer, needs_logprobs, used_tools
from fusion_eval.strategies.sampler import draw_range
from fusion_eval.strategies.specs import format_spec
from fusion_eval.types import Candidate, Pool

if TYPE_CHECKING:
    from fusion_eval.models import Model
    from fusion_eval.strategies.question import Question
    from fusion_eval.strategies.solver import Solver


def missing(scorer: str, model: str, alternatives: int, *, own: bool = False) -> ConfigError:
    """Return the error for a scorer whose log-probabilities a model does not report.

    Args:
        scorer: The scorer's name.
        model: The model.
        alternatives: How many alternatives to each token the scorer needs; at most 1 for the token's own alone.
        own: Whether the model reports the log-probabilities of the tokens themselves.
    """
    needed = f"the log-probabilities of {alternatives} alternatives to each token"
    others = "scorer=logprob, scorer=chrf, or scorer=judge" if own else "scorer=chrf, or scorer=judge"
    return ConfigError(
        f"scorer={scorer} needs {needed if alternatives > 1 else 'log-probabilities'}, and {model} reports none; use {others}"
    )


def check_known(solver: Solver, silent: Collection[str]) -> None:
    """Raise a ConfigError if the scorer needs log-probabilities, and every model is known to report none.

    Args:
        solver: A strategy with its models.
        silent: The names of the models that are known to report none.
    """
    scorer, names = _scorer_of(solver), [model.name for model in solver.models]
    if scorer and all(name in silent for name in names):
        raise missing(format_spec(scorer), names[0], needs_logprobs(scorer))


async def check_first_candidates(
    solver: Solver, question: Question, models: Sequence[Model] | None = None
) -> None:
    """Draw the first candidate of the first pool, and check that a scorer finds the log-probabilities it needs in it.

    It is the first call of a run. The store keeps its answer, so that the pool does not ask for it again. If the model
    reports none, the first candidate of the next model is drawn, and so on. A candidate that fails, or is refused, shows
    nothing: the scorer checks every pool anyway.

    Args:
        solver: A strategy with its models.
        question: The first question of a run.
        models: What stands for the strategy's models where another part watches them; by default the models themselves.

    Raises:
        ConfigError: No model reports them.
    """
    scorer = _scorer_of(solver)
    if scorer is None or solver.arguments.samples_locally:
        return
    drawn: tuple[Candidate, ...] = ()
    problem: ConfigError | None = None
    for place in _first_places(solver):
        how = question.temperatures, question.prompt, question.sampling
        try:
            drawn += await draw_range(
                models or solver.models, *how, range(place, place + 1), system_prompts=solver.system_prompts
            )
        except RequestError:
            return
        pool = Pool(question.prompt, drawn)
        if not any(candidate.text for candidate in pool.usable):
            return
        try:
            await scorer(pool, solver.tools)
            return
        except ConfigError as error:
            problem = error
    if problem:
        raise problem


class FirstQuestionCheck:
    """Checks strategies on the first question of a stream. All other questions wait until the check has passed.

    Args:
        solvers: The strategies with their models.
        models: As for `check_first_candidates`.
    """

    def __init__(self, solvers: Sequence[Solver], models: Sequence[Model] | None = None) -> None:
        self._solvers, self._models = solvers, models
        self._lock = asyncio.Lock()
        self._passed = False

    async def passes(self, question: Question) -> None:
        """Return at once after the first question.

        Raises:
            ConfigError: A scorer needs log-probabilities that its models do not report. The next question is checked too.
        """
        if self._passed:
            return
        async with self._lock:
            if not self._passed:
                for solver in self._solvers:
                    await check_first_candidates(solver, question, self._models)
                self._passed = True


def _scorer_of(solver: Solver) -> Scorer | None:
    """Return the scorer that the strategy uses on its pools, if it needs log-probabilities."""
    scorer = solver.tools.scorer
    used = "scorer" in used_tools(solver.strategy, solver.arguments.n)
    return scorer if used and needs_logprobs(scorer) else None


def _first_places(solver: Solver) -> list[int]:
    """Return the place of each model's first candidate in a pool."""
    identities = [model.identity for model in solver.models[: solver.arguments.n]]
    return sorted({identity: i for i, identity in reversed(list(enumerate(identities)))}.values())
