"""What a run of many prompts keeps in memory, beyond what the harness itself needs for each.

    python tests/bench/memory.py

The requests are the harness's own objects, answered in a process of their own by its `dummy` model and by `fusion` with N = 5
(a model in the process that answers at once; the store is a file). Prints the most memory that each had, for 10,000 and
for 100,000 prompts, and the ratio of what is ours.
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
    """Prompts of about 300 characters, as a task makes them."""
    made = []
    for number in range(count):
        prompt = f"Question {number}: " + "what is it that grows with what is asked? " * 7
        instance = Instance(
            "generate_until", {"q": number}, (prompt, {"until": ["\n"], "max_gen_toks": 64}), 0
        )
        instance.task_name, instance.doc_id, instance.repeats = "bench", number, 1
        made.append(instance)
    return made


class Instant:
    """A door that answers at once."""

    name = identity = "instant"
    chat = True
    max_n = None

    async def sample(self, prompt: Any, sampling: Any, n: int) -> list[Any]:
        """n candidates of some forty characters."""
        from fusion_eval.types import Candidate

        return [
            Candidate(f"candidate {i} with some words in it", "instant", sampling.seed + i) for i in range(n)
        ]

    async def close(self) -> None:
        """Nothing to close."""


def ours(count: int) -> None:
    """`fusion` over the requests."""
    from fusion_eval.harness.lm import FusionLM
    from fusion_eval.models import opener as opening

    opening._open_door = lambda *_: Instant()  # type: ignore[assignment]  # a model without a server
    with tempfile.TemporaryDirectory() as folder:
        lm = FusionLM(
            model="instant",
            base_url="http://localhost:1/v1",
            n=N,
            cache=f"{folder}/store.sqlite",
            trace_dir=folder,
        )
        assert len(lm.generate_until(requests(count), disable_tqdm=True)) == count


def dummy(count: int) -> None:
    """The harness's own."""
    from lm_eval.models.dummy import DummyLM

    assert len(DummyLM().generate_until(requests(count), disable_tqdm=True)) == count


def peak(who: str, count: int) -> float:
    """MB, of a process that does nothing else."""
    done = subprocess.run(
        [sys.executable, __file__, who, str(count)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path.cwd(),
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    """All four, and the ratio."""
    if len(sys.argv) == 3:
        {"ours": ours, "dummy": dummy}[sys.argv[1]](int(sys.argv[2]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
        return
    own = {}
    start = peak("dummy", 1)
    for count in COUNTS:
        theirs, all_of_it = peak("dummy", count), peak("ours", count)
        own[count] = all_of_it - (theirs - start)
        print(
            f"{count:7,} prompts: dummy {theirs:5.0f} MB  fusion_eval {all_of_it:5.0f} MB, without documents {own[count]:5.0f}"
        )
    print(f"ratio {own[COUNTS[1]] / own[COUNTS[0]]:.2f}")


if __name__ == "__main__":
    main()
