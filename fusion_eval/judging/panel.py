"""Have a panel of judges judge many pairs at a time: all of them, or until a sequential test decides."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from fusion_eval.errors import ConfigError
from fusion_eval.judging.pair_verdicts import AnswerPair, majority
from fusion_eval.judging.protocol import Protocol, judge_pair
from fusion_eval.models import Model
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.opener import Opener
from fusion_eval.models.progress import progress
from fusion_eval.models.together import gather_bounded, gather_or_cancel
from fusion_eval.runs.verdicts import Verdict
from fusion_eval.stats.sequential import sequential_p_value

T = TypeVar("T")
FIRST_BATCH = 16
"""How many pairs to judge before the first sequential test."""
BATCH_FRACTION = 8
"""Later batches are 1/8 of the pairs judged so far. They do not depend on concurrency, which may differ between runs."""
SystemPair = tuple[str, str]
"""The names of two systems, the baseline first."""


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A pair, the panel's verdict on it, and the verdict of each judge."""

    pair: AnswerPair
    verdict: Verdict
    votes: tuple[Verdict, ...]
    """One verdict for each judge. With a single judge, it is `verdict` itself."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One or several judges that are ready to be asked."""

    judges: tuple[Model, ...]
    protocol: Protocol
    width: int
    """How many pairs to judge at a time."""
    done: Callable[[], None]
    """Called after each pair."""

    async def judge(self, pair: AnswerPair) -> JudgedPair:
        """Have every judge judge one pair."""
        votes = await gather_or_cancel(judge_pair(pair, judge, self.protocol) for judge in self.judges)
        self.done()
        names = [judge.name for judge in self.judges]
        return JudgedPair(pair, majority(votes, names) if len(votes) > 1 else votes[0], tuple(votes))

    async def judge_all(self, pairs: Sequence[AnswerPair]) -> list[JudgedPair]:
        """Judge all pairs. The result has their order."""
        return await gather_bounded(self.width, [functools.partial(self.judge, pair) for pair in pairs])


def run_panel(
    opener: Opener,
    protocol: Protocol,
    pairs: int,
    work: Callable[[Panel], Coroutine[Any, Any, T]],
    *,
    quiet: bool = False,
) -> T:
    """Open the judges, await `work` with them, and close them.

    Args:
        opener: Opens the judges.
        protocol: How they are asked.
        pairs: The number of pairs, for the progress bar.
        work: What to do with the panel.
        quiet: Show no progress bar.

    Returns:
        The result of `work`.

    Raises:
        ConfigError: Two of the judges have the same name.
    """
    judges, arguments = opener.panel(), opener.arguments
    names = [judge.name for judge in judges]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"The judges {'|'.join(arguments.model)} are one model, called {names[0]}; name each once"
        )
    width = arguments.concurrency * len(arguments.base_url or (None,))
    budget = opener.budget
    with progress("judge", pairs, opener.endpoints, lambda: budget.spent or None, off=quiet) as done:

        async def run() -> T:
            try:
                return await work(Panel(judges, protocol, width, done))
            finally:
                await opener.close()

        return run_anywhere(run)


def in_random_order(pairs: Sequence[tuple[str, AnswerPair]], seed: int) -> list[tuple[AnswerPair, ...]]:
    """Group (cluster, pair) by cluster and return the clusters in the random order of the seed."""
    by_cluster: dict[str, list[AnswerPair]] = defaultdict(list)
    for cluster, pair in pairs:
        by_cluster[cluster].append(pair)
    names = sorted(by_cluster)
    order = np.random.default_rng(seed).permutation(len(names))
    return [tuple(by_cluster[names[place]]) for place in order]


async def judge_until_decided(
    panel: Panel,
    clusters: Sequence[Sequence[AnswerPair]],
    alpha: float,
    scores: Callable[[Sequence[JudgedPair]], list[float | None]],
) -> list[JudgedPair]:
    """Judge clusters of pairs, a batch at a time, until the sequential test decides or none is left.

    The test is valid at any time, so the whole last batch counts.

    Args:
        panel: The judges.
        clusters: The pairs of each cluster, in the order in which to judge them.
        alpha: The level of the test.
        scores: Returns the candidate's score for each judged pair, from 0 to 1, and 0.5 for as good as the baseline. A
            pair with None is left out.

    Returns:
        The judged pairs, in the order of judging.
    """
    largest = max(len({(pair.task, pair.item) for pair in cluster}) for cluster in clusters)
    judged: list[JudgedPair] = []
    labels: list[int] = []
    next_cluster = 0
    while True:
        batch: list[AnswerPair] = []
        while next_cluster < len(clusters) and len(batch) < max(FIRST_BATCH, len(judged) // BATCH_FRACTION):
            batch += clusters[next_cluster]
            labels += [next_cluster] * len(clusters[next_cluster])
            next_cluster += 1
        judged += await panel.judge_all(batch)
        scored = [(s, c) for s, c in zip(scores(judged), labels, strict=True) if s is not None]
        p_value = sequential_p_value([s for s, _ in scored], [c for _, c in scored], largest)
        if p_value <= alpha or next_cluster == len(clusters):
            return judged
