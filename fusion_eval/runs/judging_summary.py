"""How a judge's verdicts came about and what stands behind them: the part `judging` of `comparison.json`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """One judge over all pairs. Shares are None where there is nothing to take them of."""

    name: str
    pairs: int
    invalid: float | None
    """Share of pairs without a verdict."""
    position_consistency: float | None
    """Share of pairs, read in both orders, that have the same winner in both."""
    first_wins: float | None
    """Share of the readable replies with a winner that name the answer shown first; one half where position means nothing."""
    retest_agreement: float | None
    """Share of pairs of repeats that come to the same verdict."""
    noise: float | None
    """The judge's part in the standard error of the win rate, from the spread of its repeats."""


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """How far the judges agree: raw share, Cohen's and Fleiss' kappa, Krippendorff's alpha; None where undefined."""

    share: float | None
    cohen: float | None
    fleiss: float | None
    alpha: float | None
    items: int


@dataclass(frozen=True, slots=True)
class StyleEffect:
    """What one standard deviation of a style difference adds to the log-odds of winning."""

    name: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class StyleAdjusted:
    """The win rate at equal length and Markdown, beside the raw one."""

    baseline: str
    candidate: str
    raw: float
    adjusted: float
    low: float
    high: float
    effects: tuple[StyleEffect, ...]


@dataclass(frozen=True, slots=True)
class AgainstOpponent:
    """A run's win rate against the fixed opponent, over all items alike."""

    name: str
    n: int
    win_rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RankedSystem:
    """A Bradley–Terry strength, in log-odds around the mean; `win_rate` is against an average opponent."""

    name: str
    rank: int
    strength: float
    low: float | None
    high: float | None
    win_rate: float


@dataclass(frozen=True, slots=True)
class HumanEstimate:
    """What humans would say of all pairs, from the few that they judged and the judge's verdicts on all."""

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
class Stopped:
    """Of one pair of systems: how many of the planned pairs of answers were judged before the answer was known."""

    baseline: str
    candidate: str
    judged: int
    planned: int
    decided: bool


@dataclass(frozen=True, slots=True)
class Judging:
    """The protocol, the judges, and what their verdicts came to beside the rows."""

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
    """US dollars; None where no price is known."""
    unpriced: int = 0
    """Replies whose cost is not in it."""
    opponent: str | None = None
    against: tuple[AgainstOpponent, ...] = ()
    agreement: JudgeAgreement | None = None
    style: tuple[StyleAdjusted, ...] = ()
    strengths: tuple[RankedSystem, ...] = ()
    humans: tuple[HumanEstimate, ...] = ()
    sequential: tuple[Stopped, ...] = ()
