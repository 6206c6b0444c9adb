"""A measurement chooses the threads of llama.cpp: how many there are, and whether they spin or sleep at barriers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from fusion_eval.errors import ConfigError
from fusion_eval.models.embedded import threads
from fusion_eval.models.embedded.server import load_llama_cpp
from fusion_eval.models.embedded.threads import WAITING, choose_threads, cores, free_cores

POLICY, SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
Machine = Callable[[int, float], None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a function that sets the number of cores, and how many of them every measurement finds free."""

    def set_machine(number: int, free: float) -> None:
        monkeypatch.setattr(threads, "cores", lambda: number)
        monkeypatch.setattr(threads, "free_cores", lambda: free)

    monkeypatch.setattr(threads, "_loaded_with", {})
    monkeypatch.setattr(threads, "_openmp_is_loaded", lambda: False)
    return set_machine


@pytest.fixture
def llama(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace llama.cpp by a library that keeps what it found in the environment when it was loaded."""
    (tmp_path / "xllamacpp.py").write_text("import os\nfound = dict(os.environ)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "xllamacpp", SimpleNamespace())  # the real one is back after the test
    del sys.modules["xllamacpp"]
    for name in WAITING:
        monkeypatch.delenv(name, raising=False)


def test_a_spinning_thread_needs_a_core_that_is_free(machine: Machine) -> None:
    numbers = []
    for free in (0.4, 1.0, 1.6, 2.7, 3.9, 4.0):
        machine(4, free)
        numbers.append(choose_threads())
    assert numbers == [1, 1, 1, 3, 4, 4]


@pytest.mark.parametrize(("measured", "expected"), [([0.9, 2.0, 2.0], 2), ([2.0, 0.9, 0.9], 1)])
def test_one_measurement_out_of_line_decides_nothing(
    measured: list[float], expected: int, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(2, 0.0)
    monkeypatch.setattr(threads, "free_cores", lambda: measured.pop())
    assert choose_threads() == expected


def test_free_cores_are_the_processor_time_of_all_threads_in_each_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given two cores, of which each thread gets a half for two seconds
    clock = iter([100.0, 102.0])
    monkeypatch.setattr(threads, "cores", lambda: 2)
    monkeypatch.setattr(threads, "_work_until", lambda deadline: 0.5 * (deadline - 100.0))
    monkeypatch.setattr(threads, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    # when, then
    assert free_cores(2.0) == 1.0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, 4),
        ({"cpu.max": "900000 100000\n"}, 4),
        ({"cpu.max": "100 100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu.max": "nonsense"}, 4),
        ({}, 4),
    ],
    ids=[
        "one and a half",
        "no limit",
        "more than there are",
        "a part",
        "v1",
        "v1, no limit",
        "nonsense",
        "none",
    ],
)
def test_the_quota_of_a_container_counts_as_so_many_cores(
    files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given four cores
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(threads, "CGROUP", tmp_path)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    # when, then
    assert cores() == expected


@pytest.mark.skipif(sys.platform != "linux", reason="only packages for Linux use GNU OpenMP")
@pytest.mark.parametrize(
    ("free", "user", "expected", "threads_later"),
    [
        (1.9, {}, {POLICY: "passive", SPINS: "100000"}, 1),
        (1.2, {}, {POLICY: "passive"}, 2),
        (1.9, {POLICY: "active"}, {POLICY: "active"}, 1),
        (1.9, {POLICY: "PASSIVE"}, {POLICY: "PASSIVE"}, 2),
        (1.2, {SPINS: "7"}, {SPINS: "7"}, 1),
        (1.9, {SPINS: "0"}, {SPINS: "0"}, 2),
        (1.9, {SPINS: "00k"}, {SPINS: "00k"}, 2),
    ],
    ids=[
        "all cores free",
        "beside a busy process",
        "active",
        "passive",
        "a spin count",
        "no spins",
        "no thousands of spins",
    ],
)
def test_threads_spin_only_if_all_cores_are_free_and_the_user_allows_it(
    free: float,
    user: dict[str, str],
    expected: dict[str, str],
    threads_later: int,
    machine: Machine,
    llama: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given
    machine(2, free)
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    # when
    found = load_llama_cpp().found
    # then
    assert {name: found[name] for name in WAITING if name in found} == expected
    assert {name: os.environ[name] for name in WAITING if name in os.environ} == user
    # and beside busy processes only sleeping threads stay as many as the cores
    machine(2, 1.0)
    assert choose_threads() == threads_later


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (POLICY, "pasive", "OMP_WAIT_POLICY=pasive is neither active nor passive. Did you mean 'passive'?"),
        (POLICY, "0", "OMP_WAIT_POLICY=0 is neither active nor passive."),
        (SPINS, "abc", "GOMP_SPINCOUNT=abc is no number of spins, such as 0 or 100000"),
    ],
)
def test_a_value_that_openmp_would_ignore_is_an_error(
    name: str, value: str, message: str, machine: Machine, llama: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(2, 2.0)
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as error:
        load_llama_cpp()
    assert str(error.value) == message


@pytest.mark.parametrize("value", ["Active", " passive ", ""])
@pytest.mark.parametrize("spins", ["0", "30k", "INFINITE", ""])
def test_values_that_openmp_knows_are_taken(
    value: str, spins: str, machine: Machine, llama: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(2, 2.0)
    monkeypatch.setenv(POLICY, value)
    monkeypatch.setenv(SPINS, spins)
    expected = {POLICY: value, SPINS: spins} if value or spins else {POLICY: "passive", SPINS: "100000"}
    assert expected.items() <= load_llama_cpp().found.items()


def test_the_choice_is_logged(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine(2, 1.0)
    with caplog.at_level("DEBUG", logger="fusion_eval"):
        choose_threads()
    assert caplog.messages == ["threads of llama.cpp: 1; they spin while they wait"]


def test_threads_spin_if_another_library_has_loaded_openmp_before(
    machine: Machine, llama: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a busy machine
    machine(2, 1.0)
    monkeypatch.setattr(threads, "_openmp_is_loaded", lambda: True)
    # when
    found = load_llama_cpp().found
    # then the variables would come too late
    assert WAITING.isdisjoint(found)
    assert choose_threads() == 1


def test_threads_spin_where_llama_cpp_has_no_gnu_openmp(
    machine: Machine, llama: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a busy Mac
    machine(2, 1.0)
    monkeypatch.setattr(sys, "platform", "darwin")
    # when
    load_llama_cpp()
    # then
    assert choose_threads() == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only packages for Linux use GNU OpenMP")
def test_openmp_is_found_only_once_it_is_loaded() -> None:
    # given a process of its own, which may have no OpenMP at all
    script = """
import ctypes
from fusion_eval.models.embedded.threads import _openmp_is_loaded as loaded
before = loaded()
try:
    ctypes.CDLL("libgomp.so.1")
except OSError:
    print("none")
else:
    print(before, loaded())
"""
    # when
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    # then
    if done.stdout.strip() == "none":
        pytest.skip("this machine has no libgomp.so.1")
    assert done.stdout.split() == ["False", "True"]
