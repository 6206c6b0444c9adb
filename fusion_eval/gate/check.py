"""Baseline and candidate → rows with a verdict each: the whole of `fusion-eval check` as one function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fusion_eval.compare.metrics import corpus_name
from fusion_eval.compare.options import AUTO
from fusion_eval.compare.units import ALL, Unit, units
from fusion_eval.errors import ConfigError, nearest
from fusion_eval.gate.baseline import Baseline, baseline_of
from fusion_eval.gate.baseline_file import is_baseline_file, read_baseline, write_baseline
from fusion_eval.gate.margins import Margins
from fusion_eval.gate.pairing import paired_cells
from fusion_eval.gate.result import (
    EXIT_CODES,
    SCHEMA_VERSION,
    Checked,
    CheckedRow,
    CheckedRun,
    Inconclusive,
    Verdict,
)
from fusion_eval.gate.rows import decided, row_of
from fusion_eval.runs.metric_facts import is_unbounded
from fusion_eval.runs.reading import read_runs
from fusion_eval.types import without_surrogates

_SURELY_PERCENT = 50


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """How to check; `metrics` are names of the metrics wanted, all where there is none."""

    margins: Margins = field(default_factory=Margins)
    alpha: float = 0.05
    inconclusive: Inconclusive = "tell"
    metrics: tuple[str, ...] = ()
    overall: bool = False
    """Only rows over all languages where a task has sisters in others."""
    allow_partial: bool = False


def read_side(path: Path, cluster: str = AUTO, allow_partial: bool = False) -> Baseline:
    """A baseline file, or a run, under its path as it was given; lines of a run that cannot be read fall out with `allow_partial`.

    Raises `ConfigError` for what is neither.
    """
    if path.suffix == ".gz" and not path.exists():
        siblings = [str(path.with_name(other.name)) for other in sorted(path.parent.glob("*.gz"))]
        raise ConfigError(
            f"There is no baseline {path}.{nearest(str(path), siblings)} fusion-eval baseline RUN -o {path} makes it"
        )
    found = (
        read_baseline(path)
        if is_baseline_file(path)
        else baseline_of(read_runs([path], allow_partial)[0], cluster)
    )
    return replace(found, name=without_surrogates(str(path)))


def check(baseline: Baseline, candidate: Baseline, settings: CheckSettings | None = None) -> Checked:
    """Is the candidate worse than the baseline by more than the margin, anywhere?

    A regression is shown where some row's loss exceeds its margin at level alpha, by Holm over all rows: without any,
    the chance of an alarm is about alpha at most. All is well only where every row shows that it is not worse by the margin,
    each at level alpha: a loss of the margin or more in a row that changed then passes with a chance of about alpha, without a
    correction (Berger 1982). A row of which no item changed passes as well. That is no test: it says that the answers are the same, as they
    are when a store is replayed, and not what new answers would be.
    Raises `ConfigError` where the two cannot be compared, see `paired_cells`.
    """
    settings = settings or CheckSettings()
    known = {values.metric for task in baseline.tasks for values in task.metrics}
    for name in settings.metrics:
        if name not in known:
            raise ConfigError(
                f"--metrics {name}: the baseline has no such metric.{nearest(name, known)} It has {', '.join(sorted(known))}"
            )
    settings.margins.check(known)
    cells, notes = paired_cells(baseline, candidate, settings.metrics, settings.allow_partial)
    if not cells:
        raise ConfigError(f"{baseline.name} and {candidate.name} have nothing to check. " + ". ".join(notes))
    scales = _scales(baseline)
    found, apart = units(cells)
    wanted = _overall(found) if settings.overall else found
    rows = []
    for unit in wanted:
        scale = scales[unit.cells[0].metric]
        margin = settings.margins.of(unit.cells[0].metric, scale)
        rows.append(row_of(unit, margin, scale, settings.alpha, len(wanted)))
    rows = decided(rows, settings.alpha)
    verdict = _verdict(rows)
    return Checked(
        schema_version=SCHEMA_VERSION,
        verdict=verdict,
        exit_code=_exit_code(verdict, settings.inconclusive),
        alpha=settings.alpha,
        inconclusive=settings.inconclusive,
        baseline=_named(baseline),
        candidate=_named(candidate),
        rows=tuple(rows),
        notes=(*dict.fromkeys((*baseline.notes, *candidate.notes, *notes, *apart)),),
    )


def _scales(baseline: Baseline) -> Mapping[str, float | None]:
    """The range of each metric, 1 or 100, where its name or the baseline's values over all tasks leave no doubt."""
    values: dict[str, list[float]] = defaultdict(list)
    for found in (found for task in baseline.tasks for found in task.metrics):
        column = [0.0, 100.0] if found.corpus else [value for value in found.columns[0] if value is not None]
        values[found.metric] += column
    return {metric: _scale(metric, found) for metric, found in values.items()}


def _scale(metric: str, baseline: Sequence[float]) -> float | None:
    lowest, highest = min(baseline, default=0.0), max(baseline, default=0.0)
    if lowest < 0 or highest > 100 or is_unbounded(metric):
        return None
    if corpus_name(metric) or highest > _SURELY_PERCENT:
        return 100.0
    return 1.0 if highest <= 1 else None  # ratings end at 5 or at 10


def _overall(found: Sequence[Unit]) -> list[Unit]:
    """Without the rows of single tasks that stand in a row over their languages."""
    inside = {cell.task for unit in found if unit.several and unit.task != ALL for cell in unit.cells}
    return [unit for unit in found if unit.several or unit.task not in inside]


def _verdict(rows: Sequence[CheckedRow]) -> Verdict:
    verdicts = {row.verdict for row in rows}
    return (
        "regression" if "regression" in verdicts else "inconclusive" if "inconclusive" in verdicts else "pass"
    )


def _exit_code(verdict: Verdict, inconclusive: Inconclusive) -> int:
    if verdict == "inconclusive" and inconclusive != "tell":
        return EXIT_CODES["pass" if inconclusive == "pass" else "regression"]
    return EXIT_CODES[verdict]


def _named(side: Baseline) -> CheckedRun:
    return CheckedRun(side.name, side.date, side.model, side.signature)


def updated(baseline: Path, candidate: Baseline) -> Path:
    """Where `--update-baseline` writes. Raises `ConfigError` where the baseline is a run, which is not ours to replace."""
    if baseline.exists() and not is_baseline_file(baseline):
        raise ConfigError(
            f"--update_baseline rewrites a baseline file, and {baseline} is none; make one with fusion-eval baseline RUN -o FILE"
        )
    return write_baseline(replace(candidate, name=Path(candidate.name).name), baseline)
