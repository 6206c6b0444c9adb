"""Turn the verdicts of a job into a comparison: its rows, and a summary of the judging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.judging.estimates import ranked_systems, rates_against_opponent, style_adjusted
from fusion_eval.judging.human_labels import HumanLabels, human_estimates
from fusion_eval.judging.job import Job, JobResult, PlannedPairs
from fusion_eval.judging.panel import JudgedPair
from fusion_eval.judging.power_warnings import power_warnings
from fusion_eval.judging.protocol import Protocol
from fusion_eval.judging.reliability import judge_report, panel_agreement, usage_of
from fusion_eval.judging.rows import compare_systems, join, with_reliability, with_runs
from fusion_eval.judging.self_preference import self_preference_notes
from fusion_eval.judging.sequential import sequential_stops, with_sequential_rows
from fusion_eval.runs.comparison import Comparison, Row
from fusion_eval.runs.judging_summary import JudgingSummary
from fusion_eval.runs.verdicts import Verdict


def build_comparison(
    job: Job, planned: PlannedPairs, result: JobResult, protocol: Protocol, labels: HumanLabels
) -> Comparison:
    """Build the comparison of a judged job.

    Args:
        job: The job.
        planned: The pairs that the job could judge.
        result: The pairs that were judged.
        protocol: How the judges were asked.
        labels: Human scores of some pairs; may be empty.

    Raises:
        ConfigError: No pair has a verdict.
    """
    judged, metric = result.judged, f"judge:{Path(protocol.template.name).stem}"
    if not any(one.verdict.score is not None for one in judged):
        raise ConfigError(
            f"None of {len(judged)} pairs has a verdict: {_reason(judged)}. "
            "verdicts.jsonl has each judge's replies; a judge may be too small for the task, or need another --judge_prompt"
        )
    votes = [vote for one in judged for vote in one.votes]
    by_judge = {name: [vote for vote in votes if vote.judge == name] for name in _judges(judged)}
    comparison = _compare(job, planned, [one.verdict for one in judged], votes, metric)
    if job.sequential:
        comparison = with_sequential_rows(job, planned, judged, comparison)
    summary = _summarize(job, planned, judged, protocol, labels, by_judge)
    return replace(
        comparison,
        notes=(
            *comparison.notes,
            *planned.notes,
            *self_preference_notes(list(by_judge), job.runs, planned.opponent),
            *power_warnings(comparison.rows, summary.judges, summary.against, planned.opponent),
        ),
        judging=replace(
            summary,
            sequential=sequential_stops(comparison, result.hypotheses, planned, judged),
        ),
        by_judge={name: _rows_of_judge(job, planned, judged, own, metric) for name, own in by_judge.items()}
        if len(by_judge) > 1
        else {},
    )


def _judges(judged: Sequence[JudgedPair]) -> list[str]:
    return list(dict.fromkeys(vote.judge for one in judged for vote in one.votes))


def _reason(judged: Sequence[JudgedPair]) -> str:
    """Say why no pair has a verdict."""
    votes = [vote for one in judged for vote in one.votes]
    judgements = [judgement for vote in votes for judgement in vote.orders]
    error = next((judgement.error for judgement in judgements if judgement.error), None)
    if error:
        return error
    if any(vote.score is not None for vote in votes):
        return "the judges never had a majority"
    reply = next((judgement.reply for judgement in judgements if judgement.score is None), None)
    if reply is not None:
        return f"no reply ends with one; this one ends: '{reply[-120:].strip()}'"
    return "no judge was asked"


def _rows_of_judge(
    job: Job,
    planned: PlannedPairs,
    judged: Sequence[JudgedPair],
    verdicts: Sequence[Verdict],
    metric: str,
) -> tuple[Row, ...]:
    """Return the rows of one judge of a panel. There are none if its replies give nothing to compare."""
    try:
        comparison = _compare(job, planned, verdicts, verdicts, metric)
    except ConfigError:
        return ()
    if job.sequential:
        alone = [
            JudgedPair(one.pair, verdict, (verdict,)) for one, verdict in zip(judged, verdicts, strict=True)
        ]
        comparison = with_sequential_rows(job, planned, alone, comparison)
    return comparison.rows


def _compare(
    job: Job, planned: PlannedPairs, verdicts: Sequence[Verdict], votes: Sequence[Verdict], metric: str
) -> Comparison:
    """Compare the systems by the verdicts; `votes` are those of the single judges behind them."""
    names = [run.name for run in job.runs]
    parts = compare_systems(
        job.runs[0],
        names,
        verdicts,
        metric,
        job.statistics,
        systems=list(planned.by_systems),
        separately=job.sequential,  # the tests may stop at different items
    )
    if not parts:
        raise ConfigError(f"No two of {', '.join(names)} have verdicts on the same items")
    return with_reliability(with_runs(join(parts, job.statistics), job.runs), verdicts, votes)


def _summarize(
    job: Job,
    planned: PlannedPairs,
    judged: Sequence[JudgedPair],
    protocol: Protocol,
    labels: HumanLabels,
    by_judge: Mapping[str, Sequence[Verdict]],
) -> JudgingSummary:
    confidence = 1 - job.statistics.alpha
    usage = usage_of([judgement for one in judged for vote in one.votes for judgement in vote.orders])
    clusters = [planned.cluster(one.pair) for one in judged]
    styles = [style_adjusted(job, planned, judged, systems, confidence) for systems in planned.by_systems]
    return JudgingSummary(
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
        unpriced=usage.unpriced,
        opponent=planned.opponent,
        agreement=panel_agreement(list(by_judge.values())),
        style=tuple(style for style in styles if style),
        against=rates_against_opponent(job, planned, judged, confidence),
        strengths=ranked_systems(job, planned, judged, confidence),
        humans=human_estimates(labels, judged, clusters, confidence),
    )
