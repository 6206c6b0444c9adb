"""Sides of a check from arrays of numbers: what tests of the gate compare."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fusion_eval.gate.baseline import Baseline, MetricValues, TaskValues


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
