"""From verdicts to the comparison: rows, and what stands beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.judging.human_labels import Labels, human_estimates
from fusion_eval.judging.job import Job, Outcome, Prepared
from fusion_eval.judging.panel import Judged, Match
from fusion_eval.judging.protocol import Protocol
from fusion_eval.judging.reliability import judge_report, judges_agree
from fusion_eval.judging.rows import against_opponent, head_to_head, joined, of_runs, with_quality
from fusion_eval.judging.self_preference import relatives
from fusion_eval.judging.sequential import at_any_moment, stopped
from fusion_eval.judging.style import FEATURES, style_differences
from fusion_eval.judging.verdicts import CODES, Pair, Verdict
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.judging_summary import (
    AgainstOpponent,
    JudgingSummary,
    RankedSystem,
    StyleAdjusted,
    StyleEffect,
)
from fusion_eval.stats.bradley_terry import strengths
from fusion_eval.stats.style_control import Coefficient, style_controlled
from fusion_eval.stats.win_rate import win_rate

UNBOUNDED = 10.0
"""Log-odds for one standard deviation: certainty."""
RESAMPLES = 1_000
"""Of strengths and of style: each is a fit."""


def compared(job: Job, ready: Prepared, outcome: Outcome, protocol: Protocol, labels: Labels) -> Comparison:
    """The whole comparison. Raises `ConfigError` where no pair has a verdict."""
    judged, metric = outcome.judged, f"judge:{Path(protocol.template.name).stem}"
    if not any(one.verdict.score is not None for one in judged):
        raise ConfigError(
            f"None of {len(judged)} pairs has a verdict: {_why(judged)}. "
            "verdicts.jsonl has what each judge said; a judge may be too small for the task, or need another --judge_prompt"
        )
    judges = list(dict.fromkeys(verdict.judge for one in judged for verdict in one.single))
    by_judge = {
        name: [verdict for one in judged for verdict in one.single if verdict.judge == name]
        for name in judges
    }
    single = [verdict for one in judged for verdict in one.single]
    comparison = _rows(job, ready, [one.verdict for one in judged], single, metric)
    if job.sequential:
        comparison = at_any_moment(job, ready, judged, comparison)
    own, pairs = by_judge if len(judges) > 1 else {}, [one.pair for one in judged]
    return replace(
        comparison,
        notes=(*comparison.notes, *ready.notes, *relatives(judges, job.runs, ready.opponent)),
        judging=replace(
            _judging(job, ready, judged, protocol, labels, by_judge),
            sequential=stopped(comparison, outcome.questions, ready, judged),
        ),
        by_judge={name: _own_rows(job, ready, pairs, verdicts, metric) for name, verdicts in own.items()},
    )


def _why(judged: Sequence[Judged]) -> str:
    orders = [order for one in judged for verdict in one.single for order in verdict.orders]
    failed = next((order.error for order in orders if order.error), None)
    if failed:
        return failed
    if any(verdict.score is not None for one in judged for verdict in one.single):
        return "the judges never had a majority"
    unread = next((order.reply for order in orders if order.score is None), None)
    if unread is not None:
        return f"no reply ends with one, as this does not: '{unread[-120:].strip()}'"
    return "nobody was asked"


def _own_rows(
    job: Job, ready: Prepared, pairs: Sequence[Pair], verdicts: Sequence[Verdict], metric: str
) -> tuple[Row, ...]:
    try:
        comparison = _rows(job, ready, verdicts, verdicts, metric)
    except ConfigError:  # it was read on nothing that could be compared
        return ()
    if job.sequential:
        alone = [Judged(pair, verdict, (verdict,)) for pair, verdict in zip(pairs, verdicts, strict=True)]
        comparison = at_any_moment(job, ready, alone, comparison)
    return comparison.rows


def _rows(
    job: Job, ready: Prepared, verdicts: Sequence[Verdict], single: Sequence[Verdict], metric: str
) -> Comparison:
    """Rows of one judge's verdicts, or of the panel's; `single` are those of the judges behind them."""
    run, names = job.runs[0], [run.name for run in job.runs]
    if ready.opponent:
        # Each question that stopped when it liked has items of its own.
        known = {verdict.candidate for verdict in verdicts if verdict.score is not None}
        read = [name for name in names if name in known]
        groups = [[names[0], name] for name in names[1:]] if job.sequential else [read]
        parts = [
            against_opponent(run, group, verdicts, metric, job.statistics)
            for group in groups
            if known.issuperset(group) and len(group) > 1
        ]
    else:
        of_match = {
            match: [v for v in verdicts if (v.baseline, v.candidate) == match] for match in ready.matches
        }
        parts = [
            head_to_head(run, *match, mine, metric, job.statistics)
            for match, mine in of_match.items()
            if any(verdict.score is not None for verdict in mine)
        ]
    if not parts:
        raise ConfigError(f"No two of {', '.join(names)} have verdicts on the same items")
    return with_quality(of_runs(joined(parts, job.statistics), job.runs), verdicts, single)


def _judging(
    job: Job,
    ready: Prepared,
    judged: Sequence[Judged],
    protocol: Protocol,
    labels: Labels,
    by_judge: Mapping[str, Sequence[Verdict]],
) -> JudgingSummary:
    confidence = 1 - job.statistics.alpha
    orders = [order for one in judged for verdict in one.single for order in verdict.orders]
    costs = [order.cost for order in orders if order.cost is not None]
    clusters = [ready.cluster(one.pair) for one in judged]
    return JudgingSummary(
        template=protocol.template.name,
        prompt_hash=protocol.template.digest,
        swap=protocol.swap,
        steps=protocol.steps,
        repeats=protocol.repeats,
        structured=protocol.structured,
        judges=tuple(judge_report(name, verdicts) for name, verdicts in by_judge.items()),
        prompt_tokens=sum(order.prompt_tokens for order in orders),
        completion_tokens=sum(order.completion_tokens for order in orders),
        cost=sum(costs) if costs else None,
        unpriced=sum(order.cost is None and order.error is None for order in orders),
        opponent=ready.opponent,
        agreement=judges_agree(list(by_judge.values())),
        style=tuple(
            found for match in ready.matches if (found := _style(job, ready, judged, match, confidence))
        ),
        against=_against(job, ready, judged, confidence),
        strengths=_strengths(job, ready, judged, confidence),
        humans=human_estimates(labels, judged, clusters, confidence),
    )


def _style(
    job: Job, ready: Prepared, judged: Sequence[Judged], match: Match, confidence: float
) -> StyleAdjusted | None:
    mine = [
        one
        for one in judged
        if (one.pair.baseline, one.pair.candidate) == match and one.verdict.score is not None
    ]
    scores = [one.verdict.score or 0.0 for one in mine]
    if len(set(scores)) < 2:  # nothing that style could explain
        return None
    found = style_controlled(
        scores,
        style_differences([one.pair for one in mine]),
        FEATURES,
        [ready.cluster(one.pair) for one in mine],
        confidence,
        RESAMPLES,
        job.statistics.seed,
    )
    # Differences that are the same everywhere cannot be told from quality.
    if found is None or not found.coefficients:
        return None
    effects = tuple(_effect(coefficient) for coefficient in found.coefficients)
    return StyleAdjusted(*match, found.raw, found.adjusted, found.low, found.high, effects)


def _against(
    job: Job, ready: Prepared, judged: Sequence[Judged], confidence: float
) -> tuple[AgainstOpponent, ...]:
    """Each run's win rate against the opponent: wins and half the ties, over everything that was judged."""
    found = []
    for run in job.runs if ready.opponent else ():
        mine = [one for one in judged if one.pair.candidate == run.name and one.verdict.score is not None]
        if mine:
            outcomes = [CODES[one.verdict.verdict] for one in mine]
            clusters = [ready.cluster(one.pair) for one in mine]
            rate = win_rate(outcomes, clusters, None, confidence, seed=job.statistics.seed)
            found.append(AgainstOpponent(run.name, len(mine), rate.rate, rate.low, rate.high))
    return tuple(found)


def _effect(found: Coefficient) -> StyleEffect:
    """Without bounds where the judge goes by this alone: how large it then is, is the ridge's word."""
    if found.low is None or abs(found.value) > UNBOUNDED:
        return StyleEffect(found.name, found.value, None, None)
    return StyleEffect(found.name, found.value, found.low, found.high)


def _strengths(
    job: Job, ready: Prepared, judged: Sequence[Judged], confidence: float
) -> tuple[RankedSystem, ...]:
    """Of three systems or more, an opponent included, over everything that was judged."""
    known = [one for one in judged if one.verdict.score is not None]
    names = list(dict.fromkeys(name for match in ready.matches for name in match))
    if len(names) < 3:
        return ()
    try:
        found = strengths(
            [(names.index(one.pair.candidate), names.index(one.pair.baseline)) for one in known],
            [one.verdict.score or 0.0 for one in known],
            len(names),
            [ready.cluster(one.pair) for one in known],
            confidence,
            RESAMPLES,
            job.statistics.seed,
        )
    except ValueError:  # two groups of systems that never met: all of some match's verdicts are invalid
        return ()
    ranked = [
        RankedSystem(name, s.rank, s.value, s.low, s.high, s.win_rate)
        for name, s in zip(names, found, strict=True)
        if s is not None
    ]
    return tuple(sorted(ranked, key=lambda system: system.rank))
