"""A run that is killed again and again, or interrupted, keeps every finished call and ends with the same result.

The same result means the same bytes of samples, scores and traces. Traces are compared without latencies, the only
part of them that depends on the clock.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from console_process import console
from openai_server import Call, default_reply, read_calls, spawn

KILLS, SEED = 20, 11
STRATEGIES = ("single", "bon", "fusion")
PROMPTS, N, CONCURRENCY = 14, 3, 2
CALLS = PROMPTS * (N + 1)
"""One call for each candidate, and one for each fusion."""
COMMAND = Path(sys.executable).parent / "fusion-eval"


def arguments(base_url: str, folder: Path) -> list[str]:
    """Return the arguments of the command `fusion-eval`."""
    model_args = (
        f"model=test-model,base_url={base_url},n={N},scorer=chrf,concurrency={CONCURRENCY},"
        f"cache={folder / 'store.sqlite'}"
    )
    return [
        "run", "--tasks", "fusion_demo_fr,fusion_demo_ja", "--limit", str(PROMPTS // 2),
        "--model_args", model_args, "--output", str(folder / "out"),
    ]  # fmt: skip


# Reading what a run left


def count_lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def stored_texts(folder: Path, copy_name: str) -> frozenset[str]:
    """Return the texts in the store. They are read from a copy, because SQLite tidies up after a kill on opening."""
    copy = folder / copy_name
    copy.mkdir()
    for path in folder.glob("store.sqlite*"):
        shutil.copy(path, copy)
    if not (copy / "store.sqlite").exists():
        return frozenset()
    with closing(sqlite3.connect(copy / "store.sqlite")) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE name = 'generations'").fetchall()
        rows = db.execute("SELECT candidate FROM generations").fetchall() if tables else []
    texts = [json.loads(row)["text"] for (row,) in rows]
    assert len(texts) == len(set(texts)), "no answer is stored twice"
    return frozenset(texts)


def requested_texts(call: Call) -> set[str]:
    """Return the texts that a call asked for. The server's default reply differs for each candidate."""
    return {default_reply(call.body, index) for index in range(call.body.get("n", 1))}


def newest(folder: Path, pattern: str) -> Path:
    return max(folder.rglob(pattern))


def samples(folder: Path) -> dict[str, bytes]:
    return {
        f"{strategy} {task}": newest(folder / "out" / strategy, f"samples_{task}_*.jsonl").read_bytes()
        for strategy in STRATEGIES
        for task in ("fusion_demo_fr", "fusion_demo_ja")
    }


def traces(folder: Path) -> dict[str, bytes]:
    paths = {strategy: folder / "out" / strategy / "traces.jsonl" for strategy in STRATEGIES}
    return {name: re.sub(rb'"latency":[^,}]+', b"", path.read_bytes()) for name, path in paths.items()}


def scores(folder: Path) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    for strategy in STRATEGIES:
        results = json.loads(newest(folder / "out" / strategy, "results_*.json").read_bytes())
        del results["config"]["totals"]["seconds"]
        scores[strategy] = results["results"], results["config"]["totals"], results["config"]["signature"]
    return scores | {"comparison": json.loads((folder / "out" / "comparison.json").read_bytes())["rows"]}


# Killed

_processes = multiprocessing.get_context("forkserver")
"""Its processes start with the harness imported, so that a kill hits the run itself and twenty kills take seconds."""


def start(base_url: str, folder: Path) -> BaseProcess:
    _processes.set_forkserver_preload(
        ["fusion_eval.harness.lm", "fusion_eval.comparison", "lm_eval", "lm_eval.tasks"]
    )
    process = _processes.Process(target=console, args=(arguments(base_url, folder), folder / "printed.txt"))
    process.start()
    return process


def run_undisturbed(base_url: str, folder: Path) -> float:
    """Run to the end and return the seconds that it took."""
    started = time.monotonic()
    process = start(base_url, folder)
    process.join()
    assert process.exitcode == 0, (folder / "printed.txt").read_text()
    return time.monotonic() - started


@dataclass(frozen=True)
class Life:
    """One process of a run: when it was killed (None where it ended before that), and what the store held then."""

    killed_at: float | None
    stored: frozenset[str]


@dataclass(frozen=True)
class Runs:
    """An undisturbed run, a run that was killed many times, and the calls of both."""

    undisturbed: Path
    killed: Path
    lives: list[Life]
    calls: tuple[Call, ...]
    started: float
    """When the killed run was first started."""


def kill(
    dice: random.Random, process: BaseProcess, log: Path, calls: int | None, seconds: float
) -> float | None:
    """Kill a process after so many more calls, or within so many seconds where `calls` is None.

    Returns the time of the kill, or None if the process ended before.
    """
    calls_before, end = count_lines(log), time.monotonic() + dice.uniform(0, seconds)
    while process.is_alive():
        if time.monotonic() > end if calls is None else count_lines(log) - calls_before >= calls:
            time.sleep(dice.uniform(0, 0.02))
            process.kill()
            process.join()
            return time.monotonic()
        time.sleep(0.002)
    return None


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    undisturbed, killed = tmp_path_factory.mktemp("undisturbed"), tmp_path_factory.mktemp("killed")
    log = undisturbed / "calls.jsonl"
    dice, lives, stored = random.Random(SEED), list[Life](), frozenset[str]()
    # With one choice per call a pool takes three calls, so that many kills leave half a pool behind.
    with spawn("--log", str(log), "--latency", "0.02", "--no-honour-n") as base_url:
        run_undisturbed(base_url, undisturbed)
        seconds = run_undisturbed(base_url, undisturbed)  # of a run that finds all answers in the store
        started = time.monotonic()
        while sum(life.killed_at is not None for life in lives) < KILLS:
            # While calls are missing, kill between calls; then at any moment, for instance while results are written.
            calls = dice.randrange(1, 9) if len(stored) < CALLS else None
            killed_at = kill(dice, start(base_url, killed), log, calls, 0.7 * seconds)
            stored = stored_texts(killed, f"copy{len(lives)}")
            lives.append(Life(killed_at, stored))
        run_undisturbed(base_url, killed)
        yield Runs(undisturbed, killed, lives, read_calls(log), started)


@pytest.mark.slow
def test_the_kills_hit_the_run_at_many_stages_and_lose_nothing_stored(runs: Runs) -> None:
    stored = [len(life.stored) for life in runs.lives if life.killed_at]
    assert len(stored) == KILLS
    assert len(set(stored)) >= KILLS // 3, "between calls"
    assert stored.count(CALLS) >= KILLS // 5, "and after the last call"
    assert stored == sorted(stored)


@pytest.mark.slow
def test_a_call_whose_answer_is_stored_is_never_sent_again(runs: Runs) -> None:
    for life in runs.lives:
        if life.killed_at:
            later = [call for call in runs.calls if call.arrived > life.killed_at]
            assert all(requested_texts(call).isdisjoint(life.stored) for call in later)


@pytest.mark.slow
def test_no_process_sends_a_call_twice(runs: Runs) -> None:
    bounds = [runs.started, *(life.killed_at for life in runs.lives if life.killed_at), float("inf")]
    for born, killed_at in itertools.pairwise(bounds):
        sent = [call for call in runs.calls if born < call.arrived <= killed_at]
        # The server answers the first of the choices that a call asks for.
        assert max(Counter(default_reply(call.body, 0) for call in sent).values(), default=1) == 1


@pytest.mark.slow
def test_the_store_ends_as_that_of_an_undisturbed_run(runs: Runs) -> None:
    expected = stored_texts(runs.undisturbed, "end")
    assert len(expected) == CALLS
    assert stored_texts(runs.killed, "end") == expected


@pytest.mark.slow
def test_samples_traces_and_scores_end_as_those_of_an_undisturbed_run(runs: Runs) -> None:
    assert samples(runs.killed) == samples(runs.undisturbed)
    assert traces(runs.killed) == traces(runs.undisturbed)
    assert scores(runs.killed) == scores(runs.undisturbed)
    assert all(lines.count(b"\n") == PROMPTS for lines in traces(runs.killed).values())


@pytest.mark.slow
def test_no_partial_file_is_left_and_the_store_is_sound(runs: Runs) -> None:
    assert not list(runs.killed.rglob("*.partial"))
    with closing(sqlite3.connect(runs.killed / "store.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# Interrupted

ANSWERED = 5
"""Calls that the server answers. It keeps all later ones waiting for an hour."""


def interrupt(base_url: str, folder: Path, log: Path, signals: list[signal.Signals]) -> tuple[int, str]:
    """Send signals while calls wait for an answer, and return the exit code and what is on stderr."""
    with subprocess.Popen(
        [COMMAND, *arguments(base_url, folder), "--strategies", "single"],  # every call draws a whole pool
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        # A shell's background jobs ignore the signal.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            while process.poll() is None and count_lines(log) < ANSWERED:
                time.sleep(0.01)
            time.sleep(0.1)  # the last answer's way into the store
            for number in signals:
                process.send_signal(number)
                time.sleep(0.05)
            # A process that waited for its calls would exceed the timeout.
            stderr = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    return process.returncode, stderr


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGINT], [signal.SIGINT] * 2, [signal.SIGTERM], [signal.SIGTERM] * 2],
    ids=["Ctrl-C once", "Ctrl-C twice", "SIGTERM", "SIGTERM twice"],
)
def test_an_interrupted_run_waits_for_no_call_and_keeps_what_is_finished(
    tmp_path: Path, signals: list[signal.Signals]
) -> None:
    # given a server that stops answering
    log = tmp_path / "calls.jsonl"
    with spawn("--log", str(log), "--slow-after", str(ANSWERED)) as base_url:
        # when
        code, stderr = interrupt(base_url, tmp_path, log, signals)
    # then
    ends_at_once = signals == [signal.SIGINT] * 2
    assert code == 130 or (ends_at_once and code == -signal.SIGINT), "a shell shows both as 130"
    assert "Traceback" not in stderr and "exception" not in stderr
    assert len(stored_texts(tmp_path, "copy")) == ANSWERED * N
    assert not list((tmp_path / "out").rglob("*.json*"))
    assert count_lines(log) <= ANSWERED + CONCURRENCY, "no further call was sent"
    if not ends_at_once:
        assert stderr.splitlines()[-1] == (
            "fusion-eval: interrupted. Finished calls are kept; run the same command again to continue"
        )
