"""`traces.jsonl`: a whole file in order, or none; and what its lines add up to."""

from __future__ import annotations

import dataclasses
import gc
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.errors import ConfigError
from fusion_eval.runs.totals import Totals, Usage, dollars
from fusion_eval.runs.traces import FILE_NAME, TraceFile, read_traces
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace

POOL = Pool(
    Prompt("q"),
    (
        Candidate("a", "m", 0, prompt_tokens=10, completion_tokens=3, cost=0.5, latency=2.0),
        Candidate("b", "m", 1, completion_tokens=4, cost=0.25, latency=2.0),
        Candidate("", "m", 2, error="HTTP 500"),
    ),
)
CALL = Candidate("fused", "f", 0, prompt_tokens=20, completion_tokens=5, latency=1.0)


def trace(number: int = 0, answer: Answer | None = None) -> Trace:
    return Trace("t", number, 0, "fusion", "fr", POOL, answer or Answer("fused", calls=(CALL,)), "fused")


@given(st.permutations(range(6)))
def test_lines_stand_in_the_order_of_the_prompts_however_they_were_finished(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    path = tmp_path_factory.mktemp("traces") / FILE_NAME
    with TraceFile(path) as file:
        for index in order:
            file.add(index, trace(index))
    assert list(read_traces(path)) == [trace(index) for index in range(6)]


def test_a_prompt_that_takes_long_keeps_no_trace_of_the_others_in_memory(tmp_path: Path) -> None:
    with TraceFile(tmp_path / FILE_NAME) as file:
        for index in range(1, 200):
            file.add(index, trace(index))
        gc.collect()
        assert not [held for held in gc.get_objects() if isinstance(held, Trace)]
        file.add(0, trace())
    assert [found.doc_id for found in read_traces(tmp_path / FILE_NAME)] == list(range(200))
    assert [item.name for item in tmp_path.iterdir()] == [FILE_NAME]


def test_there_is_no_file_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / FILE_NAME
    with TraceFile(path) as file:
        file.add(0, trace())
        assert not path.exists()
    assert [item.name for item in path.parent.iterdir()] == [FILE_NAME]


def test_a_run_that_fails_leaves_nothing_behind_and_takes_nothing_away(tmp_path: Path) -> None:
    mine, old = tmp_path / "mine", tmp_path / "old" / FILE_NAME
    mine.mkdir()
    with TraceFile(old) as file:
        file.add(0, trace(7))
    for path in (mine / FILE_NAME, tmp_path / "new" / FILE_NAME, old):
        with pytest.raises(KeyboardInterrupt), TraceFile(path) as file:
            file.add(0, trace())
            raise KeyboardInterrupt
    assert mine.is_dir() and not any(mine.iterdir())
    assert not (tmp_path / "new").exists()
    assert list(read_traces(old)) == [trace(7)]
    assert [item.name for item in old.parent.iterdir()] == [FILE_NAME]


def test_without_a_path_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with TraceFile(None) as file:
        file.add(0, trace())
        assert file.path is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told_with_the_argument(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match=r"Cannot write traces to .*trace_dir="),
        TraceFile(tmp_path / "file" / "x"),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_told_too(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="Cannot write traces"), TraceFile(tmp_path / "new" / FILE_NAME):
        pass


@pytest.mark.parametrize("line", [b"", b"{}", b'{"task": "t"', b"null", b'{"task": "\xff"}', b"\x00"])
def test_a_line_that_is_no_trace_is_told_by_its_number(tmp_path: Path, line: bytes) -> None:
    with TraceFile(tmp_path / FILE_NAME) as file:
        file.add(0, trace())
    with (tmp_path / FILE_NAME).open("ab") as raw:
        raw.write(line + b"\n")
    traces = read_traces(tmp_path / FILE_NAME)
    assert next(traces) == trace()
    with pytest.raises(ConfigError, match=f"{FILE_NAME}, line 2 is not a trace"):
        next(traces)


def test_a_file_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"Cannot read the traces .*{FILE_NAME}: No such file"):
        list(read_traces(tmp_path / FILE_NAME))


def test_totals_count_generations_and_the_time_of_each_request_once() -> None:
    totals = Totals()
    totals.add(trace())
    totals.add(trace(1))
    assert dataclasses.asdict(totals) == {
        "prompts": 2,
        "candidates": 6,
        "failed_candidates": 2,
        "empty_candidates": 0,
        "cut_candidates": 0,
        "unscored_candidates": 0,
        "aggregation_calls": 2,
        "fallbacks": 0,
        "dropped_candidates": 0,
        "departures": {},
        "prompt_tokens": 60,
        "completion_tokens": 24,
        "cost": 1.5,
        "seconds": 6.0,
        "roles": {
            "sampler": {
                "prompt_tokens": 20,
                "completion_tokens": 14,
                "cost": 1.5,
                "unpriced": 0,
                "retries": 0,
            },
            "fusor": {
                "prompt_tokens": 40,
                "completion_tokens": 10,
                "cost": None,
                "unpriced": 2,
                "retries": 0,
            },
        },
    }


def test_a_fallback_is_counted_as_one_and_each_departure_by_its_name() -> None:
    """Elsewhere a fallback counted as a fusion."""
    totals = Totals()
    totals.add(trace(answer=Answer("a", chosen=0, fallback="the fusor refused")))
    totals.add(trace(answer=Answer("x", departures=("unclosed", "truncated"), dropped=2)))
    totals.add(trace(answer=Answer("x", departures=("unclosed",))))
    assert (totals.fallbacks, totals.dropped_candidates) == (1, 2)
    assert totals.departures == {"unclosed": 2, "truncated": 1}


def test_a_pool_that_another_strategy_counted_is_not_counted_again() -> None:
    totals = Totals()
    totals.add_calls(trace())
    assert (totals.prompt_tokens, totals.completion_tokens, totals.candidates) == (20, 5, 0)


def test_where_no_price_is_known_the_cost_is_unknown_and_not_nothing() -> None:
    totals = Totals()
    totals.add_calls(trace())
    assert totals.cost is None


@pytest.mark.parametrize(
    ("strategy", "scores", "role"),
    [
        ("fusion", (), "fusor"),
        ("bon", (7.0, None), "scorer"),
        ("bon", (), "scorer"),  # its judge wrote no rating that can be read
        ("of_a_third_party", (0.5, 0.1), "scorer"),
        ("of_a_third_party", (), "fusor"),
    ],
)
def test_calls_beyond_the_pool_are_the_fusors_or_where_there_are_scores_the_scorers(
    strategy: str, scores: tuple[float | None, ...], role: str
) -> None:
    totals = Totals()
    totals.add(
        dataclasses.replace(trace(answer=Answer("a", scores=scores, calls=(CALL,))), strategy=strategy)
    )
    assert list(totals.roles) == ["sampler", role]
    assert totals.roles[role] == Usage(20, 5, cost=None, unpriced=1)


def test_a_sum_says_that_it_lacks_what_has_no_known_price() -> None:
    usage = Usage()
    usage.add(CALL)
    assert str(usage) == "20 + 5 tokens, no known price"
    usage.add(Candidate("", "m", 0, error="HTTP 500"))  # which nobody has to pay for
    assert usage.unpriced == 1
    usage.add(dataclasses.replace(CALL, cost=0.0125))
    assert str(usage) == "40 + 10 tokens, $0.012500 without those of unknown price"


@pytest.mark.parametrize(
    ("amount", "shown"), [(0.0, "$0.00"), (0.000123, "$0.000123"), (0.5, "$0.500000"), (1234.5, "$1,234.50")]
)
def test_dollars_have_more_digits_below_one(amount: float, shown: str) -> None:
    assert dollars(amount) == shown


def test_a_disk_that_fills_is_one_sentence_and_leaves_no_half_a_file(tmp_path, monkeypatch):
    one = Trace("t", 0, 0, "single", None, Pool(Prompt("q"), ()), Answer("a"), "a")
    path = tmp_path / "traces.jsonl"
    with (
        pytest.raises(
            ConfigError,
            match=r"No space left on device\. What the store holds is kept; name another folder with --output",
        ),
        TraceFile(path) as file,
    ):
        file._file.close()
        file._file = os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb")
        file.add(0, one)
    assert list(tmp_path.iterdir()) == []
