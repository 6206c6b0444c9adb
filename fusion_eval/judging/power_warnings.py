"""Warn where a judging could hardly find a difference: an extreme opponent, or a judge that contradicts itself."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.runs.comparison import Row
from fusion_eval.runs.judging_summary import AgainstOpponent, JudgeReport

EXTREME_RATE = 0.9
"""An opponent that wins or loses this share of all pairs tells two systems apart on few items."""


def power_warnings(
    rows: Sequence[Row],
    judges: Sequence[JudgeReport],
    against: Sequence[AgainstOpponent],
    opponent: str | None,
) -> list[str]:
    """Return a warning for each reason why the judging had little power to find a difference.

    Args:
        rows: The rows of the comparison.
        judges: How reliable each judge was.
        against: Each run's win rate against the fixed opponent; empty without one.
        opponent: The name of the fixed opponent.
    """
    return [*extreme_opponent_warnings(against, opponent), *self_agreement_warnings(rows, judges)]


def extreme_opponent_warnings(against: Sequence[AgainstOpponent], opponent: str | None) -> list[str]:
    """Warn where the fixed opponent wins or loses nearly always.

    Two systems differ only on items that one of them wins and the other does not. Against an opponent that is far better or
    far worse there are few such items, so its win rates hardly rank the systems (Don-Yehiya et al. 2026, arXiv 2603.16848).
    """
    warnings = []
    for one in against:
        if 1 - EXTREME_RATE < one.win_rate < EXTREME_RATE:
            continue
        ends, kind = ("loses", "stronger") if one.win_rate >= EXTREME_RATE else ("wins", "weaker")
        share = max(one.win_rate, 1 - one.win_rate)
        warnings.append(
            f"the opponent {opponent} {ends} {share:.0%} of its pairs with {one.name}, which leaves few items that tell "
            f"systems apart; choose a {kind} opponent, near the systems in quality"
        )
    return warnings


def self_agreement_warnings(rows: Sequence[Row], judges: Sequence[JudgeReport]) -> list[str]:
    """Warn where a judge agrees with itself less than the difference that it found would need.

    The agreement is that of repeats; without repeats that of the two orders of a pair. A judge that gives the right
    verdict with probability p each time agrees with itself with probability a = p² + (1 - p)², and shrinks a true
    difference by 2p - 1 = √(2a - 1). So a difference d that is smaller than the smallest detectable one, m, would be
    found by a judge with an agreement of (1 + (m/d)² (2a - 1)) / 2, if that is not above 1.
    """
    overall = [row for row in rows if row.language == "all"] or list(rows)
    warnings = []
    for judge in judges:
        agreement = judge.retest_agreement
        if agreement is None:
            agreement = judge.position_consistency
        if agreement is None:
            continue
        how = f"the judge {judge.name} agrees with itself in {agreement:.0%} of its verdicts on a pair"
        if agreement <= 0.5:
            warnings.append(f"{how}, which is no more than chance: its verdicts cannot tell systems apart")
            continue
        for row in overall:
            needed = agreement_needed(row, agreement)
            if needed is not None and agreement < needed <= 1:
                warnings.append(
                    f"{how}, and {row.candidate} against {row.baseline} ({row.task}) would need {needed:.0%} to be found "
                    f"with {row.n:,} items; add --judge_repeats, a better judge, or more items"
                )
    return warnings


def agreement_needed(row: Row, agreement: float) -> float | None:
    """Return the agreement with itself at which a judge would find the row's difference with a power of 80%.

    Args:
        row: The row; its difference and its smallest detectable difference are in the same units.
        agreement: The judge's agreement with itself, above 0.5.

    Returns:
        The agreement, which may be above 1: no judge finds the difference with so few items. None if nothing is needed
        or known: the row is significant, or has no difference.
    """
    if row.significant or not row.delta or row.minimal_detectable_effect is None:
        return None
    ratio = row.minimal_detectable_effect / abs(row.delta)
    return (1 + ratio**2 * (2 * agreement - 1)) / 2
