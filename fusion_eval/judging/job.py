"""What is judged: pairs of answers of several runs, all of them or until each question has its answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from fusion_eval.compare.clusters import clusters_of
from fusion_eval.compare.items import Item
from fusion_eval.compare.options import ComparisonOptions
from fusion_eval.compare.task_families import families
from fusion_eval.errors import ConfigError
from fusion_eval.judging.opponent import add_answers
from fusion_eval.judging.pairs import Answers, answers_of, pair_of
from fusion_eval.judging.panel import Bench, Judged, Match, in_random_order, judge_until_known
from fusion_eval.judging.verdicts import Identity, Pair
from fusion_eval.runs.reading import Run


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be judged, and how the verdicts are compared."""

    runs: tuple[Run, ...]
    statistics: ComparisonOptions = field(default_factory=ComparisonOptions)
    opponent: Path | None = None
    every_pair: bool = False
    sequential: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pairs of answers to be judged, each with its cluster, by the systems that they tell apart."""

    matches: Mapping[Match, tuple[Pair, ...]]
    clusters: Mapping[tuple[str, str], str]
    """By task and item."""
    opponent: str | None
    notes: tuple[str, ...]

    @property
    def pairs(self) -> int:
        """How many there are."""
        return sum(map(len, self.matches.values()))

    def cluster(self, pair: Pair) -> str:
        """The label that a pair shares with those that depend on it."""
        return self.clusters[pair.task, pair.item]


@dataclass(frozen=True, slots=True)
class Outcome:
    """All verdicts, in the order in which they were asked for."""

    judged: tuple[Judged, ...]
    questions: tuple[Match, ...] = ()
    """Of a job that may stop early: what it asked, one after the other."""


def prepared(job: Job) -> Prepared:
    """Every pair of answers that the job may ask about. Raises `ConfigError` where the runs do not fit together."""
    names = [run.name for run in job.runs]
    if job.statistics.test == "mcnemar":
        raise ConfigError(
            "--test mcnemar is for values of 0 and 1, and verdicts have ties; leave the test out"
        )
    if len(names) < 2 and not job.opponent:
        raise ConfigError(
            "judge needs two runs or more, the baseline first: fusion-eval judge BASELINE CANDIDATE…"
        )
    answers, notes = answers_of(job.runs, job.statistics.allow_partial)
    opponent = None
    if job.opponent:
        opponent = _free_name(job.opponent.stem, names)
        answers, missing = add_answers(answers, job.opponent, opponent, job.statistics.allow_partial)
        notes += missing
    labels, said = _clusters(answers, job.statistics.cluster)
    if opponent and len(names) == 1:  # then it is the baseline like any other
        only = tuple(pair_of(one, opponent, names[0]) for one in answers)
        return Prepared({(opponent, names[0]): only}, labels, None, (*notes, *said))
    return Prepared(_matches(job, answers, names, opponent), labels, opponent, (*notes, *said))


def _free_name(name: str, taken: Sequence[str]) -> str:
    return f"{name} (opponent)" if name in taken else name


def _clusters(answers: Sequence[Answers], column: str) -> tuple[dict[tuple[str, str], str], list[str]]:
    items: dict[str, list[Item]] = defaultdict(list)
    for one in answers:
        items[one.item.task].append(one.item)
    sisters = families({one.item.task: one.language for one in answers})
    labels, notes = clusters_of(items, sisters, column)
    return {(item.task, item.key): label for item, label in labels.items()}, notes


def _matches(
    job: Job, answers: Sequence[Answers], names: Sequence[str], opponent: str | None
) -> dict[Match, tuple[Pair, ...]]:
    if opponent:
        systems = [(opponent, name) for name in names]
    elif job.every_pair:
        systems = list(combinations(names, 2))
    else:
        systems = [(names[0], name) for name in names[1:]]
    return {
        match: tuple(pair_of(one, *match, against_opponent=opponent is not None) for one in answers)
        for match in systems
    }


async def judge_everything(job: Job, bench: Bench, ready: Prepared) -> Outcome:
    """The verdicts on all pairs; of a sequential job, on as many as it takes to know each answer."""
    if not job.sequential:
        return Outcome(
            tuple(await bench.judge_all([pair for pairs in ready.matches.values() for pair in pairs]))
        )
    names = [run.name for run in job.runs]
    against = ready.opponent is not None
    questions = [(names[0], name) for name in names[1:]] if against else list(ready.matches)
    judged: dict[Identity, Judged] = {}
    for question in questions:
        pairs = _pairs_for(question, ready)
        clusters = in_random_order([(ready.cluster(pair), pair) for pair in pairs], bench.protocol.seed)
        # Each question has its share of the level: Bonferroni's, which holds whenever any of them stops.
        alpha = job.statistics.alpha / len(questions)
        found = await judge_until_known(bench, clusters, alpha, question_scores(question, against))
        judged |= {one.pair.identity: one for one in found}
    return Outcome(tuple(judged.values()), tuple(questions))


def shown(question: Match, ready: Prepared) -> Match:
    """The systems whose answers a question has judged: its own, or of one opponent, that and its candidate."""
    return (ready.opponent, question[1]) if ready.opponent else question


def _pairs_for(question: Match, ready: Prepared) -> list[Pair]:
    """Of one opponent, both systems' pairs on an item; what an earlier question had judged comes from the store."""
    if ready.opponent is None:
        return list(ready.matches[question])
    both = zip(*(ready.matches[ready.opponent, name] for name in question), strict=True)
    return [pair for pairs in both for pair in pairs]


def question_scores(
    question: Match, against_opponent: bool
) -> Callable[[Sequence[Judged]], list[float | None]]:
    """What the judged pairs of one question are worth to its candidate, 0 to 1, one half for as good as the baseline.

    Against an opponent it is half of the difference of both systems' scores on the item, on top of one half; it stands at
    the second of the two pairs, and the first has none.
    """

    def head_to_head(judged: Sequence[Judged]) -> list[float | None]:
        return [one.verdict.score for one in judged]

    def differences(judged: Sequence[Judged]) -> list[float | None]:
        baseline = {
            (one.pair.task, one.pair.item): one.verdict.score
            for one in judged
            if one.pair.candidate == question[0]
        }
        found: list[float | None] = []
        for one in judged:
            other, own = baseline.get((one.pair.task, one.pair.item)), one.verdict.score
            known = one.pair.candidate == question[1] and other is not None and own is not None
            found.append(((own or 0.0) - (other or 0.0) + 1.0) / 2.0 if known else None)
        return found

    return differences if against_opponent else head_to_head
