"""Decide which pairs of answers to judge: all pairs of several runs, or as many as it takes to decide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from fusion_eval.comparison.clusters import clusters_of
from fusion_eval.comparison.items import Item
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.comparison.task_families import families
from fusion_eval.errors import ConfigError
from fusion_eval.judging.opponent import add_opponent
from fusion_eval.judging.pair_verdicts import AnswerPair, PairKey
from fusion_eval.judging.pairs import ItemAnswers, common_answers, make_pair
from fusion_eval.judging.panel import JudgedPair, Panel, SystemPair, in_random_order, judge_until_decided
from fusion_eval.runs.reading import Run


@dataclass(frozen=True, slots=True)
class Job:
    """Which runs to judge, in which pairs, and how to compare the verdicts."""

    runs: tuple[Run, ...]
    """The baseline first."""
    statistics: ComparisonOptions = field(default_factory=ComparisonOptions)
    opponent: Path | None = None
    """A file of answers that every run is judged against, instead of the runs against each other."""
    every_pair: bool = False
    """Judge every two runs, not only each run against the first."""
    sequential: bool = False
    """Stop as soon as the test decides."""


@dataclass(frozen=True, slots=True)
class PlannedPairs:
    """The pairs that a job may judge, grouped by their two systems."""

    by_systems: Mapping[SystemPair, tuple[AnswerPair, ...]]
    clusters: Mapping[tuple[str, str], str]
    """The cluster label of each task and item."""
    opponent: str | None
    """The name of the opponent that all runs are judged against."""
    notes: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many pairs there are."""
        return sum(map(len, self.by_systems.values()))

    def cluster(self, pair: AnswerPair) -> str:
        """Return the cluster label of a pair. Pairs with the same label depend on each other."""
        return self.clusters[pair.task, pair.item]


@dataclass(frozen=True, slots=True)
class JobResult:
    """The judged pairs of a job, in the order of judging."""

    judged: tuple[JudgedPair, ...]
    hypotheses: tuple[SystemPair, ...] = ()
    """Only for a sequential job: the systems whose difference was tested, one test after the other."""


def plan_pairs(job: Job) -> PlannedPairs:
    """Return every pair that the job may judge.

    Raises:
        ConfigError: The runs cannot be compared, or there are too few.
    """
    names = [run.name for run in job.runs]
    if job.statistics.test == "mcnemar":
        raise ConfigError("test=mcnemar is for values of 0 and 1, and verdicts have ties; leave the test out")
    if len(names) < 2 and not job.opponent:
        raise ConfigError(
            "judge needs two runs or more, the baseline first: fusion-eval judge BASELINE CANDIDATE…"
        )
    answers, notes = common_answers(job.runs, job.statistics.allow_partial)
    opponent = None
    if job.opponent:
        opponent = _free_name(job.opponent.stem, names)
        answers, missing = add_opponent(answers, job.opponent, opponent, job.statistics.allow_partial)
        notes += missing
    labels, cluster_notes = _clusters(answers, job.statistics.cluster)
    all_notes = (*notes, *cluster_notes)
    if opponent and len(names) == 1:  # The opponent is then an ordinary baseline.
        only = tuple(make_pair(one, opponent, names[0]) for one in answers)
        return PlannedPairs({(opponent, names[0]): only}, labels, None, all_notes)
    return PlannedPairs(_by_systems(job, answers, names, opponent), labels, opponent, all_notes)


def _free_name(name: str, taken: Sequence[str]) -> str:
    return f"{name} (opponent)" if name in taken else name


def _clusters(answers: Sequence[ItemAnswers], column: str) -> tuple[dict[tuple[str, str], str], list[str]]:
    items: dict[str, list[Item]] = defaultdict(list)
    for one in answers:
        items[one.item.task].append(one.item)
    sibling_tasks = families({one.item.task: one.language for one in answers})
    labels, notes = clusters_of(items, sibling_tasks, column)
    return {(item.task, item.key): label for item, label in labels.items()}, notes


def _by_systems(
    job: Job, answers: Sequence[ItemAnswers], names: Sequence[str], opponent: str | None
) -> dict[SystemPair, tuple[AnswerPair, ...]]:
    if opponent:
        systems = [(opponent, name) for name in names]
    elif job.every_pair:
        systems = list(combinations(names, 2))
    else:
        systems = [(names[0], name) for name in names[1:]]
    return {
        (baseline, candidate): tuple(
            make_pair(one, baseline, candidate, against_opponent=opponent is not None) for one in answers
        )
        for baseline, candidate in systems
    }


async def judge_planned(job: Job, panel: Panel, planned: PlannedPairs) -> JobResult:
    """Judge the planned pairs: all of them, or for a sequential job as many as it takes to decide.

    A sequential job tests one hypothesis after the other. Each gets an equal part of alpha (Bonferroni), which is valid
    whenever any of the tests stops.
    """
    if not job.sequential:
        pairs = [pair for pairs in planned.by_systems.values() for pair in pairs]
        return JobResult(tuple(await panel.judge_all(pairs)))
    names = [run.name for run in job.runs]
    against_opponent = planned.opponent is not None
    hypotheses = [(names[0], name) for name in names[1:]] if against_opponent else list(planned.by_systems)
    alpha = job.statistics.alpha / len(hypotheses)
    judged: dict[PairKey, JudgedPair] = {}
    for hypothesis in hypotheses:
        labelled = [(planned.cluster(pair), pair) for pair in _pairs_for(hypothesis, planned)]
        clusters = in_random_order(labelled, panel.protocol.seed)
        scores = hypothesis_scores(hypothesis, against_opponent)
        found = await judge_until_decided(panel, clusters, alpha, scores)
        judged |= {one.pair.key: one for one in found}
    return JobResult(tuple(judged.values()), tuple(hypotheses))


def judged_systems(hypothesis: SystemPair, planned: PlannedPairs) -> SystemPair:
    """Return the two systems whose pairs show how far the test of a hypothesis went.

    Against an opponent these are the opponent and the candidate. Otherwise they are those of the hypothesis.
    """
    return (planned.opponent, hypothesis[1]) if planned.opponent else hypothesis


def _pairs_for(hypothesis: SystemPair, planned: PlannedPairs) -> list[AnswerPair]:
    """Against an opponent, both systems' pairs stand together, item by item.

    A pair that an earlier hypothesis had judged costs nothing, since its replies are in the store.
    """
    if planned.opponent is None:
        return list(planned.by_systems[hypothesis])
    both = zip(*(planned.by_systems[planned.opponent, name] for name in hypothesis), strict=True)
    return [pair for pairs in both for pair in pairs]


def hypothesis_scores(
    hypothesis: SystemPair, against_opponent: bool
) -> Callable[[Sequence[JudgedPair]], list[float | None]]:
    """Return the function that scores judged pairs for a hypothesis: from 0 to 1, 0.5 for as good as the baseline.

    Head to head, the score is that of the verdict. Against an opponent it is 0.5 plus half the difference of the two
    systems' scores on the item. That score belongs to the second of the item's two pairs, and the first has None.
    """

    def head_to_head(judged: Sequence[JudgedPair]) -> list[float | None]:
        return [one.verdict.score for one in judged]

    def differences(judged: Sequence[JudgedPair]) -> list[float | None]:
        baseline = {
            (one.pair.task, one.pair.item): one.verdict.score
            for one in judged
            if one.pair.candidate == hypothesis[0]
        }
        scores: list[float | None] = []
        for one in judged:
            other, own = baseline.get((one.pair.task, one.pair.item)), one.verdict.score
            if one.pair.candidate != hypothesis[1] or other is None or own is None:
                scores.append(None)
            else:
                scores.append((own - other + 1.0) / 2.0)
        return scores

    return differences if against_opponent else head_to_head
