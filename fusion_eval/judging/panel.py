"""Has pairs judged: as many at a time as the endpoints take, all of them or until the answer is known."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from fusion_eval.errors import ConfigError
from fusion_eval.judging.majority import majority
from fusion_eval.judging.protocol import Protocol, judged
from fusion_eval.judging.verdicts import Pair, Verdict
from fusion_eval.models import Model
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.opener import Opener
from fusion_eval.models.progress import progress
from fusion_eval.models.together import gather_bounded, gather_or_cancel
from fusion_eval.stats.sequential import sequential_p_value

T = TypeVar("T")
LOOK, LATER = 16, 8
"""Pairs between looks: so many at first, and an eighth of what is judged later. The number of calls at a time, which may
differ from run to run, has no say in where judging stops."""
Match = tuple[str, str]
"""The two systems whose difference is asked for, the baseline first."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair's verdict, and those of the single judges behind it, who may be one."""

    pair: Pair
    verdict: Verdict
    single: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """Who judges, how, and how many pairs at a time; `done` is called after each."""

    judges: tuple[Model, ...]
    protocol: Protocol
    width: int
    done: Callable[[], None]

    async def judge(self, pair: Pair) -> Judged:
        """One pair, by every judge."""
        single = await gather_or_cancel(judged(pair, judge, self.protocol) for judge in self.judges)
        self.done()
        names = [judge.name for judge in self.judges]
        return Judged(pair, majority(single, names) if len(single) > 1 else single[0], tuple(single))

    async def judge_all(self, pairs: Sequence[Pair]) -> list[Judged]:
        """All pairs, in their order."""
        return await gather_bounded(self.width, [functools.partial(self.judge, pair) for pair in pairs])


def at_work(
    opener: Opener,
    protocol: Protocol,
    pairs: int,
    work: Callable[[Bench], Coroutine[Any, Any, T]],
    *,
    quiet: bool = False,
) -> T:
    """What `work` makes of the opener's judges, with a bar that shows how far they are. Raises `ConfigError` for two of one name."""
    judges, settings = opener.panel(), opener.arguments
    names = [judge.name for judge in judges]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"The judges {'|'.join(settings.model)} are one model, called {names[0]}; name each once"
        )
    width = settings.concurrency * len(settings.base_url or (None,))
    spent = opener.budget
    with progress("judge", pairs, opener.endpoints, lambda: spent.spent or None, off=quiet) as done:

        async def run() -> T:
            try:
                return await work(Bench(judges, protocol, width, done))
            finally:
                await opener.close()

        return run_anywhere(run)


def in_random_order(pairs: Sequence[tuple[str, Pair]], seed: int) -> list[tuple[Pair, ...]]:
    """The pairs of each cluster, of (cluster, pair); the order is the same for the same seed and the same clusters."""
    by_cluster: dict[str, list[Pair]] = defaultdict(list)
    for cluster, pair in pairs:
        by_cluster[cluster].append(pair)
    names = sorted(by_cluster)
    order = np.random.default_rng(seed).permutation(len(names))
    return [tuple(by_cluster[names[place]]) for place in order]


async def judge_until_known(
    bench: Bench,
    clusters: Sequence[Sequence[Pair]],
    alpha: float,
    scores: Callable[[Sequence[Judged]], list[float | None]],
) -> list[Judged]:
    """Clusters in turn, a batch at a time, until the test decides or none is left.

    `scores` gives what each judged pair is worth to the candidate of the match, in their order, one half where that is
    as good as the baseline; None is left out. All that was under way when the test decided is counted: the test holds
    at any moment.
    """
    largest = max(len({(pair.task, pair.item) for pair in cluster}) for cluster in clusters)
    done: list[Judged] = []
    labels: list[int] = []
    at = 0
    while True:
        batch: list[Pair] = []
        while at < len(clusters) and len(batch) < max(LOOK, len(done) // LATER):
            batch += clusters[at]
            labels += [at] * len(clusters[at])
            at += 1
        done += await bench.judge_all(batch)
        known = [(s, c) for s, c in zip(scores(done), labels, strict=True) if s is not None]
        p_value = sequential_p_value([s for s, _ in known], [c for _, c in known], largest)
        if p_value <= alpha or at == len(clusters):
            return done
