"""`fusion-eval run --dry_run`: count the calls of a run and what they cost at most, without asking any model.

The harness's requests, the strategies and the store are those of the run. Only the models are replaced by models that
count and return stand-ins of full length.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from fusion_eval.argument_values import OFF
from fusion_eval.harness import bias_warnings
from fusion_eval.harness.host_tasks import remembered_tasks
from fusion_eval.harness.lm import model_type
from fusion_eval.harness.questions import Request, questions_of
from fusion_eval.harness.run import Plan, check_plan, evaluate, plan_needs_logprobs
from fusion_eval.judging.dry_run import offline_note, planned_calls
from fusion_eval.models.counting import CountingOpener, StandInStore
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.report.dry_run_table import HOW_TO_READ, dry_run_table
from fusion_eval.strategies.interface import needs_answers
from fusion_eval.strategies.log_probabilities import check_first_candidates
from fusion_eval.strategies.question import Question
from fusion_eval.strategies.shares import solve_all
from fusion_eval.strategies.solver import Solver
from fusion_eval.strategies.specs import load_strategy
from fusion_eval.text.printable import terminal_line

WIDTH = 32
"""How many prompts to work on at a time. There is no server to wait for."""


def dry_run(plan: Plan) -> str:
    """Return a table of calls, tokens and dollars for each strategy and role, and how to read it.

    No model is asked and no result is written.
    """
    arguments, manager = check_plan(plan)
    named = arguments.cache if arguments.cache is not OFF else None
    no_store = named is not None and not named.exists()  # before the store makes its file
    with open_store(arguments) as real, closing(StandInStore(real)) as store:
        opener = CountingOpener(arguments, store)
        requests, tasks = _requests(plan, opener, manager)
        answers = any(needs_answers(load_strategy(strategy)) for strategy in plan.strategies)
        answers = answers or bool(arguments.adaptive)
        most = replace(arguments, adaptive=None)  # the highest cost: no pool stops before n candidates
        logprobs = plan_needs_logprobs(plan)
        questions = questions_of(requests, most, logprobs=logprobs, answers=answers)
        solvers = {}
        for strategy in plan.strategies:
            opener.strategy = strategy
            solvers[strategy] = Solver(strategy, arguments, opener)
            solvers[strategy].arguments = most
            bias_warnings.warn(solvers[strategy], requests)
            _check_first(questions, solvers[strategy])  # a run does so before all other calls
        for opener.strategy, solver in solvers.items():
            _solve(questions, solver)
        run_anywhere(opener.close)
        del tasks  # until here, so that replies could be read as the tasks read them
    return "\n".join(
        [
            dry_run_table(planned_calls(opener), plan.strategies),
            HOW_TO_READ,
            f"{len(questions):,} prompts; {len(store.found):,} generations are in the store and cost nothing again",
            *(
                [f"there is no store at {terminal_line(str(named))}, so nothing counts as stored"]
                if no_store
                else []
            ),
            *offline_note(opener, real),
        ]
    )


def _solve(questions: Sequence[Question], solver: Solver) -> None:
    run_anywhere(lambda: solve_all(questions, solver, WIDTH, lambda index, trace: None))


def _check_first(questions: Sequence[Question], solver: Solver) -> None:
    if questions:
        run_anywhere(lambda: check_first_candidates(solver, questions[0]))


class _RecordedError(Exception):
    """Ends an evaluation once the harness has made its requests, since there is nothing to score."""

    def __init__(self, requests: list[Request], tasks: list[Any]) -> None:
        self.requests, self.tasks = requests, tasks


def _requests(plan: Plan, opener: Opener, manager: Any) -> tuple[list[Request], list[Any]]:
    """Return the harness's requests, which are the same for every strategy, and the tasks that made them."""

    class Recorder(model_type(plan.strategies[0])):  # type: ignore[misc] # a class made at run time
        def generate_until(self, requests: list[Request], disable_tqdm: bool = False) -> list[str]:
            raise _RecordedError(requests, remembered_tasks())

    try:
        evaluate(Recorder(opener=opener, **(plan.model_args or {})), plan, manager)
    except _RecordedError as recorded:
        return recorded.requests, recorded.tasks
    return [], []
