"""Check a candidate against a baseline: the whole of `fusion-eval check` as one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from fusion_eval.argument_values import check_choice, check_number
from fusion_eval.comparison.options import ALPHA_RANGE, AUTO
from fusion_eval.comparison.rows import pair_runs
from fusion_eval.comparison.units import ALL, Unit, units
from fusion_eval.errors import ConfigError, nearest
from fusion_eval.gate.baseline import Baseline
from fusion_eval.gate.baseline_file import is_baseline_file
from fusion_eval.gate.checked_rows import CheckedRow, CheckedRun, CheckVerdict, UncheckedMetric
from fusion_eval.gate.margins import DEFAULT, Margins, margins_of
from fusion_eval.gate.pairing import paired_cells
from fusion_eval.gate.result import (
    EXIT_CODES,
    SCHEMA_VERSION,
    CheckResult,
    Inconclusive,
    Unchecked,
)
from fusion_eval.gate.rows import check_unit, decide_rows
from fusion_eval.gate.scales import scales_of
from fusion_eval.gate.sides import read_side
from fusion_eval.gate.unchecked import reported_metrics, unchecked_metrics
from fusion_eval.runs.metric_facts import is_logarithmic


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How to check. The defaults are those of `fusion-eval check`.

    Raises:
        ConfigError: A value is none of the choices, or out of range.
    """

    margins: Margins = field(default_factory=Margins)
    alpha: float = 0.05
    inconclusive: Inconclusive = "tell"
    metrics: tuple[str, ...] = ()
    """The metrics to check. Empty means every metric that can be compared."""
    overall: bool = False
    """Whether to drop the rows of single languages if there is a row over all languages."""
    allow_partial: bool = False
    """Check what both sides have, and add a note, instead of raising an error."""
    unchecked: Unchecked = "tell"
    """What a metric counts as that got worse and cannot be tested."""

    def __post_init__(self) -> None:
        """Check the choices and the level. Margins and metrics are checked against the runs."""
        check_number("alpha", self.alpha, *ALPHA_RANGE)
        check_choice("inconclusive", self.inconclusive, get_args(Inconclusive))
        check_choice("unchecked", self.unchecked, get_args(Unchecked))


def check_runs(
    baseline: str | Path,
    candidate: str | Path,
    *,
    margin: float | str | Path | Mapping[str, float] = DEFAULT,
    alpha: float = 0.05,
    metrics: str | Sequence[str] = (),
    overall: bool = False,
    cluster: str = AUTO,
    allow_partial: bool = False,
    inconclusive: Inconclusive = "tell",
    unchecked: Unchecked = "tell",
) -> CheckResult:
    """Check whether a candidate is worse than a baseline by more than a margin.

    What the two verdicts promise is described at `check`.

    Args:
        baseline: A baseline file, or the folder or sample file of a run.
        candidate: A run, or a baseline file.
        margin: The largest loss to tolerate: a share of each metric's range (0.01 is one point), a mapping from metrics
            to margins in their own units, or a YAML file of such a mapping. The key `default` is a share of the range.
        alpha: The level of the tests.
        metrics: The metrics to check. Empty means every metric that can be compared.
        overall: Drop the rows of single languages if there is a row over all languages.
        cluster: A field of the documents whose equal values mark dependent items, `auto`, or `none`.
        allow_partial: Check what both sides have, and add a note, instead of raising an error.
        inconclusive: What too few items count as: `pass`, `fail`, or neither (`tell`).
        unchecked: What metrics count as that cannot be tested and got worse by the margin: `fail`, `warn` (the last line
            says it), or neither (`tell`), which is inconclusive.

    Returns:
        The result: `outcome` is `no regression`, `regression` or `inconclusive`, and `print(result)` shows the table.

    Raises:
        ConfigError: An option cannot be used, a side cannot be read, or the two cannot be compared.
    """
    if cluster != AUTO and is_baseline_file(Path(baseline)):
        raise ConfigError(
            f"cluster={cluster!r} has no effect on {baseline}, which holds its own clusters; "
            "give it to fusion-eval baseline"
        )
    options = CheckOptions(
        margins=margins_of(margin),
        alpha=alpha,
        inconclusive=inconclusive,
        metrics=(metrics,) if isinstance(metrics, str) else tuple(metrics),
        overall=overall,
        allow_partial=allow_partial,
        unchecked=unchecked,
    )
    sides = [read_side(Path(path), cluster, allow_partial) for path in (baseline, candidate)]
    return check(sides[0], sides[1], options)


def check(baseline: Baseline, candidate: Baseline, options: CheckOptions | None = None) -> CheckResult:
    """Check whether the candidate is worse than the baseline by more than the margin, in any row.

    A row is a regression if its loss is larger than the margin at level alpha, adjusted over all rows by Holm's method.
    The check passes if every row shows that its loss is smaller than the margin, each at level alpha.

    **False alarms:** if nothing got worse, the check fails with probability of at most about alpha, over all rows.

    **Misses:** a changed row that truly lost the margin passes with probability of at most about alpha. All rows have to
    pass, so this needs no adjustment (Berger 1982).

    A metric that no test can check is listed as unchecked. If the results files show that it lost the margin or more,
    the check is inconclusive, or what the option `unchecked` says. With `unchecked`, so is a metric that only the
    candidate has no value of; without it, that is an error.

    A row of which no item changed passes without a test. Its answers are the same, as they are when a store is
    replayed. That does not tell what new answers would be.

    Raises:
        ConfigError: The two cannot be compared (see `paired_cells`), or an option names an unknown metric.
    """
    options = options or CheckOptions()
    _check_metrics(baseline, options)
    cells, notes = paired_cells(
        baseline,
        candidate,
        options.metrics,
        options.allow_partial,
        checked_otherwise=reported_metrics(baseline, candidate, lost=options.unchecked != "tell"),
    )
    unchecked = unchecked_metrics(
        baseline, candidate, cells, options.metrics, options.margins, options.allow_partial
    )
    if not cells and not any(one.worse for one in unchecked):
        raise ConfigError(_nothing_to_check(baseline, candidate, options.metrics, notes))
    all_units, unit_notes = units(cells)
    rows = _rows(_overall(all_units) if options.overall else all_units, scales_of(baseline), options)
    verdicts = (
        _worst_verdict([row.verdict for row in rows]),
        _unchecked_verdict(unchecked, options.unchecked),
    )
    return CheckResult(
        schema_version=SCHEMA_VERSION,
        verdict=_worst_verdict(verdicts),
        exit_code=_exit_code(*verdicts, options.inconclusive),
        alpha=options.alpha,
        inconclusive=options.inconclusive,
        baseline=_described(baseline),
        candidate=_described(candidate),
        rows=tuple(rows),
        notes=tuple(dict.fromkeys((*baseline.notes, *candidate.notes, *notes, *unit_notes))),
        on_unchecked=options.unchecked,
        unchecked=unchecked,
    )


def _nothing_to_check(
    baseline: Baseline, candidate: Baseline, metrics: Sequence[str], notes: Sequence[str]
) -> str:
    message = f"{baseline.name} and {candidate.name} have nothing to check"
    if metrics:
        message += f" by {', '.join(metrics)}, whose values no items of both show"
    return ". ".join((message, *notes))


def _check_metrics(baseline: Baseline, options: CheckOptions) -> None:
    known = {values.metric for task in baseline.tasks for values in task.metrics}
    known |= {one.metric for one in baseline.reported}
    filters = {filtered for _, filtered in baseline.filtered_metrics()}
    for name in options.metrics:
        if name not in known | filters:
            raise ConfigError(
                f"metrics={name}: the baseline has no such metric.{nearest(name, known | filters - {'none'})} It has {', '.join(sorted(known))}"
            )
    options.margins.check(known)


def _rows(
    checked_units: Sequence[Unit], scales: Mapping[str, float | None], options: CheckOptions
) -> list[CheckedRow]:
    rows = []
    for unit in checked_units:
        metric = unit.cells[0].metric
        scale = scales[metric]
        if scale is None and is_logarithmic(metric):
            margin = options.margins.relative(metric, pair_runs(unit, 0, 1).baseline_value)
        else:
            margin = options.margins.of(metric, scale)
        rows.append(check_unit(unit, margin, scale, options.alpha, len(checked_units)))
    return decide_rows(rows, options.alpha)


def _overall(all_units: Sequence[Unit]) -> list[Unit]:
    """Drop the units of single tasks that are part of a unit over their languages."""
    covered = {cell.task for unit in all_units if unit.several and unit.task != ALL for cell in unit.cells}
    return [unit for unit in all_units if unit.several or unit.task not in covered]


def _worst_verdict(verdicts: Sequence[CheckVerdict]) -> CheckVerdict:
    if "regression" in verdicts:
        return "regression"
    return "inconclusive" if "inconclusive" in verdicts else "pass"


def _unchecked_verdict(unchecked: Sequence[UncheckedMetric], option: Unchecked) -> CheckVerdict:
    if option == "warn" or not any(one.worse for one in unchecked):
        return "pass"
    return "regression" if option == "fail" else "inconclusive"


def _exit_code(of_rows: CheckVerdict, of_unchecked: CheckVerdict, inconclusive: Inconclusive) -> int:
    if of_rows == "inconclusive" and inconclusive != "tell":
        of_rows = "pass" if inconclusive == "pass" else "regression"
    return EXIT_CODES[_worst_verdict((of_rows, of_unchecked))]


def _described(side: Baseline) -> CheckedRun:
    return CheckedRun(side.name, side.date, side.model, side.signature)
