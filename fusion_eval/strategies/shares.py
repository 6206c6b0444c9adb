"""Answer the questions of a run by several strategies, which share their pools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fusion_eval.errors import FusionEvalError, RequestError
from fusion_eval.models.together import gather_or_cancel
from fusion_eval.strategies.log_probabilities import check_first_candidates
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.solver import Solver
from fusion_eval.types import Trace


class UnansweredError(FusionEvalError):
    """Questions are left without any candidate. All others have been answered."""


@dataclass(frozen=True, slots=True)
class Share:
    """One strategy's part of a run: its questions, and what becomes of their answers.

    Args:
        questions: The questions, in the order in which they are begun.
        solver: Answers one question.
        on_answer: Is called with the question's index and its trace as soon as each is done.
    """

    questions: Sequence[Question]
    solver: Solver
    on_answer: Callable[[int, Trace], None]
    unanswered: list[str] = field(default_factory=list)
    """For each question without an answer, why it has none."""

    def check(self) -> None:
        """Raise an `UnansweredError` if a question has no answer."""
        if self.unanswered:
            raise UnansweredError(
                f"{len(self.unanswered)} of {len(self.questions)} prompts have no answer ({self.unanswered[0]}). All "
                "others are kept; run again to try just these, or leave them out with the harness's --samples"
            )


async def solve_shares(
    shares: Sequence[Share], width: int, on_question: Callable[[int], None] = lambda index: None
) -> None:
    """Answer the questions of several strategies, in their order. Each question is answered by every strategy in turn.

    Args:
        shares: The strategies, with the same number of questions each.
        width: How many questions are in work at a time.
        on_question: Is called with a question's index when every strategy is done with it.

    Raises:
        FusionEvalError: The run has to stop; a ConfigError after the first reply, if a strategy's scorer needs
            log-probabilities that it lacks. A question without any candidate does not stop it: `Share.unanswered`
            then names the question.
    """
    for share in shares:
        if share.questions:
            await check_first_candidates(share.solver, share.questions[0])
    waiting = iter(range(len(shares[0].questions)))

    async def work() -> None:
        for index in waiting:
            for number, share in enumerate(shares):
                question = share.questions[index]
                try:
                    trace = await share.solver.solve(question)
                except RequestError as error:
                    # The other strategies would ask for the same candidates once more.
                    for other in shares[number:]:
                        other.unanswered.append(f"{question.task}, document {question.doc_id}: {error}")
                    break
                share.on_answer(index, trace)
            on_question(index)

    await gather_or_cancel(work() for _ in range(min(width, len(shares[0].questions))))


async def solve_all(
    questions: Sequence[Question], solver: Solver, width: int, on_answer: Callable[[int, Trace], None]
) -> None:
    """Answer all questions by one strategy; see `solve_shares`.

    Raises:
        UnansweredError: Questions are left without any candidate. A second run asks only what is missing.
        FusionEvalError: The run has to stop.
    """
    share = Share(questions, solver, on_answer)
    await solve_shares([share], width)
    share.check()
