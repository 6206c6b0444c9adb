"""Rows and ranks as they are stated, beside those that were computed again; and the settings to compute them by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeVar, get_args

from fusion_eval.compare.options import ComparisonOptions, Correction, Test
from fusion_eval.errors import ConfigError
from fusion_eval.export.bundle.findings import Findings
from fusion_eval.runs.comparison import Comparison, RankedRun, Row

T = TypeVar("T", Row, RankedRun)
Name = TypeVar("Name", bound=str)
_MOST_RESAMPLES = 1_000_000
"""A stranger's file must not keep this machine busy for days."""


def compare_rows(
    stated: Sequence[Row],
    computed: Iterable[Row],
    left_out: Collection[str],
    findings: Findings,
    by: str = "",
) -> None:
    """Row by row, but for the fields in `left_out`; a row that is on one side alone is a difference."""
    _compare(
        {_place(row): row for row in stated}, {_place(row): row for row in computed}, left_out, findings, by
    )
    if len({_place(row) for row in stated}) < len(stated):
        findings.differences.append(f"comparison{by}: a row is there twice")


def compare_ranks(stated: Sequence[RankedRun], computed: Iterable[RankedRun], findings: Findings) -> None:
    """Likewise."""
    _compare({_rank(rank): rank for rank in stated}, {_rank(rank): rank for rank in computed}, (), findings)
    if len({_rank(rank) for rank in stated}) < len(stated):
        findings.differences.append("comparison: a rank is there twice")


def settings_of(
    comparison: Comparison, rows: Sequence[Row], metrics: tuple[str, ...] = ()
) -> ComparisonOptions:
    """Those that made these rows. Raises `ConfigError` for what no comparison is made with."""
    if not (
        0 < comparison.alpha < 1 and 0 < comparison.resamples <= _MOST_RESAMPLES and comparison.seed >= 0
    ):
        raise ConfigError(
            f"alpha {comparison.alpha:g}, {comparison.resamples} resamples and seed {comparison.seed} are outside of what "
            f"can be (at most {_MOST_RESAMPLES:,} resamples)"
        )
    _known(comparison.interval, ("bca",), "interval")
    correction: Correction = _known(comparison.correction, get_args(Correction), "correction")
    return ComparisonOptions(
        alpha=comparison.alpha,
        test=_test(comparison, rows),
        correction=correction,
        resamples=comparison.resamples,
        seed=comparison.seed,
        cluster=comparison.cluster,
        allow_partial=True,
        metrics=metrics,
    )


def _test(comparison: Comparison, rows: Sequence[Row]) -> Test:
    """Older files do not have the test that was asked for, and read as `auto`: then the rows tell it."""
    stated: Test = _known(comparison.test, get_args(Test), "test")
    if stated != "auto":
        return stated
    made = {row.test for row in rows}
    return "auto" if "mcnemar" in made else "permutation"


def _known(name: str, names: tuple[Name, ...], what: str) -> Name:
    found = next((known for known in names if known == name), None)
    if found is None:
        raise ConfigError(f"its {what} is '{name}', and is one of {', '.join(names)}")
    return found


def _compare(
    stated: Mapping[str, T],
    computed: Mapping[str, T],
    left_out: Collection[str],
    findings: Findings,
    by: str = "",
) -> None:
    for place, one in stated.items():
        if place not in computed:
            findings.differences.append(f"comparison{by}: {place}: the samples give no such row")
            continue
        fields = {name: value for name, value in asdict(one).items() if name not in left_out}
        findings.compare_all(f"comparison{by}: {place}", fields, asdict(computed[place]))
    findings.differences += [
        f"comparison{by}: the samples also give {place}" for place in computed if place not in stated
    ]


def _place(row: Row) -> str:
    return f"{_score(row)}, {row.candidate} against {row.baseline}"


def _rank(rank: RankedRun) -> str:
    return f"rank of {rank.run} in {_score(rank)}"


def _score(one: Row | RankedRun) -> str:
    metric = one.metric if one.filter == "none" else f"{one.metric},{one.filter}"
    return f"{metric} of {one.task} ({one.language})"
