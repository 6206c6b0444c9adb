"""A judge's rows, computed again from the verdicts, and these from what was said in each order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import msgspec

from fusion_eval.compare.options import ComparisonOptions
from fusion_eval.errors import ConfigError
from fusion_eval.export.bundle.findings import Findings
from fusion_eval.export.bundle.recomputed import compare_ranks, compare_rows, settings_of
from fusion_eval.export.bundle.verify_verdicts import Bench, verify_verdicts
from fusion_eval.export.comparable import JUDGE, is_judged
from fusion_eval.judging.reliability import judge_report, judges_agree
from fusion_eval.judging.rows import against_opponent, head_to_head, joined, with_quality
from fusion_eval.judging.verdicts import Verdict
from fusion_eval.runs.comparison import Comparison, RankedRun, Row
from fusion_eval.runs.judging_summary import JudgingSummary
from fusion_eval.runs.reading import Run
from fusion_eval.types import from_json

_STOPPED_EARLY = (
    *("baseline_value", "candidate_value", "delta", "ci_low", "ci_high", "ci_method", "test", "p_value"),
    *("p_adjusted", "significant", "win_rate", "win_rate_low", "win_rate_high", "win_p_value"),
    *("standard_error", "minimal_detectable_effect", "items_needed"),
)
"""Fields of a row that hold at any moment, which takes the order of the verdicts and the plan."""
_FITTED = ("style", "against", "strengths", "humans", "sequential")
"""Parts of `judging` that take more than the verdicts."""


def verify_judged(comparison: Comparison, runs: Sequence[Run], path: Path, findings: Findings) -> None:
    """Rows and ranks, each judge's own rows, and what is told of the judges."""
    rows = [row for row in comparison.rows if is_judged(row)]
    judging = comparison.judging
    if not path.is_file() or judging is None or not rows:
        findings.differences.append(
            "comparison: rows of a judge, what is told of the judging, and verdicts are not all there, and each is of the others"
        )
        return
    bench = Bench(tuple(judge.name for judge in judging.judges), tuple(_read(path)))
    verify_verdicts(bench, judging.opponent is not None, findings)
    _rows(comparison, rows, runs, bench, judging, findings)
    _judges(judging, bench, findings)
    left = sum(len(getattr(judging, part)) for part in _FITTED)
    if left:
        findings.leave("comparison: style, strengths and the like of a judge are not computed again", left)


def _rows(
    comparison: Comparison,
    rows: Sequence[Row],
    runs: Sequence[Run],
    bench: Bench,
    judging: JudgingSummary,
    findings: Findings,
) -> None:
    ranks = [rank for rank in comparison.ranks if rank.metric.startswith(JUDGE)]
    own_rows = [row for mine in comparison.by_judge.values() for row in mine]
    left_out: tuple[str, ...] = ("note",)
    if judging.sequential:
        findings.leave(
            "comparison: judging stopped early, and what its rows come to is not computed again",
            len(rows) + len(own_rows),
        )
        if judging.opponent:
            return
        left_out += _STOPPED_EARLY
    known = {run.name: run for run in runs}
    names = [run.name for run in comparison.runs if run.name in known]
    try:
        settings = settings_of(comparison, [*rows, *own_rows])
        documents = known[names[0]] if names else runs[0]
        metric = rows[0].metric
        again, places = _again(documents, names, bench.deciding, bench.single, metric, settings)
        compare_rows(rows, again, left_out, findings)
        compare_ranks(ranks, places, findings)
        for name in dict.fromkeys((*bench.several, *comparison.by_judge)):
            own = bench.of(name) if name in bench.several else ()
            mine, _ = _again(documents, names, own, own, metric, settings)
            compare_rows(comparison.by_judge.get(name, ()), mine, left_out, findings, f": {name} alone")
    except (ConfigError, ValueError) as error:  # numbers that nothing can be computed with
        findings.differences.append(f"comparison: the judge's rows cannot be computed again: {error}")


def _again(
    documents: Run,
    names: Sequence[str],
    verdicts: Sequence[Verdict],
    single: Sequence[Verdict],
    metric: str,
    settings: ComparisonOptions,
) -> tuple[Sequence[Row], Sequence[RankedRun]]:
    """Of verdicts on pairs, or on each run against one opponent; `single` are those of the judges behind them."""
    readable = [verdict for verdict in verdicts if verdict.score is not None]
    if any(verdict.against_opponent for verdict in verdicts):
        judged = {verdict.candidate for verdict in readable}
        read = [name for name in names if name in judged]
        parts = [against_opponent(documents, read, verdicts, metric, settings)] if len(read) > 1 else []
    else:
        parts = [
            head_to_head(
                documents,
                *pair,
                [verdict for verdict in verdicts if (verdict.baseline, verdict.candidate) == pair],
                metric,
                settings,
            )
            for pair in dict.fromkeys((verdict.baseline, verdict.candidate) for verdict in readable)
        ]
    if not parts:
        return (), ()
    found = with_quality(joined(parts, settings), verdicts, single)
    return found.rows, found.ranks


def _judges(judging: JudgingSummary, bench: Bench, findings: Findings) -> None:
    by_judge = [bench.of(name) for name in bench.judges]
    for report, own in zip(judging.judges, by_judge, strict=True):
        again = asdict(judge_report(report.name, own))
        findings.compare_all(f"comparison: the judge {report.name}", asdict(report), again)
    agreed = judges_agree(by_judge) if len({len(own) for own in by_judge}) == 1 else None
    findings.compare("comparison: agreement of the judges", judging.agreement is None, agreed is None)
    if judging.agreement and agreed:
        findings.compare_all("comparison: agreement of the judges", asdict(judging.agreement), asdict(agreed))
    orders = [order for verdict in bench.single for order in verdict.orders]
    costs = [order.cost for order in orders if order.cost is not None]
    spent = {
        "prompt_tokens": sum(order.prompt_tokens for order in orders),
        "completion_tokens": sum(order.completion_tokens for order in orders),
        "cost": sum(costs) if costs else None,
        "unpriced": sum(order.cost is None and order.error is None for order in orders),
    }
    findings.compare_all("comparison: the judging", {name: getattr(judging, name) for name in spent}, spent)


def _read(path: Path) -> list[Verdict]:
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            found.append(from_json(line, Verdict))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path.name}, line {number} is no verdict: {error}") from error
    return found
