"""Write run folders whose results files say who answered, how, and at what cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from run_folders import samples, write_run

from fusion_eval.runs.traces import FILE_NAME
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace, to_json

WEIGHTS = "gguf|a5fd3b62230aa5ec60212297dc9d20ea|completion"
A = "openai|http://10.0.0.7:8000/v1|lab/a|chat"
B = "openai|http://10.0.0.7:8000/v1|lab/b|chat"
QUIZ = {"quiz": samples([1.0, 0.0])}
ON_HUB = {"quiz": {"dataset_path": "lab/quiz", "dataset_name": "fr", "test_split": "test"}}
REPORTED = {"quiz": {"acc,none": 0.5, "acc_stderr,none": 0.5, "sample_len": 2}}


def plain_run(folder: Path, tasks: Mapping[str, Any] = QUIZ, **options: Any) -> Path:
    """Write a run of one model, as the harness makes it without this package."""
    options.setdefault("reported", REPORTED)
    options.setdefault("config", ON_HUB)
    results = options.pop("results", {})
    write_run(folder, tasks, **options)
    return change_results(
        folder, {"model_name": "lab/a", "config": {"model": "hf"}, "date": 1767323045.5} | results
    )


def our_run(folder: Path, strategy: str, models: Mapping[str, str], **options: Any) -> Path:
    """Write a run of a strategy.

    Args:
        folder: Where to write it.
        strategy: The strategy's name.
        models: The identities of the samplers by name.
        **options: Options of `write_run`, and `overrides`, which replaces parts of the results file's config.
    """
    config = {
        "model": strategy,
        "strategy": strategy,
        "settings": {
            "model": list(models),
            "n": 5,
            "seed": 3,
            "temperature": [0.7],
            "trace_dir": "/home/me/out",
        },
        "models": list(models.values()),
        "fusor": next(iter(models.values()), None),
        "scorer": "logprob",
        "prompt_template": "paper",
        "prompt_hash": "c6fe9ee0",
        "signature": f"{strategy}|n:5",
        "totals": {"prompts": 2, "fallbacks": 1, "roles": {"fusor": {"completion_tokens": 9, "cost": 0.25}}},
        "fusion_eval_version": "0.1.0",
    }
    config |= options.pop("overrides", {})
    return plain_run(folder, results={"config": config, "lm_eval_version": "0.4.13"}, **options)


def change_results(folder: Path, results: Mapping[str, Any]) -> Path:
    """Replace parts of the results file of a run."""
    (path,) = folder.rglob("results_*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | dict(results)), encoding="utf-8")
    return folder


def add_traces(folder: Path, task: str = "quiz") -> Path:
    """Add traces of two candidates for each of two documents. The fusor answers the first, and fails on the second."""
    pool = Pool(
        Prompt("?"),
        (
            Candidate("x", "a", 0, prompt_tokens=10, completion_tokens=2, cost=0.01, latency=2.0),
            Candidate("y", "a", 1, completion_tokens=3, cost=0.01, latency=1.0),
        ),
    )
    call = Candidate("z", "a", 0, prompt_tokens=20, completion_tokens=4, cost=0.02, latency=0.5)
    traces = [
        Trace(task, 0, 0, "fusion", None, pool, Answer("z", calls=(call,)), "z"),
        Trace(task, 1, 0, "fusion", None, pool, Answer("x", chosen=0, fallback="no answer"), "x"),
    ]
    (folder / FILE_NAME).write_bytes(b"".join(to_json(trace) + b"\n" for trace in traces))
    return folder
