"""Rows that come in the order in which they were written are read before anybody asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.models.store import read_ahead
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def keys(numbers: Sequence[int]) -> list[bytes]:
    return [key(number) for number in numbers]


def store_of(rows: int) -> Store:
    """Return a store in memory whose row i has the key i."""
    store = Store(None)
    store.keep({key(i): Candidate(str(i), "m", i) for i in range(rows)})
    return store


class Statements:
    """Count the statements that a store runs, and the rows that they return."""

    def __init__(self, store: Store) -> None:
        self.of_keys = self.all = self.rows = 0
        self._run = store._rows._run
        store._rows._run = self

    def __call__(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        self.all += 1
        self.of_keys += "key IN" in statement
        rows = self._run(statement, values)
        self.rows += len(rows)
        return rows


@given(st.lists(st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True), max_size=12))
def test_any_keys_in_any_order_have_their_own_candidates(calls: list[list[int]]) -> None:
    # given
    store = store_of(50)
    for numbers in calls:
        # when
        ready = store.candidates_read_ahead(keys(numbers))
        found = store.candidates(keys(numbers))
        # then
        assert found == {key(i): Candidate(str(i), "m", i) for i in numbers if i < 50}
        assert ready in (None, [Candidate(str(i), "m", i) for i in numbers])


def test_keys_in_the_order_of_writing_are_looked_up_once() -> None:
    # given
    store = store_of(1_000)
    statements = Statements(store)
    # when
    for start in range(0, 1_000, 5):
        if store.candidates_read_ahead(keys(range(start, start + 5))) is None:
            assert len(store.candidates(keys(range(start, start + 5)))) == 5
    # then
    assert statements.of_keys == 1
    assert statements.all <= 1 + 2 * 7  # each portion is twice the one before, and takes two statements


def test_rows_that_were_written_late_do_not_end_the_reading_ahead() -> None:
    # given a run in which every 50th pool had a slow candidate, which was written at the end
    store, order = Store(None), [i for i in range(1_000) if i % 50]
    for i in [*order, *range(0, 1_000, 50)]:
        store.keep({key(i): Candidate(str(i), "m", i)})
    statements = Statements(store)
    # when
    for start in range(0, 1_000, 10):
        assert len(store.candidates(keys(range(start, start + 10)))) == 10
    # then
    assert statements.of_keys <= 21


def test_pools_that_each_need_one_more_candidate_read_each_row_about_once() -> None:
    # given a run that asks for one candidate more than the store has for each prompt
    store = store_of(20_000)
    statements = Statements(store)
    # when
    for start in range(0, 20_000, 50):
        assert len(store.candidates(keys([*range(start, start + 50), 10**6 + start]))) == 50
    # then
    assert statements.rows < 1.1 * 20_000


def test_keys_in_another_order_are_looked_up_and_nothing_is_read_ahead() -> None:
    # given
    store = store_of(1_000)
    statements = Statements(store)
    # when
    for start in range(0, 100, 2):
        assert len(store.candidates(keys([start, 999 - start]))) == 2
    # then
    assert statements.all == statements.of_keys == 50


def test_rows_that_nobody_asks_for_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(read_ahead, "_MOST_KEPT", 20)
    store = store_of(1_000)
    # when every second row is asked for
    for start in range(0, 1_000, 4):
        assert len(store.candidates(keys([start, start + 2]))) == 2
        # then
        assert len(store._rows._ahead) <= 20


def test_rows_written_after_the_end_was_read_are_found() -> None:
    # given a reader that has reached the end
    store = store_of(20)
    for start in range(0, 20, 5):
        store.candidates(keys(range(start, start + 5)))
    assert store.candidates(keys(range(20, 25))) == {}
    # when another process writes
    store.keep({key(i): Candidate(str(i), "m", i) for i in range(20, 25)})
    # then
    assert len(store.candidates(keys(range(20, 25)))) == 5
