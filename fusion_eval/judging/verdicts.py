"""A pair of answers, what a judge said of it in each order, and the verdict that this comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fusion_eval.types import Message

First = Literal["baseline", "candidate"]
Label = Literal["win", "tie", "loss", "invalid"]
Identity = tuple[str, str, str, str]
"""Task, item, baseline and candidate."""
CODES = {"win": 1.0, "tie": 0.0, "loss": -1.0, "invalid": float("nan")}
"""Labels as numbers, for coefficients of agreement."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt. `item` names it within the comparison; `doc_id` is the baseline's."""

    task: str
    language: str | None
    doc_id: int
    item: str
    baseline: str
    candidate: str
    prompt: tuple[Message, ...]
    answers: tuple[str, str]
    """The baseline's and the candidate's."""
    reference: str = ""
    source: str = ""
    against_opponent: bool = False
    """Whether the baseline here is an opponent that both systems of a comparison are judged against."""

    @property
    def identity(self) -> Identity:
        """What it is known by."""
        return self.task, self.item, self.baseline, self.candidate


@dataclass(frozen=True, slots=True)
class Order:
    """One judgement: who stood first, and what it is worth to the candidate (1 better, 0 worse; None unreadable)."""

    first: First
    verdict: Label
    reply: str
    score: float | None = None
    mark: str | None = None
    repeat: int = 0
    asked: int = 1
    """Times: an unreadable reply is asked for once more."""
    error: str | None = None
    """Why there is no reply at all."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    """Of all times that it was asked; US dollars, None where the price is not known."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A line of `verdicts.jsonl`: one judge, or a panel (`a|b|c`, without orders of its own), on one pair."""

    task: str
    language: str | None
    doc_id: int
    item: str
    baseline: str
    candidate: str
    judge: str
    verdict: Label
    score: float | None
    """What the pair is worth to the candidate, 0 to 1; None where the verdict is invalid."""
    orders: tuple[Order, ...] = ()
    against_opponent: bool = False


def label(score: float | None) -> Label:
    """The verdict that a score means."""
    if score is None:
        return "invalid"
    return "win" if score > 0.5 else "loss" if score < 0.5 else "tie"


def combined(orders: Sequence[Order]) -> float | None:
    """The candidate's score from the orders of one repeat.

    Orders that disagree on who is better are a tie; where one cannot be read there is no verdict.
    """
    scores = [order.score for order in orders]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores) or not known:
        return None
    return sum(known) / len(known) if len({label(score) for score in known}) == 1 else 0.5


def verdict_of(pair: Pair, judge: str, orders: Sequence[Order]) -> Verdict:
    """Over all repeats: the mean of those that have a verdict."""
    scores = [score for score in by_repeat(orders) if score is not None]
    score = sum(scores) / len(scores) if scores else None
    return Verdict(
        pair.task, pair.language, pair.doc_id, pair.item, pair.baseline, pair.candidate, judge,
        label(score), score, tuple(orders), pair.against_opponent,
    )  # fmt: skip


def by_repeat(orders: Sequence[Order]) -> list[float | None]:
    """The combined score of each repeat, in their order."""
    repeats = sorted({order.repeat for order in orders})
    return [combined([order for order in orders if order.repeat == repeat]) for repeat in repeats]


def consistent(orders: Sequence[Order]) -> list[bool]:
    """Of every repeat in which both orders were read: whether they name the same answer."""
    found = []
    for repeat in sorted({order.repeat for order in orders}):
        both = [order for order in orders if order.repeat == repeat]
        if len(both) == 2 and all(order.score is not None for order in both):
            found.append(both[0].verdict == both[1].verdict)
    return found
