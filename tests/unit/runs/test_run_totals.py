"""Totals of a run: adding traces one by one, and merging the sums of several processes, give the same."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.runs.totals import RunTotals
from fusion_eval.runs.usage import sum_of_all, sum_of_known
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace

candidates = st.builds(
    Candidate,
    text=st.sampled_from(["", "a"]),
    model=st.sampled_from(["m", "n"]),
    seed=st.just(0),
    finish_reason=st.sampled_from(["stop", "length"]),
    prompt_tokens=st.integers(0, 100),
    completion_tokens=st.integers(0, 100),
    cost=st.sampled_from([None, 0.25, 0.5]),
    latency=st.sampled_from([0.0, 1.0, 2.5]),
    retries=st.integers(0, 3),
    error=st.sampled_from([None, "failed"]),
)
traces = st.builds(
    Trace,
    task=st.sampled_from(["t_fr", "t_ja"]),
    doc_id=st.just(0),
    copy=st.just(0),
    strategy=st.sampled_from(["fusion", "bon"]),
    language=st.none(),
    pool=st.builds(Pool, st.just(Prompt("q")), st.lists(candidates, max_size=3).map(tuple)),
    answer=st.builds(
        Answer,
        text=st.just("a"),
        calls=st.lists(candidates, max_size=2).map(tuple),
        departures=st.sampled_from([(), ("unclosed",)]),
        fallback=st.sampled_from([None, "refused"]),
    ),
    final=st.just("a"),
)


def add_up(listed: list[Trace]) -> RunTotals:
    totals = RunTotals()
    for trace in listed:
        totals.add(trace)
    return totals


@given(st.lists(traces, max_size=6), st.integers(0, 6))
def test_merging_two_parts_of_a_run_gives_the_totals_of_the_whole(listed: list[Trace], cut: int) -> None:
    # given a run that two processes shared
    first, second = add_up(listed[:cut]), add_up(listed[cut:])

    first.merge(second)

    assert asdict(first) == asdict(add_up(listed))


def test_costs_without_the_unknown_ones_are_unknown_only_where_none_is_known() -> None:
    assert sum_of_known([None, 0.5, None, 0.25]) == 0.75
    assert sum_of_known([None]) is sum_of_known([]) is None


def test_the_sum_of_all_costs_is_unknown_as_soon_as_one_is() -> None:
    assert sum_of_all([0.5, 0.25]) == 0.75
    assert sum_of_all([0.5, None]) is None
    assert sum_of_all([]) == 0.0


def test_a_task_counts_its_calls_apart_from_its_pool() -> None:
    sampled = Candidate("a", "m", 0, prompt_tokens=10, completion_tokens=3)
    fused = Candidate("f", "m", 0, prompt_tokens=20, completion_tokens=5, cost=0.5)
    trace = Trace("t", 0, 0, "fusion", None, Pool(Prompt("q"), (sampled,)), Answer("f", calls=(fused,)), "f")

    totals = add_up([trace])

    assert totals.tasks["t"].prompt_tokens == 30
    assert totals.calls["t"].prompt_tokens == 20
    assert totals.calls["t"].prompts == 0
    assert totals.overall.cost == pytest.approx(0.5)
