"""A pair of answers, a judge's reply in each order, and the verdict that follows from the replies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fusion_eval.types import Message

ShownFirst = Literal["baseline", "candidate"]
VerdictLabel = Literal["win", "tie", "loss", "invalid"]
PairKey = tuple[str, str, str, str]
"""Task, item, baseline and candidate."""
LABEL_CODES = {"win": 1.0, "tie": 0.0, "loss": -1.0, "invalid": float("nan")}
"""Verdicts as numbers, for coefficients of agreement."""


@dataclass(frozen=True, slots=True)
class AnswerPair:
    """Two systems' answers to one prompt.

    `item` identifies the document within the comparison. `doc_id` is the document's number in the baseline's run.
    """

    task: str
    language: str | None
    doc_id: int
    item: str
    baseline: str
    candidate: str
    prompt: tuple[Message, ...]
    answers: tuple[str, str]
    """The baseline's answer and the candidate's."""
    reference: str = ""
    source: str = ""
    against_opponent: bool = False
    """Whether `baseline` is a fixed opponent that all runs are judged against."""

    @property
    def key(self) -> PairKey:
        """What identifies the pair within a job."""
        return self.task, self.item, self.baseline, self.candidate


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge's reply to one pair in one order. `score` is 1 if the candidate is better, 0 if it is worse.

    `score` and `mark` are None if the reply cannot be read.
    """

    first: ShownFirst
    verdict: VerdictLabel
    reply: str
    score: float | None = None
    mark: str | None = None
    repeat: int = 0
    asked: int = 1
    """How many times the judge was asked. An unreadable reply is asked for once more."""
    error: str | None = None
    """Why the call failed. None if there is a reply."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """US dollars for all times that the judge was asked. None without a known price."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A line of `verdicts.jsonl`: the verdict of one judge, or of a panel, on one pair.

    A panel is named `a|b|c` and has no `orders` of its own. `orders` has one judgement for each order and repeat.
    """

    task: str
    language: str | None
    doc_id: int
    item: str
    baseline: str
    candidate: str
    judge: str
    verdict: VerdictLabel
    score: float | None
    """From 0 (the candidate is worse) to 1 (it is better). None if the verdict is invalid."""
    orders: tuple[Judgement, ...] = ()
    against_opponent: bool = False


def label_of(score: float | None) -> VerdictLabel:
    """Return the verdict that a score stands for. None is invalid."""
    if score is None:
        return "invalid"
    return "win" if score > 0.5 else "loss" if score < 0.5 else "tie"


def verdict_of(pair: AnswerPair, judge: str, judgements: Sequence[Judgement]) -> Verdict:
    """Return a judge's verdict on a pair. Its score is the mean over the repeats that have a score."""
    scores = [score for score in scores_by_repeat(judgements) if score is not None]
    score = sum(scores) / len(scores) if scores else None
    return Verdict(
        pair.task, pair.language, pair.doc_id, pair.item, pair.baseline, pair.candidate, judge,
        label_of(score), score, tuple(judgements), pair.against_opponent,
    )  # fmt: skip


def scores_by_repeat(judgements: Sequence[Judgement]) -> list[float | None]:
    """Return the candidate's score in each repeat, in the order of the repeats."""
    return [_score_of_orders(orders) for orders in _repeats(judgements)]


def position_consistency(judgements: Sequence[Judgement]) -> list[bool]:
    """For each repeat in which both orders can be read, tell whether both name the same winner."""
    return [
        orders[0].verdict == orders[1].verdict
        for orders in _repeats(judgements)
        if len(orders) == 2 and all(order.score is not None for order in orders)
    ]


def majority(verdicts: Sequence[Verdict], judges: Sequence[str]) -> Verdict:
    """Combine the judges' verdicts on one pair into the panel's verdict.

    More than half of all named judges have to agree, whether or not their replies could be read. Otherwise a judge that
    fails would decide by its absence.

    Args:
        verdicts: One verdict for each judge.
        judges: The names of all judges of the panel.

    Returns:
        The panel's verdict. Its score is the mean score of the judges that agree.
    """
    name = "|".join(judges)
    counts: Counter[VerdictLabel] = Counter(
        verdict.verdict for verdict in verdicts if verdict.score is not None
    )
    winner, votes = max(counts.items(), key=lambda vote: vote[1], default=("invalid", 0))
    if 2 * votes <= len(judges):
        return replace(verdicts[0], judge=name, verdict="invalid", score=None, orders=())
    scores = [
        verdict.score for verdict in verdicts if verdict.verdict == winner and verdict.score is not None
    ]
    return replace(verdicts[0], judge=name, verdict=winner, score=sum(scores) / len(scores), orders=())


def _repeats(judgements: Sequence[Judgement]) -> list[list[Judgement]]:
    numbers = sorted({judgement.repeat for judgement in judgements})
    return [[judgement for judgement in judgements if judgement.repeat == number] for number in numbers]


def _score_of_orders(orders: Sequence[Judgement]) -> float | None:
    """Orders that disagree on the winner are a tie. If one order cannot be read, there is no score."""
    scores = [order.score for order in orders]
    readable = [score for score in scores if score is not None]
    if len(readable) < len(scores) or not readable:
        return None
    return sum(readable) / len(readable) if len({label_of(score) for score in readable}) == 1 else 0.5
