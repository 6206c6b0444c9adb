"""Measure the memory of `fusion-eval synth` with few and many prompts, and the throughput of the engine `ray`.

    python tests/bench/synth.py memory
    python tests/bench/synth.py ray

`memory`: strategy `fusion` with N = 3, a model in the process that answers at once, and a store in a file; each count of
prompts in a process of its own. Prints the peak memory and the ratio; it should be 1.2 at most.

`ray`: an endpoint that takes two seconds for each request, with room for all, and 1, 2 and 4 actors that each keep the same number
of requests in flight. Prints prompts a second, after the start of the actors, as a share of linear; and what the engine
itself costs for each row, by an endpoint that answers at once, against one process.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

COUNTS = (1_000, 100_000)
N = 3


def write_prompts(path: Path, count: int) -> None:
    """Write prompts of about 300 characters."""
    with path.open("w") as file:
        for number in range(count):
            prompt = f"Question {number}: " + "what is it that grows with what is asked? " * 7
            file.write(json.dumps({"prompt": prompt, "language": "en"}) + "\n")


class InstantDoor:
    """A door that answers at once."""

    name = identity = "instant"
    chat = True
    max_n = None

    async def sample(self, prompt: Any, sampling: Any, n: int) -> list[Any]:
        """Return n candidates of about four hundred characters."""
        from fusion_eval.types import Candidate

        text = "some words of an answer " * 16
        return [Candidate(f"candidate {i}: {text}", "instant", sampling.seed + i) for i in range(n)]

    async def close(self) -> None:
        """Do nothing: nothing is open."""


def make(count: int) -> None:
    """Make a data set of `count` prompts."""
    from fusion_eval.api import synth
    from fusion_eval.models import opener

    opener._open_door = lambda *_: InstantDoor()  # type: ignore[assignment]  # a model without a server
    with tempfile.TemporaryDirectory() as folder:
        write_prompts(Path(folder) / "p.jsonl", count)
        arguments = {
            "model": "instant",
            "base_url": "http://localhost:1/v1",
            "n": N,
            "cache": f"{folder}/s.sqlite",
        }
        made = synth(f"{folder}/p.jsonl", f"{folder}/out", model_args=arguments, report=lambda line: None)
        assert made.strategies["fusion"].rows == count


def peak_memory(count: int) -> tuple[float, float]:
    """Return the peak memory in MB and the CPU seconds of a process that makes `count` rows."""
    command = [sys.executable, __file__, "make", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    memory, seconds = done.stdout.split()[-2:]
    return float(memory), float(seconds)


def measure_memory() -> None:
    """Print the peak memory for each count of prompts."""
    peaks = {}
    for count in COUNTS:
        peaks[count], seconds = peak_memory(count)
        print(f"{count:7,} prompts: {peaks[count]:5.0f} MB, {seconds:6.1f} s of CPU", flush=True)
    print(f"ratio {peaks[COUNTS[1]] / peaks[COUNTS[0]]:.2f}")


LATENCY = 2.0
IN_FLIGHT = 16
PER_WORKER = 192


def measure_ray() -> None:
    """Print the throughput with 1, 2 and 4 actors, and the cost of a row."""
    import ray
    from openai_server import Plan, serve

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20)
    for seconds, name in ((LATENCY, f"{LATENCY:g} s a request"), (0.0, "at once")):
        with serve(Plan(models=("m",), latency=seconds)) as server:
            one = 0.0
            for workers in (1, 2, 4) if seconds else (1,):
                took = run_ray(server.base_url, workers, server)
                rate = PER_WORKER * workers / took
                one = one or rate
                share = rate / one / workers
                print(
                    f"{name}, {workers} actors: {rate:6.1f} prompts a second, {share:.2f} of linear",
                    flush=True,
                )
            if not seconds:
                before = len(server.calls)
                run(server.base_url, PER_WORKER, 1, None)
                took_here = seconds_of(server.calls[before:])
                print(f"at once, one process: {PER_WORKER / took_here:6.1f} prompts a second")
                print(f"Ray adds {1e3 * (took - took_here) / PER_WORKER:.1f} ms a row")


def run_ray(base_url: str, workers: int, server: Any) -> float:
    """Make a data set by the engine `ray`, and return its seconds."""
    from fusion_eval.synth.ray_engine import RayEngine

    before = len(server.calls)
    run(base_url, PER_WORKER * workers, workers, RayEngine(workers, actor_cpus=0.5))
    return seconds_of(server.calls[before:])


def seconds_of(calls: Any) -> float:
    """Return the seconds from the first request's arrival to the last reply. The start of actors is not among them."""
    return max(call.answered for call in calls) - min(call.arrived for call in calls)


def run(base_url: str, count: int, workers: int, engine: Any) -> None:
    """Make a data set of single answers with so many requests in flight for each worker."""
    from fusion_eval.synth import sources
    from fusion_eval.synth.job import Job
    from fusion_eval.synth.prompts import Columns
    from fusion_eval.synth.run import make

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_prompts(folder / "p.jsonl", count)
        arguments = {"model": "m", "base_url": base_url, "n": 1, "concurrency": IN_FLIGHT * workers}
        job = Job(
            folder / "out",
            str(folder / "p.jsonl"),
            ("single",),
            {**arguments, "cache": str(folder / "store.sqlite")},
        )
        make(job, sources.open_file(folder / "p.jsonl", Columns()), lambda line: None, None, engine)


def main() -> None:
    """Measure what the first word says."""
    if sys.argv[1] == "make":
        make(int(sys.argv[2]))
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(usage.ru_maxrss / 1e3, usage.ru_utime + usage.ru_stime)
        return
    {"memory": measure_memory, "ray": measure_ray}[sys.argv[1]]()


if __name__ == "__main__":
    main()
