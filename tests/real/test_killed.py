"""A run that is killed again and again, or interrupted: what is finished stays finished, and the end is the same.

The same means, byte for byte: the sample files and the scores; and the traces but for their latencies, which are the
only thing in them that tells of the clock.
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
PROMPTS, N = 14, 3
CALLS = PROMPTS * (N + 1)
"""One per candidate and one to fuse them."""
COMMAND = Path(sys.executable).parent / "fusion-eval"


def words(base_url: str, folder: Path) -> list[str]:
    """What follows `fusion-eval` on the command line."""
    arguments = f"model=test-model,base_url={base_url},n={N},scorer=chrf,concurrency=2,cache={folder / 'store.sqlite'}"
    return [
        "run", "--tasks", "fusion_demo_fr,fusion_demo_ja", "--limit", str(PROMPTS // 2),
        "--model_args", arguments, "--output", str(folder / "out"),
    ]  # fmt: skip


# Killed

_warm = multiprocessing.get_context("forkserver")
"""Its processes begin with the harness imported: a kill then hits the run itself, and twenty of them take seconds."""


def start(base_url: str, folder: Path) -> BaseProcess:
    _warm.set_forkserver_preload(
        ["fusion_eval.harness.lm", "fusion_eval.compare.compare", "lm_eval", "lm_eval.tasks"]
    )
    process = _warm.Process(target=console, args=(words(base_url, folder), folder / "printed.txt"))
    process.start()
    return process


def to_its_end(base_url: str, folder: Path) -> float:
    """Run without disturbance; returns the seconds that it took."""
    began = time.monotonic()
    process = start(base_url, folder)
    process.join()
    assert process.exitcode == 0, (folder / "printed.txt").read_text()
    return time.monotonic() - began


@dataclass(frozen=True)
class Life:
    """One process: when it was killed (None where it came to its end first), and what the store held then."""

    died: float | None
    stored: frozenset[str]


def kill_at(
    moment: random.Random, process: BaseProcess, log: Path, calls: int | None, seconds: float
) -> float | None:
    """SIGKILL a moment after so many more calls, or (None) within so many seconds; None where it ended before."""
    before, end = lines(log), time.monotonic() + moment.uniform(0, seconds)
    while process.is_alive():
        if time.monotonic() > end if calls is None else lines(log) - before >= calls:
            time.sleep(moment.uniform(0, 0.02))
            process.kill()
            process.join()
            return time.monotonic()
        time.sleep(0.002)
    return None


def lines(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def stored(folder: Path, name: str) -> frozenset[str]:
    """The texts in the store, each of which tells its call; read from a copy, as reading tidies up after a kill."""
    copy = folder / name
    copy.mkdir()
    for path in folder.glob("store.sqlite*"):
        shutil.copy(path, copy)
    if not (copy / "store.sqlite").exists():
        return frozenset()
    with closing(sqlite3.connect(copy / "store.sqlite")) as db:
        made = db.execute("SELECT name FROM sqlite_master WHERE name = 'generations'").fetchall()
        rows = db.execute("SELECT candidate FROM generations").fetchall() if made else []
    written = [json.loads(row)["text"] for (row,) in rows]
    assert len(written) == len(set(written)), "no answer twice"
    return frozenset(written)


def asked_for(call: Call) -> set[str]:
    """The texts that are the answer to all that a call asked for."""
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
    found = {}
    for strategy in STRATEGIES:
        results = json.loads(newest(folder / "out" / strategy, "results_*.json").read_bytes())
        del results["config"]["totals"]["seconds"]
        found[strategy] = results["results"], results["config"]["totals"], results["config"]["signature"]
    return found | {"comparison": json.loads((folder / "out" / "comparison.json").read_bytes())["rows"]}


@dataclass(frozen=True)
class Lived:
    """A run that was not disturbed, one that was, and all that the server was asked."""

    whole: Path
    killed: Path
    lives: list[Life]
    calls: tuple[Call, ...]
    began: float
    """When the disturbed run was first started."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    whole, killed = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("killed")
    log = whole / "calls.jsonl"
    moment, lives, found = random.Random(SEED), list[Life](), frozenset[str]()
    # One choice per call makes three calls of a pool, so that many a kill leaves half a pool behind.
    with spawn("--log", str(log), "--latency", "0.02", "--no-honour-n") as base_url:
        to_its_end(base_url, whole)
        seconds = to_its_end(base_url, whole)  # of a run that finds all calls done
        began = time.monotonic()
        while sum(life.died is not None for life in lives) < KILLS:
            # In the midst of the calls, as long as there are any; then anywhere, in writing the results for one.
            calls = moment.randrange(1, 9) if len(found) < CALLS else None
            died = kill_at(moment, start(base_url, killed), log, calls, 0.7 * seconds)
            found = stored(killed, f"copy{len(lives)}")
            lives.append(Life(died, found))
        to_its_end(base_url, killed)
        yield Lived(whole, killed, lives, read_calls(log), began)


def test_the_kills_hit_the_run_at_many_stages(lived: Lived) -> None:
    held = [len(life.stored) for life in lived.lives if life.died]
    assert len(held) == KILLS
    assert len(set(held)) >= KILLS // 3, "amid the calls"
    assert held.count(CALLS) >= KILLS // 5, "and after them"
    assert held == sorted(held), "nothing that was stored is lost"


def test_a_call_whose_answer_is_stored_is_never_sent_again(lived: Lived) -> None:
    for life in lived.lives:
        if life.died:
            later = [call for call in lived.calls if call.arrived > life.died]
            assert all(asked_for(call).isdisjoint(life.stored) for call in later)


def test_within_one_life_no_call_is_sent_twice(lived: Lived) -> None:
    bounds = [lived.began, *(life.died for life in lived.lives if life.died), float("inf")]
    for born, died in itertools.pairwise(bounds):
        sent = [call for call in lived.calls if born < call.arrived <= died]
        # The server answers the first of the choices that a call asks for.
        assert max(Counter(default_reply(call.body, 0) for call in sent).values(), default=1) == 1


def test_the_store_ends_as_that_of_an_undisturbed_run(lived: Lived) -> None:
    assert stored(lived.killed, "end") == stored(lived.whole, "end")
    assert len(stored(lived.whole, "again")) == CALLS


def test_samples_traces_and_scores_end_as_those_of_an_undisturbed_run(lived: Lived) -> None:
    assert samples(lived.killed) == samples(lived.whole)
    assert traces(lived.killed) == traces(lived.whole)
    assert scores(lived.killed) == scores(lived.whole)
    assert all(lines.count(b"\n") == PROMPTS for lines in traces(lived.killed).values())


def test_nothing_half_written_is_left(lived: Lived) -> None:
    assert not list(lived.killed.rglob("*.partial"))
    with closing(sqlite3.connect(lived.killed / "store.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# Interrupted


def interrupted(base_url: str, folder: Path, log: Path, times: int) -> tuple[int, str, float]:
    """Ctrl-C after five answers, when the server has stopped answering: (exit code, stderr, seconds to the end)."""
    with subprocess.Popen(
        [COMMAND, *words(base_url, folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # a shell's background job ignores it
    ) as process:
        while process.poll() is None and not (log.exists() and lines(log) >= 5):
            time.sleep(0.01)
        time.sleep(0.1)
        began = time.monotonic()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        said = process.communicate(timeout=30)[1]
    return process.returncode, said, time.monotonic() - began


def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    with spawn("--log", str(log), "--slow-after", "5") as base_url:
        code, said, seconds = interrupted(base_url, tmp_path, log, times=1)

    assert code == 130
    assert said.splitlines()[-1] == (
        "fusion-eval: interrupted. What is finished is kept; the same command goes on from there"
    )
    assert "Traceback" not in said and "exception" not in said
    assert seconds < 5, "it waits for no call"
    assert len(stored(tmp_path, "copy")) == 15
    assert not list((tmp_path / "out").rglob("*.json*"))


def test_ctrl_c_twice_ends_at_once(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    with spawn("--log", str(log), "--slow-after", "5") as base_url:
        code, said, seconds = interrupted(base_url, tmp_path, log, times=2)

    assert code in (130, -signal.SIGINT), "which a shell shows as 130 as well"
    assert "Traceback" not in said and "exception" not in said
    assert seconds < 2
    assert len(stored(tmp_path, "copy")) == 15
