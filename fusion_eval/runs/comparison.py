"""What a comparison came to: the rows of `comparison.json`, from which every view is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.runs.judging_summary import Judging

FILE_NAME = "comparison.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run that was compared; `signature` says how ours was made."""

    name: str
    path: str
    model: str | None = None
    date: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one task (or, where `language` is `all`, over tasks), candidate against baseline.

    Values and `delta` (candidate - baseline) are in the metric's own units. Wins are the candidate's, in the direction
    in which the metric is better. None: this sample cannot say.
    """

    task: str
    language: str | None
    metric: str
    filter: str
    n: int
    clusters: int
    baseline: str
    candidate: str
    baseline_value: float
    candidate_value: float
    delta: float
    ci_low: float | None
    ci_high: float | None
    ci_method: str | None
    """`bca` or `percentile`: BCa is not always defined."""
    test: str
    p_value: float
    p_adjusted: float
    significant: bool
    wins: int
    ties: int
    losses: int
    win_rate: float
    win_rate_low: float
    win_rate_high: float
    win_p_value: float
    """Of the sign test: wins against losses."""
    higher_is_better: bool
    standard_error: float | None = None
    minimal_detectable_effect: float | None = None
    """The true delta that a sample this size finds with a power of 80%."""
    items_needed: int | None = None
    """Items that the observed delta would need to be found with that power."""
    signature: str | None = None
    """sacrebleu's, of a corpus metric."""
    note: str | None = None
    invalid: float | None = None
    """Of a judge's row: the share of pairs without a verdict."""
    position_consistency: float | None = None
    """Likewise: the share of pairs in which both orders name the same answer."""


@dataclass(frozen=True, slots=True)
class RankedRun:
    """A run's place among several; runs that share a letter in `groups` cannot be told apart."""

    task: str
    language: str | None
    metric: str
    filter: str
    run: str
    value: float
    rank: int
    groups: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Rows with what they were made by. `created` is the newest run's date, so that the same runs give the same bytes."""

    schema_version: int
    alpha: float
    correction: str
    interval: str
    resamples: int
    seed: int
    cluster: str
    baseline: str
    created: str
    runs: tuple[ComparedRun, ...]
    rows: tuple[Row, ...]
    ranks: tuple[RankedRun, ...] = ()
    notes: tuple[str, ...] = ()
    judging: Judging | None = None
    by_judge: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    """Each judge's own rows, where several judged."""
    test: str = "auto"
    """The one that was asked for; a row names the one that it was tested by."""


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """`comparison.json` in `folder`, which is made where it is not there yet."""
    path = folder / FILE_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(to_json(comparison))
    except OSError as error:
        raise ConfigError(
            f"Cannot write {path}: {error.strerror}; name another folder with --output"
        ) from error
    return path


def read_comparison(path: Path) -> Comparison:
    """The inverse of `write_comparison`; raises `ConfigError` for anything else."""
    try:
        comparison = msgspec.json.decode(path.read_bytes(), type=Comparison)
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a comparison that `fusion-eval compare` wrote: {error}") from error
    if comparison.schema_version != SCHEMA_VERSION:
        raise ConfigError(
            f"{path} has schema_version {comparison.schema_version}, and this version reads {SCHEMA_VERSION}; compare again"
        )
    return comparison


def to_json(comparison: Comparison) -> bytes:
    """Indented, with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=2) + b"\n"
