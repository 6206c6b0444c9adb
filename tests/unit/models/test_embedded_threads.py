"""A measurement chooses the threads of llama.cpp: how many there are, and whether they spin or sleep at barriers."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fusion_eval.models.embedded import threads
from fusion_eval.models.embedded.server import load_llama_cpp
from fusion_eval.models.embedded.threads import WAITING, choose_threads, threads_for


def test_a_spinning_thread_needs_a_core_that_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 4)
    numbers = [threads_for(free, sleep=False) for free in (0.4, 1.0, 1.6, 2.7, 3.9, 4.0)]
    assert numbers == [1, 1, 1, 3, 4, 4]


def test_a_sleeping_thread_needs_a_quarter_of_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 4)
    assert [threads_for(free, sleep=True) for free in (0.2, 0.5, 0.8, 1.0, 4.0)] == [1, 2, 3, 4, 4]


def test_free_cores_are_the_processor_time_of_all_threads_in_each_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given two cores, of which each thread gets a half for two seconds
    clock = iter([100.0, 102.0])
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "_work_until", lambda deadline: 0.5 * (deadline - 100.0))
    monkeypatch.setattr(threads, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    # when, then
    assert threads.free_cores(2.0) == 1.0


PASSIVE, SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"


@pytest.mark.skipif(
    sys.platform != "linux", reason="GNU OpenMP's variables mean nothing to llama.cpp elsewhere"
)
@pytest.mark.parametrize(
    ("free", "user", "expected", "number"),
    [
        (1.9, {}, {PASSIVE: "passive", SPINS: "100000"}, 1),
        (1.2, {}, {PASSIVE: "passive"}, 2),
        (1.9, {PASSIVE: "active"}, {PASSIVE: "active"}, 1),
        (1.9, {PASSIVE: "PASSIVE"}, {PASSIVE: "PASSIVE"}, 2),
        (1.2, {SPINS: "7"}, {SPINS: "7"}, 1),
        (1.9, {SPINS: "0"}, {SPINS: "0"}, 2),
    ],
    ids=["all cores free", "beside a busy process", "active", "passive", "a spin count", "no spins"],
)
def test_threads_spin_only_if_all_cores_are_free_and_the_user_allows_it(
    free: float,
    user: dict[str, str],
    expected: dict[str, str],
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a library that keeps what it found in the environment when it was loaded
    (tmp_path / "xllamacpp.py").write_text("import os\nfound = dict(os.environ)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "free_cores", lambda: free)
    monkeypatch.setattr(threads, "_loaded_with", {})
    for name in WAITING:
        monkeypatch.delenv(name, raising=False)
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    # when
    found = load_llama_cpp().found
    sys.modules.pop("xllamacpp")
    # then
    assert {name: found[name] for name in WAITING if name in found} == expected
    assert {name: os.environ[name] for name in WAITING if name in os.environ} == user
    # and when a process takes the half of the machine, sleeping threads stay as many as the cores
    monkeypatch.setattr(threads, "free_cores", lambda: 1.0)
    assert choose_threads() == number


def test_threads_of_a_llama_cpp_that_others_loaded_count_as_spinning(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setitem(sys.modules, "xllamacpp", SimpleNamespace())
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "free_cores", lambda: 1.0)
    monkeypatch.setattr(threads, "_loaded_with", {})
    # when
    load_llama_cpp()
    # then
    assert choose_threads() == 1
