"""`fusion-eval synth` is killed in the middle, and the same command goes on: same bytes, and no answer is paid for twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from openai_server import read_calls, spawn
from synth_lab import rows_in, write_prompts

COMMAND = Path(sys.executable).with_name("fusion-eval")
PROMPTS = 60
N = 3


def start(base_url: str, folder: Path) -> subprocess.Popen[bytes]:
    arguments = f"base_url={base_url},n={N},concurrency=4,cache={folder / 'store.sqlite'}"
    words = ["synth", "--prompts", "prompts.jsonl", "--model", "a|b|c", "--model_args", arguments]
    options = ["--output", "out", "--strategy", "single,fusion", "--rows_per_file", "25", "--pairs"]
    return subprocess.Popen([str(COMMAND), *words, *options], cwd=folder, stdout=subprocess.DEVNULL)


def content_of(folder: Path) -> dict[str, bytes]:
    """Return all files but the cards, which hold the command and so the store's path."""
    files = (path for path in (folder / "out").rglob("*") if path.is_file() and path.suffix != ".md")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def count_lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


@pytest.mark.slow
def test_a_killed_job_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    # given
    undisturbed, killed, log = tmp_path / "undisturbed", tmp_path / "killed", tmp_path / "calls.jsonl"
    for folder in (undisturbed, killed):
        folder.mkdir()
        write_prompts(folder / "prompts.jsonl", PROMPTS)
    server = ("--model", "a", "--model", "b", "--model", "c", "--latency", "0.02", "--log", str(log))
    with spawn(*server) as base_url:
        assert start(base_url, undisturbed).wait(120) == 0
        first = count_lines(log)
        # when it is killed twice between calls, and then left alone
        for calls in (PROMPTS // 2, 2 * PROMPTS):
            with start(base_url, killed) as process:
                while process.poll() is None and count_lines(log) - first < calls:
                    time.sleep(0.01)
                process.kill()
            assert not (killed / "out" / "single").exists(), "no data set is there before it is complete"
        assert start(base_url, killed).wait(120) == 0
    # then
    assert content_of(killed) == content_of(undisturbed)
    assert len(rows_in(killed / "out" / "fusion")) == PROMPTS
    asked = Counter(repr(call.body) for call in read_calls(log)[first:] if call.status == 200)
    twice = sum(count - 1 for count in asked.values())
    assert twice <= 2 * 3 * 4, (
        "only calls that were in flight at a kill are sent again: four for each teacher"
    )
