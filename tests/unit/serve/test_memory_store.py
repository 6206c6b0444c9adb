"""A server without a store's file keeps a bounded number of generations in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_eval.model_arguments import parse
from fusion_eval.serve.memory_store import MemoryStore, open_server_store
from fusion_eval.types import Candidate


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_rows_stay_bounded_over_many_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr("fusion_eval.serve.memory_store.MOST_GENERATIONS", 10)
    with MemoryStore() as store:
        for request in range(200):
            pool = {key(3 * request + i): Candidate(f"{request}", "m", i) for i in range(3)}
            # when
            stored = store.keep(pool)
            # then
            assert stored == pool
            assert len(store) <= 10
        assert sorted(store.candidates([key(i) for i in range(600)])) == [key(i) for i in range(590, 600)]


def test_a_pool_larger_than_the_bound_is_returned_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fusion_eval.serve.memory_store.MOST_GENERATIONS", 10)
    pool = {key(i): Candidate("text", "m", i) for i in range(250)}
    with MemoryStore() as store:
        assert store.keep(pool) == pool


def test_a_store_with_a_file_forgets_nothing(tmp_path: Path) -> None:
    with open_server_store(parse({"model": "m", "cache": "off"})) as off:
        assert isinstance(off, MemoryStore)
    with open_server_store(parse({"model": "m", "cache": str(tmp_path / "s.sqlite")})) as file:
        assert not isinstance(file, MemoryStore)
