"""A comparison's rows and ranks, computed again from the runs, and from the verdicts where a judge gave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import msgspec

from fusion_eval.compare.compare import Correction, Settings, compare, corrected
from fusion_eval.compare.method import IntervalMethod, Method, Test
from fusion_eval.comparison import Comparison, Row
from fusion_eval.errors import ConfigError
from fusion_eval.export.bundle.findings import Findings
from fusion_eval.export.comparable import is_judged
from fusion_eval.judging.rows import head_to_head, with_quality
from fusion_eval.judging.verdicts import Verdict
from fusion_eval.runs.run import Run
from fusion_eval.types import from_json

_OVER_ALL_ROWS = ("p_adjusted", "significant", "note")
_SEQUENTIAL = "sequential"


def verify_comparison(
    comparison: Comparison, runs: Sequence[Run], verdicts: Path, findings: Findings
) -> None:
    """Every number of every row, and every rank. Notes say what cannot be computed again."""
    by_metric = [row for row in comparison.rows if not is_judged(row)]
    by_judge = [row for row in comparison.rows if is_judged(row)]
    if by_metric:
        _metrics(comparison, by_metric, runs, findings)
    if by_judge:
        _judge(comparison, by_judge, runs, verdicts, findings)


def _metrics(comparison: Comparison, rows: Sequence[Row], runs: Sequence[Run], findings: Findings) -> None:
    names = [run.name for run in comparison.runs]
    known = [_unreported(run, rows) for name in names for run in runs if run.name == name]
    strangers = [name for name in names if name not in {run.name for run in known}]
    if strangers:
        findings.notes.append(
            f"comparison: rows with {', '.join(strangers)} are of no run here, and are not computed again"
        )
    if len(known) < 2:
        return
    try:
        again = compare(known, _settings(comparison, rows))
    except ConfigError as error:
        findings.differences.append(f"comparison: it cannot be computed again: {error}")
        return
    left_out = _OVER_ALL_ROWS if strangers else ("note",)
    _rows(
        [row for row in rows if {row.baseline, row.candidate}.isdisjoint(strangers)],
        again.rows,
        left_out,
        findings,
    )
    if not strangers:
        ranks = {(r.task, r.language, r.metric, r.filter, r.run): r for r in again.ranks}
        for rank in comparison.ranks:
            key = (rank.task, rank.language, rank.metric, rank.filter, rank.run)
            if rank.metric not in {row.metric for row in rows}:
                continue
            if key not in ranks:
                findings.differences.append(
                    f"comparison: the rank of {rank.run} in {rank.metric} of {rank.task} is of no row"
                )
            else:
                where = f"comparison: rank of {rank.run} in {rank.metric} of {rank.task}"
                findings.compare_all(where, asdict(rank), asdict(ranks[key]))


def _unreported(run: Run, rows: Sequence[Row]) -> Run:
    """Without what the results file says of metrics that have rows: it is checked by itself, and must not hide a change here."""
    compared = {(row.task, row.metric) for row in rows}
    tasks = {}
    for name, part in run.tasks.items():
        kept = {key: value for key, value in part.info.reported.items() if (name, key[0]) not in compared}
        tasks[name] = replace(part, info=replace(part.info, reported=kept))
    return replace(run, tasks=tasks)


def _judge(
    comparison: Comparison, rows: Sequence[Row], runs: Sequence[Run], path: Path, findings: Findings
) -> None:
    judging = comparison.judging
    if not path.is_file() or judging is None or judging.against or any(r.test == _SEQUENTIAL for r in rows):
        findings.notes.append(
            "comparison: the judge's rows are not computed again: there are no verdicts here, or they are against an opponent, "
            "or judging stopped early"
        )
        return
    verdicts = _deciding(path)
    known = {run.name: run for run in runs}
    settings = _settings(comparison, rows)
    again: list[Row] = []
    for baseline, candidate in dict.fromkeys((row.baseline, row.candidate) for row in rows):
        mine = [v for v in verdicts if (v.baseline, v.candidate) == (baseline, candidate)]
        if baseline in known and mine:
            metric = rows[0].metric
            part = head_to_head(known[baseline], baseline, candidate, mine, metric, settings)
            again += with_quality(part, mine, mine).rows
    again = corrected(again, comparison.alpha, settings.correction) if again else []
    _rows(rows, again, ("note", "position_consistency"), findings)


def _deciding(path: Path) -> list[Verdict]:
    """The last verdict on each pair: that of a panel stands behind those of its judges."""
    last: dict[tuple[object, ...], Verdict] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            verdict = from_json(line, Verdict)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path.name}, line {number} is no verdict: {error}") from error
        last[verdict.task, verdict.doc_id, verdict.baseline, verdict.candidate] = verdict
    return list(last.values())


def _rows(
    stated: Sequence[Row], computed: Sequence[Row], left_out: Sequence[str], findings: Findings
) -> None:
    found = {_key(row): row for row in computed}
    for row in stated:
        where = (
            f"comparison: {row.metric} of {row.task} ({row.language}), {row.candidate} against {row.baseline}"
        )
        if _key(row) not in found:
            findings.differences.append(f"{where}: the samples give no such row")
            continue
        fields = {name: value for name, value in asdict(row).items() if name not in left_out}
        findings.compare_all(where, fields, asdict(found[_key(row)]))


def _key(row: Row) -> tuple[object, ...]:
    return row.task, row.language, row.metric, row.filter, row.baseline, row.candidate


def _settings(comparison: Comparison, rows: Sequence[Row]) -> Settings:
    """Those that made these rows; which test was asked for is told by those that were made."""
    tests = {row.test for row in rows}
    test: Test = "wilcoxon" if "wilcoxon" in tests else "auto" if "mcnemar" in tests else "permutation"
    interval: IntervalMethod = "percentile" if comparison.interval == "percentile" else "bca"
    corrections: dict[str, Correction] = {"holm": "holm", "bh": "bh", "none": "none"}
    return Settings(
        Method(comparison.alpha, test, interval, comparison.resamples, comparison.seed),
        corrections.get(comparison.correction, "holm"),
        comparison.cluster,
        allow_partial=True,
        metrics=tuple(dict.fromkeys(row.metric for row in rows)) if not is_judged(rows[0]) else (),
    )
