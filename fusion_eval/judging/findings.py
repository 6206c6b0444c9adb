"""From verdicts to the comparison: rows, and what stands beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fusion_eval.comparison import Comparison, Row
from fusion_eval.errors import ConfigError
from fusion_eval.judgement import Judging, RankedSystem, Stopped, StyleAdjusted, StyleEffect
from fusion_eval.judging.asking import Protocol
from fusion_eval.judging.humans import human_estimates
from fusion_eval.judging.job import Job, Outcome, Prepared, question_scores
from fusion_eval.judging.model_families import relatives
from fusion_eval.judging.quality import judge_report, judges_agree
from fusion_eval.judging.rows import against_opponent, head_to_head, joined, of_row, with_quality
from fusion_eval.judging.style import FEATURES, style_differences
from fusion_eval.judging.verdicts import Verdict
from fusion_eval.judging.work import Judged, Match
from fusion_eval.stats.bradley_terry import strengths
from fusion_eval.stats.sequential import sequential_test
from fusion_eval.stats.style_control import style_controlled
from fusion_eval.traces import Usage

RESAMPLES = 1_000
"""Of strengths and of style: each is a fit."""


def compared(
    job: Job, ready: Prepared, outcome: Outcome, protocol: Protocol, gold: Path | None
) -> Comparison:
    """The whole comparison. Raises `ConfigError` where no pair has a verdict, or human verdicts do not fit."""
    judged, metric = outcome.judged, f"judge:{Path(protocol.template.name).stem}"
    if not any(one.verdict.score is not None for one in judged):
        raise ConfigError(
            f"None of {len(judged)} pairs has a verdict: {_why(judged)}. "
            "The judge may be too small for the task, or needs another --judge_prompt"
        )
    judges = list(dict.fromkeys(verdict.judge for one in judged for verdict in one.single))
    by_judge = {
        name: [verdict for one in judged for verdict in one.single if verdict.judge == name]
        for name in judges
    }
    single = [verdict for one in judged for verdict in one.single]
    comparison = _rows(job, ready, [one.verdict for one in judged], single, metric)
    if job.sequential:
        comparison = _at_any_moment(job, ready, outcome, comparison)
    own = by_judge if len(judges) > 1 else {}
    return replace(
        comparison,
        notes=(*comparison.notes, *ready.notes, *relatives(judges, job.runs)),
        judging=_judging(job, ready, outcome, protocol, gold, by_judge),
        by_judge={name: _own_rows(job, ready, verdicts, metric) for name, verdicts in own.items()},
    )


def _why(judged: Sequence[Judged]) -> str:
    orders = [order for one in judged for verdict in one.single for order in verdict.orders]
    failed = next((order.error for order in orders if order.error), None)
    if failed:
        return failed
    replies = [order.reply for order in orders]
    return (
        f"no reply ends with one, as this does not: '{replies[0][-120:].strip()}'"
        if replies
        else "nobody was asked"
    )


def _own_rows(job: Job, ready: Prepared, verdicts: Sequence[Verdict], metric: str) -> tuple[Row, ...]:
    if not any(verdict.score is not None for verdict in verdicts):
        return ()
    return _rows(job, ready, verdicts, verdicts, metric).rows


def _rows(
    job: Job, ready: Prepared, verdicts: Sequence[Verdict], single: Sequence[Verdict], metric: str
) -> Comparison:
    """Rows of one judge's verdicts, or of the panel's; `single` are those of the judges behind them."""
    run, names = job.runs[0], [run.name for run in job.runs]
    if ready.opponent:
        # Each question that stopped when it liked has items of its own.
        groups = [[names[0], name] for name in names[1:]] if job.sequential else [names]
        parts = [against_opponent(run, group, verdicts, metric, job.statistics) for group in groups]
    else:
        of_match = {
            match: [v for v in verdicts if (v.baseline, v.candidate) == match] for match in ready.matches
        }
        parts = [
            head_to_head(run, *match, mine, metric, job.statistics)
            for match, mine in of_match.items()
            if any(verdict.score is not None for verdict in mine)
        ]
    return with_quality(joined(parts, job.statistics), verdicts, single)


def _at_any_moment(job: Job, ready: Prepared, outcome: Outcome, comparison: Comparison) -> Comparison:
    """Rows whose test and intervals hold although the judging stopped when it liked.

    A row's own verdicts, in their order, are bets on the row's own hypothesis; that holds at whatever moment, one that
    the other rows' verdicts decided included.
    """
    rows = []
    for row in comparison.rows:
        scores = question_scores((row.baseline, row.candidate), ready.opponent is not None)
        mine = {id(verdict) for verdict in of_row(row, [one.verdict for one in outcome.judged])}
        judged = [one for one in outcome.judged if id(one.verdict) in mine]
        known = [
            (s, ready.cluster(one.pair))
            for s, one in zip(scores(judged), judged, strict=True)
            if s is not None
        ]
        labels = [label for _, label in known]
        plan = ready.matches[_shown((row.baseline, row.candidate), ready)]
        sizes = Counter(ready.cluster(pair) for pair in of_row(row, plan))
        largest = max(sizes.values())  # of the plan, not of what has been judged
        found = sequential_test([s for s, _ in known], labels, 1 - comparison.alpha, largest)
        rows.append(
            replace(
                row,
                test="sequential",
                p_value=found.p_value,
                p_adjusted=found.p_value,
                win_p_value=found.p_value,
                ci_low=2 * found.low - 1,
                ci_high=2 * found.high - 1,
                ci_method="confidence sequence",
                win_rate_low=found.low,
                win_rate_high=found.high,
                minimal_detectable_effect=None,
                items_needed=None,
            )
        )
    return joined([replace(comparison, rows=tuple(rows))], job.statistics)


def _shown(question: Match, ready: Prepared) -> Match:
    """The systems whose answers a question has judged: its own, or of one opponent, that and its candidate."""
    return (ready.opponent, question[1]) if ready.opponent else question


def _judging(
    job: Job,
    ready: Prepared,
    outcome: Outcome,
    protocol: Protocol,
    gold: Path | None,
    by_judge: Mapping[str, Sequence[Verdict]],
) -> Judging:
    judged, confidence = outcome.judged, 1 - job.statistics.method.alpha
    usage = Usage()
    for order in (order for one in judged for verdict in one.single for order in verdict.orders):
        usage.prompt_tokens += order.prompt_tokens
        usage.completion_tokens += order.completion_tokens
        usage.cost = usage.cost if order.cost is None else (usage.cost or 0.0) + order.cost
    clusters = [ready.cluster(one.pair) for one in judged]
    return Judging(
        template=protocol.template.name,
        prompt_hash=protocol.template.digest,
        swap=protocol.swap,
        steps=protocol.steps,
        repeats=protocol.repeats,
        structured=protocol.structured,
        judges=tuple(judge_report(name, verdicts) for name, verdicts in by_judge.items()),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost=usage.cost,
        opponent=ready.opponent,
        agreement=judges_agree(list(by_judge.values())),
        style=tuple(
            found for match in ready.matches if (found := _style(job, ready, judged, match, confidence))
        ),
        strengths=_strengths(job, ready, judged, confidence),
        humans=human_estimates(gold, judged, clusters, confidence) if gold else (),
        sequential=tuple(
            Stopped(*question, *_progress(_shown(question, ready), ready, judged), found.decided)
            for question, found in outcome.stopped.items()
        ),
    )


def _progress(match: Match, ready: Prepared, judged: Sequence[Judged]) -> tuple[int, int]:
    """Pairs that were judged, readably or not, and all."""
    done = sum((one.pair.baseline, one.pair.candidate) == match for one in judged)
    return done, len(ready.matches[match])


def _style(
    job: Job, ready: Prepared, judged: Sequence[Judged], match: Match, confidence: float
) -> StyleAdjusted | None:
    mine = [
        one
        for one in judged
        if (one.pair.baseline, one.pair.candidate) == match and one.verdict.score is not None
    ]
    if not mine:
        return None
    found = style_controlled(
        [one.verdict.score or 0.0 for one in mine],
        style_differences([one.pair for one in mine]),
        FEATURES,
        [ready.cluster(one.pair) for one in mine],
        confidence,
        RESAMPLES,
        job.statistics.method.seed,
    )
    if (
        found is None or not found.coefficients
    ):  # differences that are the same everywhere cannot be told from quality
        return None
    effects = tuple(StyleEffect(c.name, c.value, c.low, c.high) for c in found.coefficients)
    return StyleAdjusted(*match, found.raw, found.adjusted, found.low, found.high, effects)


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
            job.statistics.method.seed,
        )
    except ValueError:  # two groups of systems that never met: all of some match's verdicts are invalid
        return ()
    ranked = [
        RankedSystem(name, s.rank, s.value, s.low, s.high, s.win_rate)
        for name, s in zip(names, found, strict=True)
        if s is not None
    ]
    return tuple(sorted(ranked, key=lambda system: system.rank))
