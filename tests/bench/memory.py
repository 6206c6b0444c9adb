"""Measure the memory of a run with many prompts, beyond what the harness itself needs.

    python tests/bench/memory.py

The requests are the harness's own objects. They are answered by its `dummy` model, and by `fusion` with N = 5, a model in
the process that answers at once, and a store in a file. Each runs in a process of its own. Prints the peak memory of both
for 10,000 and for 100,000 prompts, and the ratio of what `fusion` adds.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance

COUNTS = (10_000, 100_000)
N = 5


def requests(count: int) -> list[Instance]:
    """Return requests with prompts of about 300 characters, as a task makes them."""
    requests = []
    for number in range(count):
        prompt = f"Question {number}: " + "what is it that grows with what is asked? " * 7
        instance = Instance(
            "generate_until", {"q": number}, (prompt, {"until": ["\n"], "max_gen_toks": 64}), 0
        )
        instance.task_name, instance.doc_id, instance.repeats = "bench", number, 1
        requests.append(instance)
    return requests


class InstantDoor:
    """A door that answers at once."""

    name = identity = "instant"
    chat = True
    max_n = None

    async def sample(self, prompt: Any, sampling: Any, n: int) -> list[Any]:
        """Return n candidates of about forty characters."""
        from fusion_eval.types import Candidate

        return [
            Candidate(f"candidate {i} with some words in it", "instant", sampling.seed + i) for i in range(n)
        ]

    async def close(self) -> None:
        """Do nothing: nothing is open."""


def run_fusion(count: int) -> None:
    """Answer the requests with `fusion`."""
    from fusion_eval.harness.lm import FusionLM
    from fusion_eval.models import opener

    opener._open_door = lambda *_: InstantDoor()  # type: ignore[assignment]  # a model without a server
    with tempfile.TemporaryDirectory() as folder:
        lm = FusionLM(
            model="instant",
            base_url="http://localhost:1/v1",
            n=N,
            cache=f"{folder}/store.sqlite",
            trace_dir=folder,
        )
        assert len(lm.generate_until(requests(count), disable_tqdm=True)) == count


def run_dummy(count: int) -> None:
    """Answer the requests with the harness's `dummy` model."""
    from lm_eval.models.dummy import DummyLM

    assert len(DummyLM().generate_until(requests(count), disable_tqdm=True)) == count


def peak_memory(model: str, count: int) -> float:
    """Return the peak memory in MB of a process that only answers `count` requests."""
    done = subprocess.run(
        [sys.executable, __file__, model, str(count)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path.cwd(),
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure both models with both numbers of prompts."""
    if len(sys.argv) == 3:
        {"fusion": run_fusion, "dummy": run_dummy}[sys.argv[1]](int(sys.argv[2]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
        return
    added = {}
    start = peak_memory("dummy", 1)
    for count in COUNTS:
        dummy, fusion = peak_memory("dummy", count), peak_memory("fusion", count)
        added[count] = fusion - (dummy - start)
        print(
            f"{count:7,} prompts: dummy {dummy:5.0f} MB  fusion_eval {fusion:5.0f} MB, without documents {added[count]:5.0f}"
        )
    print(f"ratio {added[COUNTS[1]] / added[COUNTS[0]]:.2f}")


if __name__ == "__main__":
    main()
