"""The outcome of a run: the harness's scores, with the tokens and time of their generations."""

from __future__ import annotations

from typing import Any

from fusion_eval.report.outcome import outcome_of
from fusion_eval.runs.totals import RunTotals
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace


def trace(task: str, strategy: str, *calls: Candidate) -> Trace:
    """Return a trace with two candidates of one request."""
    candidates = (
        Candidate("a", "m", 0, prompt_tokens=10, completion_tokens=3, latency=2.0),
        Candidate("b", "m", 1, completion_tokens=4, latency=2.0),
    )
    return Trace(task, 0, 0, strategy, None, Pool(Prompt("q"), candidates), Answer("a", calls=calls), "a")


def results(value: float, **sections: Any) -> dict[str, Any]:
    """Return a results file of two tasks and their group, all with this score."""
    tasks = {
        name: {"alias": name, "score,none": value, "score_stderr,none": 1.0} for name in ("t_fr", "t_ja")
    }
    group = {"score,none": value, "score_stderr,none": "N/A"}
    return {
        "results": tasks | {"t": group},
        "groups": {"t": group},
        "group_subtasks": {"t": ["t_fr", "t_ja"]},
        "configs": {name: {"metadata": {"language": name[2:]}} for name in tasks},
    } | sections


def totals(*traces: Trace) -> RunTotals:
    """Return what these traces add up to."""
    added = RunTotals()
    for one in traces:
        added.add(one)
    return added


def test_rows_are_the_languages_and_their_group_and_the_shared_pool_counts_once() -> None:
    # given two strategies on one pool, of which one makes another call
    fused = Candidate("f", "m", 0, prompt_tokens=20, completion_tokens=5, latency=1.0)
    single = totals(trace("t_fr", "single"), trace("t_ja", "single"))
    fusion = totals(trace("t_fr", "fusion", fused), trace("t_ja", "fusion", fused))
    # when
    outcome = outcome_of(
        {"single": results(40.0), "fusion": results(50.0)}, {"single": single, "fusion": fusion}
    )
    # then
    assert [row.label for row in outcome.rows] == ["fr", "ja", "all"]
    assert outcome.metric == "score"
    assert [(row.tokens, row.seconds) for row in outcome.rows] == [(42, 3.0), (42, 3.0), (84, 6.0)]
    assert outcome.rows[0].scores["fusion"].value == 50.0
    assert outcome.rows[0].scores["single"].stderr == 1.0
    assert outcome.rows[2].scores["single"].stderr is None
    assert outcome.totals["fusion"].aggregation_calls == 2


def test_a_task_without_a_number_has_no_row() -> None:
    # given
    empty = results(1.0, results={"t_fr": {"alias": "t_fr"}, "t_ja": {"alias": "t_ja"}}, groups={})
    # when, then
    assert outcome_of({"single": empty}, {"single": totals(trace("t_fr", "single"))}).rows == ()
