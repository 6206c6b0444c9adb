"""Every strategy on the embedded model's own answers in eleven languages, replayed from a committed store."""

from __future__ import annotations

import pytest
from every_language import CALLS, LANGUAGES, STORE, answer_all

from fusion_eval.runs.totals import Totals
from fusion_eval.runs.traces import read_traces
from fusion_eval.strategies.plugins import STRATEGIES, names
from fusion_eval.text.specs import spec_name
from fusion_eval.types import Trace

MOST_BYTES = 300_000
CHOOSING = {
    "single", "random", "longest", "bon", "mbr", "majority", "weighted_majority", "usc", "genselect", "pairrank", "chops",
}  # fmt: skip
"""Strategies whose answer is always a candidate."""


def test_no_strategy_is_left_out_and_the_store_is_small() -> None:
    assert {spec_name(strategy) for strategy in CALLS} == set(names(STRATEGIES))
    assert STORE.stat().st_size < MOST_BYTES


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Trace]]:
    """Replay the run that `every_language.py` made, without a model; return the traces of each strategy."""
    output, before = tmp_path_factory.mktemp("replayed"), STORE.read_bytes()
    answer_all(output)
    assert STORE.read_bytes() == before and not list(STORE.parent.glob("store.sqlite-*"))
    found = [list(read_traces(path)) for path in output.glob("*/traces.jsonl")]
    return {some[0].strategy: some for some in found}


def test_every_strategy_answers_in_every_language(traces: dict[str, list[Trace]]) -> None:
    assert set(traces) == set(CALLS)
    for some in traces.values():
        assert sorted(trace.language or "" for trace in some) == sorted(2 * LANGUAGES)


@pytest.mark.parametrize("strategy", CALLS)
def test_no_answer_is_made_up(traces: dict[str, list[Trace]], strategy: str) -> None:
    for trace in traces[strategy]:
        answer, pool = trace.answer, trace.pool
        if answer.chosen is not None:
            assert answer.text == pool.usable[answer.chosen].text
        else:  # what the model wrote, after the candidates
            assert spec_name(strategy) not in CHOOSING
            assert any(answer.text.strip() in call.text for call in answer.calls)
        if answer.fallback:
            assert answer.chosen is not None or spec_name(strategy) == "council"


@pytest.mark.parametrize(("strategy", "calls"), CALLS.items())
def test_a_strategy_makes_as_many_calls_as_it_says(
    traces: dict[str, list[Trace]], strategy: str, calls: tuple[int, int]
) -> None:
    fewest, most = calls
    for trace in traces[strategy]:
        assert fewest <= len(trace.answer.calls) <= most
        if (
            len(trace.answer.calls) < most
            and trace.answer.fallback is None
            and spec_name(strategy) != "route"
        ):
            texts = {candidate.text.strip() for candidate in trace.pool.usable}
            kept = spec_name(strategy) == "refine" and trace.answer.chosen is not None
            assert len(texts) == 1 or kept  # there was nothing to ask about


def test_every_fallback_is_counted_and_strategies_that_ask_nobody_have_none(
    traces: dict[str, list[Trace]],
) -> None:
    for strategy, some in traces.items():
        totals = Totals()
        for trace in some:
            totals.add(trace)
        assert totals.fallbacks == sum(trace.answer.fallback is not None for trace in some)
        assert totals.fallbacks == 0 or CALLS[strategy][1] > 0
