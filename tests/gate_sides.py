"""Sides of a check, from arrays of numbers or as runs, and checks of them: what tests of the gate share."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from run_folders import samples, write_run

from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline, MetricValues, TaskValues
from fusion_eval.gate.check import CheckSettings, check, read_side
from fusion_eval.gate.result import Checked


def side(
    tasks: Mapping[str, npt.ArrayLike],
    *,
    name: str = "side",
    metric: str = "acc",
    clusters: Sequence[int] | None = None,
    higher_is_better: bool = True,
    **changed: Any,
) -> Baseline:
    """A value per item and task, all of one metric; items of one place in two tasks are the same cluster only by `clusters`."""
    made = []
    for number, (task, given) in enumerate(tasks.items()):
        values = [float(value) for value in np.asarray(given, dtype=float)]
        first = number * len(values)
        setup = {
            "family": task,
            "language": None,
            "version": "1.0",
            "fewshot": 0,
            "limit": None,
            "prompts": "same",
        }
        made.append(
            TaskValues(
                task=task,
                hash_bytes=5,
                items=base64.b64encode(
                    b"".join(place.to_bytes(5, "big") for place in range(len(values)))
                ).decode(),
                clusters=tuple(clusters or range(first, first + len(values))),
                metrics=(MetricValues(metric, "none", higher_is_better, (tuple(values),)),),
                **{**setup, **changed},
            )
        )
    return Baseline(name, "2026-01-02T03-04-05", tuple(made))


def run(folder: Path, values: Sequence[Any], metric: str = "acc", task: str = "quiz", **options: Any) -> Path:
    """A run of one task and one metric."""
    return write_run(folder, {task: samples(values, metric)}, **options)


def checked(one: Path, other: Path, **settings: Any) -> Checked:
    """Two runs, or baseline files."""
    return check(read_side(one), read_side(other), CheckSettings(**settings))


def refused(one: Path, other: Path, **settings: Any) -> str:
    """The sentence by which two are not checked."""
    with pytest.raises(ConfigError) as raised:
        checked(one, other, **settings)
    return str(raised.value)
