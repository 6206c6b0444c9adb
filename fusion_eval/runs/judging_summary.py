"""The part `judging` of `comparison.json`: how a judge's verdicts were made, and how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """How reliable one judge was over all pairs. A share is None if there are no cases to compute it from."""

    name: str
    pairs: int
    invalid: float | None
    """The share of pairs without a verdict."""
    position_consistency: float | None
    """The share of pairs, among those read in both orders, that have the same winner in both."""
    first_wins: float | None
    """The share of replies with a winner that name the answer shown first; 0.5 if position does not matter."""
    retest_agreement: float | None
    """The share of pairs of repeats that have the same verdict."""
    noise: float | None
    """The judge's part of the standard error of the win rate, estimated from its repeats."""


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """How far the judges agree: raw share, Cohen's and Fleiss' kappa, Krippendorff's alpha. None if undefined."""

    share: float | None
    cohen: float | None
    fleiss: float | None
    alpha: float | None
    items: int


@dataclass(frozen=True, slots=True)
class StyleEffect:
    """How much one standard deviation of a style difference adds to the log-odds of winning."""

    name: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class StyleAdjusted:
    """The raw win rate, and the win rate adjusted to equal length and equal use of Markdown."""

    baseline: str
    candidate: str
    raw: float
    adjusted: float
    low: float
    high: float
    effects: tuple[StyleEffect, ...]


@dataclass(frozen=True, slots=True)
class AgainstOpponent:
    """A run's win rate against the fixed opponent, with equal weight for all items."""

    name: str
    n: int
    win_rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RankedSystem:
    """A Bradley–Terry strength, in log-odds around the mean. `win_rate` is against an average opponent."""

    name: str
    rank: int
    strength: float
    low: float | None
    high: float | None
    win_rate: float


@dataclass(frozen=True, slots=True)
class HumanEstimate:
    """The estimated human win rate over all pairs, from the few human labels and the judge's verdicts on all pairs."""

    baseline: str
    candidate: str
    labels: int
    agreement: float
    agreement_low: float
    agreement_high: float
    win_rate: float
    low: float
    high: float
    labels_alone: float
    labels_alone_low: float
    labels_alone_high: float
    judge_alone: float


@dataclass(frozen=True, slots=True)
class SequentialStop:
    """How many of the planned pairs of two systems were judged before their question was decided."""

    baseline: str
    candidate: str
    judged: int
    planned: int
    decided: bool


@dataclass(frozen=True, slots=True)
class JudgingSummary:
    """The protocol, the judges, and every result of a judging besides its rows."""

    template: str
    prompt_hash: str
    swap: str
    steps: int
    repeats: int
    structured: bool
    judges: tuple[JudgeReport, ...]
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    """US dollars; None if no price is known."""
    unpriced: int = 0
    """Replies whose cost is unknown and not in `cost`."""
    opponent: str | None = None
    against: tuple[AgainstOpponent, ...] = ()
    agreement: JudgeAgreement | None = None
    style: tuple[StyleAdjusted, ...] = ()
    strengths: tuple[RankedSystem, ...] = ()
    humans: tuple[HumanEstimate, ...] = ()
    sequential: tuple[SequentialStop, ...] = ()
