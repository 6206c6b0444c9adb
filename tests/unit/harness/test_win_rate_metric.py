"""The metric `win_rate`."""

from __future__ import annotations

import json
import math

import pytest

from fusion_eval.harness.win_rate_metric import win_rate


@pytest.mark.parametrize(
    ("prediction", "score"),
    [
        ("win", 1.0),
        ("tie", 0.5),
        ("loss", 0.0),
        (["win", "tie", "invalid"], 0.75),
        (["loss", "win", "win", "win"], 0.75),
        ("invalid", None),
        (["invalid", "invalid"], None),
        ([], None),
        ("I win", None),
        (None, None),
    ],
)
def test_verdicts_score_1_one_half_or_0_and_anything_else_is_missing(prediction, score):
    value = win_rate(references=["any"], predictions=[prediction])
    assert math.isnan(value) if score is None else value == score
    assert json.loads(json.dumps(value)) == pytest.approx(value, nan_ok=True)
