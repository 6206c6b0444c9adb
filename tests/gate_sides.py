"""Sides of a check, made from arrays or from runs, and checks of them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from run_folders import samples, write_run

from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline, MetricValues, TaskValues
from fusion_eval.gate.check import CheckOptions, check
from fusion_eval.gate.result import CheckResult
from fusion_eval.gate.sides import read_side

ACC = {"metric": "acc", "filter": "none", "higher_is_better": True}
"""One metric of a baseline file."""


def side(
    tasks: Mapping[str, npt.ArrayLike],
    *,
    name: str = "side",
    metric: str = "acc",
    clusters: Sequence[int] | None = None,
    higher_is_better: bool = True,
    **fields: Any,
) -> Baseline:
    """Make a side with one metric; `tasks` has a value for each item. Items are independent without `clusters`."""
    parts = []
    for number, (task, values) in enumerate(tasks.items()):
        column = tuple(float(value) for value in np.asarray(values, dtype=float))
        first = number * len(column)
        setup = {
            "family": task,
            "language": None,
            "version": "1.0",
            "fewshot": 0,
            "limit": None,
            "prompts": "same",
        }
        hashes = b"".join(place.to_bytes(5, "big") for place in range(len(column)))
        parts.append(
            TaskValues(
                task=task,
                hash_bytes=5,
                items=base64.b64encode(hashes).decode(),
                clusters=tuple(clusters or range(first, first + len(column))),
                metrics=(MetricValues(metric, "none", higher_is_better, (column,)),),
                **{**setup, **fields},
            )
        )
    return Baseline(name, "2026-01-02T03-04-05", tuple(parts))


def run(folder: Path, values: Sequence[Any], metric: str = "acc", task: str = "quiz", **options: Any) -> Path:
    """Write a run of one task and one metric."""
    return write_run(folder, {task: samples(values, metric)}, **options)


def check_paths(baseline: Path, candidate: Path, **options: Any) -> CheckResult:
    """Check two runs or baseline files; `options` are fields of `CheckOptions`."""
    return check(read_side(baseline), read_side(candidate), CheckOptions(**options))


def error_of_check(baseline: Path, candidate: Path, **options: Any) -> str:
    """Return the message of the error that such a check raises."""
    with pytest.raises(ConfigError) as raised:
        check_paths(baseline, candidate, **options)
    return str(raised.value)


def damaged(**changed: Any) -> bytes:
    """Return a baseline file of three items, with some fields of its only task replaced."""
    task = {
        **{"task": "quiz", "family": "quiz", "language": None, "version": "1", "fewshot": 0, "limit": None},
        **{"prompts": "x", "hash_bytes": 1, "items": "AAEC", "clusters": [0, 1, 1]},
        "metrics": [{**ACC, "columns": [[1, 0, 1]]}],
        **changed,
    }
    content = {"schema_version": 1, "baseline": {"name": "a", "date": "", "tasks": [task]}}
    return gzip.compress(json.dumps(content).encode())
