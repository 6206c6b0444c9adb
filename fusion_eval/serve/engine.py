"""The engine behind a server: the models, the store and the solvers of a run, kept open for many requests."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.errors import nearest
from fusion_eval.model_arguments import ModelArguments
from fusion_eval.models.opener import Opener
from fusion_eval.models.store.store import Store
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.serve.errors import ApiError
from fusion_eval.strategies.interface import needs_logprobs
from fusion_eval.strategies.log_probabilities import FirstQuestionCheck
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.sampler import check_needs_no_task
from fusion_eval.strategies.solver import Solver
from fusion_eval.strategies.specs import load_scorer
from fusion_eval.text.printable import printable
from fusion_eval.types import Trace


class Engine:
    """Answers questions with the strategies that are served. Opening it sends no request.

    Args:
        strategies: The strategies as canonical texts.
        arguments: The model arguments.
        store: Where finished candidates are kept.

    Raises:
        ConfigError: A strategy or an argument is wrong.
    """

    def __init__(self, strategies: Sequence[str], arguments: ModelArguments, store: Store) -> None:
        check_needs_no_task(arguments)
        self.arguments, self.store = arguments, store
        self.opener = Opener(arguments, store)
        self.solvers = {spec: Solver(spec, arguments, self.opener) for spec in strategies}
        self._first = {spec: FirstQuestionCheck([solver]) for spec, solver in self.solvers.items()}
        scorer = needs_logprobs(load_scorer(arguments.scorer_spec))
        wanted = [needs_logprobs(solver.strategy) for solver in self.solvers.values()]
        self.logprobs = max(arguments.samples_locally, scorer, *wanted)
        """Which log-probabilities of candidates some strategy needs. All ask for them, so that they share pools."""
        self.signatures = {spec: solver.signature() for spec, solver in self.solvers.items()}
        """How each model makes answers, in short."""

    def solver(self, model: str) -> Solver:
        """Return the solver of a model.

        Raises:
            ApiError: There is no such model. Clients choose among the strategies of the server alone, since options of
                strategies can name files and addresses.
        """
        name = model.strip().removeprefix("fusion_eval/")
        if name not in self.solvers:
            known = ", ".join(self.solvers)
            hint = nearest(name[:100], self.solvers) or nearest(name[:100].lower(), self.solvers)
            raise ApiError(
                404,
                f"The model '{printable(model[:100])}' is not served.{hint} There are: {known}",
                "model_not_found",
                "model",
            )
        return self.solvers[name]

    async def answer(self, model: str, questions: Sequence[Question]) -> list[Trace]:
        """Answer the questions of one request at once.

        Raises:
            FusionEvalError: One of them has no answer; the others are cancelled.
        """
        solver = self.solver(model)
        for sampler in solver.models:
            if not sampler.chat and any(question.prompt.messages for question in questions):
                raise ApiError(
                    400,
                    f"{sampler.name} has no chat template; send text to /v1/completions, or serve a chat model",
                    None,
                    "messages",
                )
        if questions:
            await self._first[solver.spec].passes(questions[0])
        return await gather_or_cancel(solver.solve(question) for question in questions)

    async def close(self) -> None:
        """Close the connections of the models."""
        await self.opener.close()
