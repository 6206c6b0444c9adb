"""Compute a judge's rows again from the verdicts, and the verdicts from the judge's replies in each order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.errors import ConfigError
from fusion_eval.exports.bundle.differ import Differ, Exactly, by_name
from fusion_eval.exports.bundle.rebuild_comparison import fields_of_removed_options, named, options_of
from fusion_eval.exports.comparable import JUDGE, is_judged
from fusion_eval.judging.pair_verdicts import label_of, majority, score_of
from fusion_eval.judging.reliability import judge_report, panel_agreement, usage_of
from fusion_eval.judging.rows import compare_systems, join, with_reliability
from fusion_eval.runs.comparison import Comparison, RankedRun, Row
from fusion_eval.runs.judging_summary import JudgingSummary
from fusion_eval.runs.reading import Run
from fusion_eval.runs.verdicts import Verdict, read_verdicts

_STOPPED_EARLY = (
    *("baseline_value", "candidate_value", "delta", "ci_low", "ci_high", "ci_method", "test", "p_value"),
    *("p_adjusted", "significant", "win_rate", "win_rate_low", "win_rate_high", "win_p_value"),
    *("standard_error", "minimal_detectable_effect", "items_needed"),
)
"""Fields of a row that depend on when the judging stopped."""
_FITTED = ("style", "against", "strengths", "humans", "sequential")
"""Parts of `judging` that need more than the verdicts."""


@dataclass(frozen=True, slots=True)
class _Verdicts:
    """The verdicts of a bundle, with all that is needed to compute rows from them."""

    verdicts: Sequence[Verdict]
    documents: Run
    """The run whose items were judged."""
    names: Sequence[str]
    """The judged runs, the baseline first."""
    metric: str
    options: ComparisonOptions

    def rows_and_ranks(
        self, deciding: str, judges: Sequence[str]
    ) -> tuple[Sequence[Row], Sequence[RankedRun]]:
        """Compare the runs by the verdicts of `deciding`: a judge, or the panel of `judges`."""
        verdicts = [verdict for verdict in self.verdicts if verdict.judge == deciding]
        votes = [verdict for verdict in self.verdicts if verdict.judge in judges]
        parts = compare_systems(self.documents, self.names, verdicts, self.metric, self.options)
        if not parts:
            return (), ()
        comparison = with_reliability(join(parts, self.options), verdicts, votes)
        return comparison.rows, comparison.ranks


def has_judging(comparison: Comparison) -> bool:
    """Return whether any part of the comparison is a judge's."""
    return any(map(is_judged, comparison.rows)) or bool(comparison.judging or comparison.by_judge)


def compare_judging(comparison: Comparison, runs: Sequence[Run], path: Path, differ: Differ) -> None:
    """Compare the verdicts, the rows and ranks of the panel and of each judge, and the reports on the judges.

    Args:
        comparison: The comparison with the judge's rows.
        runs: The runs of the bundle.
        path: The file of verdicts.
        differ: Collects the differences.
    """
    rows = [row for row in comparison.rows if is_judged(row)]
    judging = comparison.judging
    if not path.is_file() or judging is None or not rows:
        differ.differences.append(
            f"comparison: judged rows, `judging` and {path.name} belong together, and one of them is missing"
        )
        return
    judges, verdicts = tuple(judge.name for judge in judging.judges), read_verdicts(path)
    _compare_verdicts(judges, verdicts, judging, differ)
    _compare_judges(judges, verdicts, judging, differ)
    if fitted := sum(len(getattr(judging, part)) for part in _FITTED):
        differ.skip("comparison: style, strengths and other fits of the judging", fitted)
    own_rows = [row for own in comparison.by_judge.values() for row in own]
    if judging.sequential:
        differ.skip(
            "comparison: intervals and p-values of a judging that stopped early", len(rows + own_rows)
        )
    if judging.sequential and judging.opponent:
        return
    try:
        options = options_of(comparison, [*rows, *own_rows])
        by_run = {run.name: run for run in runs}
        names = [run.name for run in comparison.runs if run.name in by_run]
        documents = by_run[names[0]] if names else runs[0]
        source = _Verdicts(verdicts, documents, names, rows[0].metric, options)
        without = _STOPPED_EARLY if judging.sequential else fields_of_removed_options(comparison)
        expected = _expected(judges, source, without)
    except (ConfigError, ValueError) as error:  # the file may hold any numbers
        differ.differences.append(f"comparison: the judge's rows cannot be computed again: {error}")
        return
    found = {
        "rows": named(rows),
        "ranks": named(rank for rank in comparison.ranks if rank.metric.startswith(JUDGE)),
        "by_judge": {name: named(own) for name, own in comparison.by_judge.items()},
    }
    differ.compare("comparison", found, expected)


def _expected(judges: Sequence[str], verdicts: _Verdicts, without: Collection[str]) -> dict[str, Any]:
    """Return the rows and ranks that the verdicts give, without some of the fields."""
    rows, ranks = verdicts.rows_and_ranks("|".join(judges), judges)
    own = {name: verdicts.rows_and_ranks(name, [name])[0] for name in judges} if len(judges) > 1 else {}
    return {
        "rows": Exactly(named(rows, without)),
        "ranks": Exactly(named(ranks, without)),
        "by_judge": Exactly({name: Exactly(named(rows, without)) for name, rows in own.items()}),
    }


def _compare_verdicts(
    judges: Sequence[str], verdicts: Sequence[Verdict], judging: JudgingSummary, differ: Differ
) -> None:
    """Compare each verdict with its orders, and a panel's with its judges'. Each pair needs a verdict of each judge."""
    against = judging.opponent is not None
    pairs: dict[str, dict[str, Verdict]] = defaultdict(dict)
    for verdict in verdicts:
        pairs[_pair(verdict)].setdefault(verdict.judge, verdict)
    expected: Exactly[Mapping[str, object]] = Exactly()
    for pair, by_judge in pairs.items():
        votes = [by_judge[name] for name in judges if name in by_judge]
        expected |= {f"{pair}, by {name}": {} for name in judges}
        expected |= {f"{pair}, by {vote.judge}": _worth(*_score_and_label(vote), against) for vote in votes}
        if len(judges) > 1 and votes:
            agreed = majority(votes, judges)
            expected[f"{pair}, by {agreed.judge}"] = _worth(agreed.score, agreed.verdict, against)
    found = by_name(
        (
            f"{_pair(verdict)}, by {verdict.judge}",
            _worth(verdict.score, verdict.verdict, verdict.against_opponent),
        )
        for verdict in verdicts
    )
    differ.compare("verdicts", found, expected)


def _pair(verdict: Verdict) -> str:
    return f"{verdict.candidate} against {verdict.baseline} on document {verdict.doc_id} of {verdict.task}"


def _worth(score: float | None, verdict: str, against_opponent: bool) -> dict[str, object]:
    return {"score": score, "verdict": verdict, "against_opponent": against_opponent}


def _score_and_label(verdict: Verdict) -> tuple[float | None, str]:
    """Return the score and the verdict of the orders. Equal answers are a tie that no judge was asked about."""
    score = score_of(verdict.orders) if verdict.orders else 0.5
    return score, label_of(score)


def _compare_judges(
    judges: Sequence[str], verdicts: Sequence[Verdict], judging: JudgingSummary, differ: Differ
) -> None:
    by_judge = [[verdict for verdict in verdicts if verdict.judge == name] for name in judges]
    orders = [order for own in by_judge for verdict in own for order in verdict.orders]
    agreement = panel_agreement(by_judge) if len({len(own) for own in by_judge}) == 1 else None
    expected = {
        "judges": [judge_report(name, own) for name, own in zip(judges, by_judge, strict=True)],
        "agreement": agreement,
        **asdict(usage_of(orders)),
    }
    found = msgspec.json.decode(msgspec.json.encode(judging))
    differ.compare("comparison: judging", found, msgspec.json.decode(msgspec.json.encode(expected)))
