"""Keep the scored candidates of runs beside their traces, so that a second analysis scores nothing."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fusion_eval import __version__
from fusion_eval.analysis.parquet import notes_of, read_pools, write_pools
from fusion_eval.analysis.pools import ScoredPools
from fusion_eval.comparison.options import AUTO
from fusion_eval.errors import ConfigError
from fusion_eval.harness.scored_pools import score_pools
from fusion_eval.runs.reading import Run

_FORM = "2"
"""Changes when the files change their form."""
_METRIC_PACKAGES = ("sacrebleu", "rouge-score", "evaluate", "scikit-learn", "nltk", "unbabel-comet")
"""Packages that tasks of the harness score with: another version may give other scores."""


def stored_pools(
    runs: Sequence[Run],
    metrics: Sequence[str] = (),
    cluster: str = AUTO,
    include_path: Path | None = None,
    *,
    allow_partial: bool = False,
) -> tuple[list[ScoredPools], list[str]]:
    """Score the pools of runs as `score_pools` does, or read what an earlier analysis of the same files has scored.

    The scores are kept beside the traces of the first run, unless that folder cannot be written to.
    """
    fingerprint = _fingerprint(runs, (*metrics, cluster, str(allow_partial)), include_path)
    home = runs[0].traces[0].parent if runs[0].traces else None
    if home and (notes := notes_of(home, fingerprint)) is not None:
        with contextlib.suppress(ConfigError):  # a damaged file is written anew
            return read_pools(home), notes
    pools, notes = score_pools(runs, metrics, cluster, include_path, allow_partial=allow_partial)
    if home:
        with contextlib.suppress(ConfigError):
            write_pools(pools, home, fingerprint, notes)
    return pools, notes


def _fingerprint(runs: Sequence[Run], arguments: Sequence[str], include_path: Path | None) -> str:
    """Return a hash of what decides the scores: the runs' files, the arguments, and the versions of the code."""
    parts = [_FORM, __version__, version("lm_eval"), *map(_version, _METRIC_PACKAGES), *arguments]
    for run in runs:
        parts += [run.name, str(run.signature), *map(_state, _files(run))]
    if include_path and include_path.is_dir():
        files = [path for path in include_path.rglob("*") if path.suffix in (".yaml", ".yml", ".py")]
        parts += [str(include_path), *map(_state, sorted(files))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _files(run: Run) -> Iterator[Path]:
    yield from run.traces
    for file in run.files.samples:
        yield from filter(None, (file.path, file.results))


def _state(path: Path) -> str:
    state = path.stat()
    return f"{path.name} {state.st_size} {state.st_mtime_ns}"
