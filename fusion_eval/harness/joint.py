"""Answer with every strategy of a run at once, task by task, so that each task's scores are known as it ends."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from fusion_eval.harness.boundary import user_errors
from fusion_eval.harness.host_tasks import first_score
from fusion_eval.harness.questions import Request
from fusion_eval.harness.task_scores import ScoreListener, TaskEnd, listener_of
from fusion_eval.models.opener import Opener
from fusion_eval.models.progress import progress
from fusion_eval.runs.usage import sum_of_known
from fusion_eval.strategies.shares import Share, UnansweredError, solve_shares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fusion_eval.harness.lm import StrategyLM


class JointAnswers:
    """The answers of several strategies to the same requests.

    The harness evaluates one strategy after another. When it asks the first, all of them answer: each question goes
    through every strategy before a later task's questions take its place. The others then return what is there.

    Args:
        lms: The strategies' model objects.
        opener: The models and the store that they share.
        report: Is called with one line for each task that ends; a `ScoreListener` is told the scores instead.
    """

    def __init__(self, lms: Sequence[StrategyLM], opener: Opener, report: Callable[[str], None]) -> None:
        self._lms, self._opener, self._report = lms, opener, report
        self._requests: list[Request] | None = None
        self._finals: dict[StrategyLM, list[str]] = {}
        self._errors: dict[StrategyLM, UnansweredError] = {}
        for lm in lms:
            lm.answers_from = self.answers

    def answers(self, lm: StrategyLM, requests: list[Request]) -> list[str] | None:
        """Return one strategy's answers; None if these are not the requests that were answered together.

        Raises:
            UnansweredError: The strategy has no answer to some of them.
        """
        with user_errors():
            if self._requests is None:
                self._requests = requests
                self._answer(requests)
            elif not _same(self._requests, requests):
                return None
            if lm in self._errors:
                raise self._errors[lm]
        return self._finals.pop(lm, None)

    def _answer(self, requests: list[Request]) -> None:
        first = self._lms[0]
        with ExitStack() as stack:
            shares = [stack.enter_context(self._share(lm, requests)) for lm in self._lms]
            listener = listener_of(self._report) if first.world_size == 1 else None
            scores = stack.enter_context(_TaskScores(requests, self._finals, listener, first.width))
            names = ", ".join(lm.spec for lm in self._lms)
            done = stack.enter_context(
                progress(names, len(requests), self._opener.endpoints, self._cost, off=False)
            )

            def on_question(index: int) -> None:
                done()
                scores.answered(index)

            first.run(solve_shares(shares, first.width, on_question))

    @contextmanager
    def _share(self, lm: StrategyLM, requests: list[Request]) -> Iterator[Share]:
        """Yield one strategy's share. If it lacks answers at the end, its traces are not kept, but the others' are."""
        try:
            with lm.answering(requests) as (share, self._finals[lm]):
                yield share
                share.check()
        except UnansweredError as error:
            self._errors[lm] = error

    def _cost(self) -> float | None:
        """Return the dollars of all strategies; the pool, which they share, counts once."""
        first = self._lms[0].totals.overall
        calls = [totals.cost for lm in self._lms[1:] for totals in lm.totals.calls.values()]
        return sum_of_known((first.cost, *calls))


class _TaskScores:
    """Tells a listener which tasks run, and the scores of each as its last question is answered.

    A thread scores, so that no request in flight waits for it. Leaving the context waits for the thread.

    Args:
        requests: The questions, in the order in which they are begun.
        finals: The answers of each strategy, which are filled in meanwhile.
        listener: Is told; None tells nobody.
        width: How many questions are in work at a time.
    """

    def __init__(
        self,
        requests: Sequence[Request],
        finals: Mapping[StrategyLM, Sequence[str]],
        listener: ScoreListener | None,
        width: int,
    ) -> None:
        self._requests, self._finals, self._listener = requests, finals, listener
        self._left = Counter(request.task_name or "" for request in requests)
        self._tasks, self._ended, self._started = list(self._left), 0, time.monotonic()
        self._indices: dict[str, list[int]] = defaultdict(list)
        for index, request in enumerate(requests):
            self._indices[request.task_name or ""].append(index)
        self._thread = ThreadPoolExecutor(1)
        self._width, self._begun, self._answered = width, 0, 0

    def __enter__(self) -> _TaskScores:
        if self._listener:
            self._listener.tasks_start(len(self._requests), self._tasks, [lm.spec for lm in self._finals])
            self._begin(self._listener)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._thread.shutdown(wait=True, cancel_futures=kind is not None)
        finally:
            if self._listener:
                self._listener.tasks_stop()

    def answered(self, index: int) -> None:
        """Count a question that every strategy is done with."""
        if not self._listener:
            return
        task = self._requests[index].task_name or ""
        self._left[task] -= 1
        self._answered += 1
        questions = len(self._indices[task])
        self._listener.task_runs(task, questions - self._left[task], questions)
        self._begin(self._listener)
        if not self._left[task]:
            self._ended += 1
            seconds = time.monotonic() - self._started
            self._thread.submit(self._report_scores, self._listener, task, self._ended, seconds)

    def _begin(self, listener: ScoreListener) -> None:
        """Tell which tasks have begun: the next question begins as soon as one is answered."""
        while self._begun < min(self._answered + self._width, len(self._requests)):
            task = self._requests[self._begun].task_name or ""
            if self._begun == self._indices[task][0]:
                listener.task_runs(task, 0, len(self._indices[task]))
            self._begun += 1

    def _report_scores(self, listener: ScoreListener, task: str, ended: int, seconds: float) -> None:
        requests = [self._requests[index] for index in self._indices[task]]
        scores, metric = {}, ""
        # The task's own code may raise anything; the harness scores again and reports it.
        with suppress(Exception):
            for lm, finals in self._finals.items():
                answers = [finals[index] for index in self._indices[task]]
                if score := first_score(task, requests, answers):
                    metric, scores[lm.spec] = score
        listener.task_ends(TaskEnd(task, metric, scores, ended, len(self._tasks), seconds))


def _same(some: Sequence[Request], others: Sequence[Request]) -> bool:
    return len(some) == len(others) and all(
        (one.task_name, one.doc_id, one.args) == (other.task_name, other.doc_id, other.args)
        for one, other in zip(some, others, strict=True)
    )
