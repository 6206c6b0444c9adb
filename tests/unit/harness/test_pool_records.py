"""Runs and traces that cannot be analyzed are refused in one sentence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

import fusion_eval as fe
from fusion_eval.errors import ConfigError
from fusion_eval.harness import pool_records
from fusion_eval.types import Answer, Candidate, Pool, Trace


def test_an_analysis_without_runs_is_refused() -> None:
    # given no run, when it is analyzed, then one sentence says what is missing
    with pytest.raises(ConfigError, match="needs a run"):
        fe.analyze()


@pytest.mark.parametrize("chosen", [1, -1])
def test_a_choice_outside_the_pool_is_refused(chosen: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a trace with one candidate, whose answer is another one
    pool = Pool(cast(Any, None), (Candidate("a", "m", 0),))
    trace = Trace("t", 0, 0, "bon", None, pool, Answer("a", chosen=chosen), "a")
    monkeypatch.setattr(pool_records, "read_traces", lambda path, on_broken, hint: [trace])

    # when the traces are read, then one sentence names file and document
    with pytest.raises(ConfigError, match=r"traces.jsonl: document 0 of t chooses candidate"):
        list(pool_records.traces_of(cast(Any, SimpleNamespace(traces=["traces.jsonl"], partial=False))))
