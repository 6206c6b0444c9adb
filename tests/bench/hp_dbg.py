"""Compare the speed of the real command, `lm_eval --model fusion`, with other ways to send the same requests.

    python tests/bench/hot_path.py [ROUNDS]

The command answers 2,000 prompts: 5 samples in one request, then one fusion. Each client runs in a process of its own,
and so does the server; where there are two cores, each has one. The clients send the bodies that the command sent, 64 at a
time. Prints calls per second and CPU time per call, and their ratios to a bare aiohttp client: medians of alternating
rounds. Only the time in which answers are drawn counts (see `hot_path_clients.py`). Quote ratios, because absolute
numbers depend on the machine.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hot_path_clients import CLIENTS, REQUESTS, TASK
from instant_server import spawn

PROMPTS, ROUNDS = 2_000, 5
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
BASELINE, COMMAND = "bare aiohttp", "lm_eval --model fusion"
PACKAGES = {
    "lm_eval --model local-chat-completions": ["tenacity"],
    "openai": ["openai"],
    "litellm": ["litellm"],
    "its_hub": ["its_hub", "backoff"],  # the extra `its_hub[lm]` brings both
}
"""The packages that a client needs. A client without one of them is not measured."""
_QUESTION = (
    "Question {number}: what is it that grows with what is asked, and how would you put it in simple words? "
)


@dataclass(frozen=True, slots=True)
class Speed:
    """What one client did in one round."""

    calls: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds

    @property
    def cpu_per_call(self) -> float:
        """Milliseconds of the client's CPU time per call."""
        return self.cpu / self.calls * 1000


def write_task(folder: Path) -> None:
    """Write a task of the harness with prompts of about 300 characters."""
    documents = [
        {"question": _QUESTION.format(number=number) + "Say it in one sentence. " * 8, "answer": "no answer"}
        for number in range(PROMPTS)
    ]
    (folder / "documents.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in documents))
    task = {
        "task": TASK,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "documents.jsonl")}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": ["\n\nQuestion"], "max_gen_toks": 256},
        "metric_list": [{"metric": "exact_match"}],
    }
    (folder / f"{TASK}.yaml").write_text(json.dumps(task))  # JSON is YAML


def measure(name: str, base_url: str, folder: Path) -> Speed:
    """Run a client once in a process of its own."""
    environment = {
        **os.environ,
        "HF_DATASETS_CACHE": str(folder / "datasets"),
        "HF_HUB_OFFLINE": "1",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "OPENAI_API_KEY": "none",
    }
    clients = Path(__file__).with_name("hot_path_clients.py")
    done = subprocess.run(
        [sys.executable, str(clients), name, base_url, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    results = [line for line in done.stdout.splitlines() if line.startswith('{"calls"')]
    if done.returncode or len(results) != 1:
        raise SystemExit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return Speed(**json.loads(results[0]))


def use_core(number: int) -> None:
    """Start further processes on one core, where the platform can and there are two."""
    if len(CORES) > 1:
        os.sched_setaffinity(0, {CORES[number]})


def report(speeds: dict[str, list[Speed]]) -> None:
    """Print the medians of the rounds and of their ratios to the baseline."""
    for name, rounds in speeds.items():
        against = speeds[BASELINE][: len(rounds)]
        rate = statistics.median(ours.rate / bare.rate for ours, bare in zip(rounds, against, strict=True))
        cpu = statistics.median(
            ours.cpu_per_call / bare.cpu_per_call for ours, bare in zip(rounds, against, strict=True)
        )
        print(
            f"{name:38} {statistics.median(s.rate for s in rounds):7,.0f} calls/s  {rate:5.2f} of bare  "
            f"{statistics.median(s.cpu_per_call for s in rounds):6.2f} ms CPU per call  {cpu:6.2f} times bare"
        )


def main() -> None:
    """Alternate the clients, so that changes of the machine's speed affect all."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    absent = {
        name: package
        for name, packages in PACKAGES.items()
        for package in packages
        if not importlib.util.find_spec(package)
    }
    speeds: dict[str, list[Speed]] = {name: [] for name in CLIENTS if name not in absent}
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        write_task(folder)
        with spawn(folder / REQUESTS) as base_url:  # warms up, and records what the command sends
            measure(COMMAND, base_url, folder)
        use_core(1)
        with spawn() as base_url:
            use_core(0)
            for _ in range(rounds):
                for name, so_far in speeds.items():
                    if name not in (BASELINE, COMMAND):
                        continue
                    so_far.append(measure(name, base_url, folder))
                    print(name, so_far[-1].rate, so_far[-1].cpu_per_call, flush=True)
    return
    for name, package in absent.items():
        print(f"{name:38} not measured: {package} is not installed")


if __name__ == "__main__":
    main()
