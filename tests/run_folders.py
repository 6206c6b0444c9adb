"""Write run folders as the harness does, from a few numbers. Tests that read runs use them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DATE = "2026-01-02T03-04-05.678901"


def write_run(
    folder: Path,
    tasks: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    date: str = DATE,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    versions: Mapping[str, Any] | None = None,
    fewshot: Mapping[str, int] | None = None,
    limit: float | None = None,
    reported: Mapping[str, Mapping[str, float]] | None = None,
    directions: Mapping[str, Mapping[str, bool]] | None = None,
    results: bool = True,
) -> Path:
    """Write `model/results_*.json` and a sample file for each task to `folder`. Return `folder`."""
    home = folder / "model"
    home.mkdir(parents=True, exist_ok=True)
    if results:
        content = {
            "results": {task: dict((reported or {}).get(task, {})) for task in tasks},
            "configs": {task: {"task": task, **(config or {}).get(task, {})} for task in tasks},
            "versions": {task: (versions or {}).get(task, 1.0) for task in tasks},
            "n-shot": {task: (fewshot or {}).get(task, 0) for task in tasks},
            "higher_is_better": {task: dict((directions or {}).get(task, {})) for task in tasks},
            "config": {"model": "dummy", "limit": limit},
            "model_name": "dummy",
        }
        (home / f"results_{date}.json").write_text(json.dumps(content), encoding="utf-8")
    for task, samples in tasks.items():
        lines = "".join(json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples)
        (home / f"samples_{task}_{date}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def samples(
    values: Sequence[Any],
    metric: str = "acc",
    *,
    filtered: str = "none",
    prefix: str = "q",
    **doc: Sequence[Any],
) -> list[dict[str, Any]]:
    """Return a sample for each value, of the documents `{"question": "q0"}` and so on. `doc` adds fields: a list each."""
    return [
        {
            "doc_id": number,
            "doc": {
                "question": f"{prefix}{number}",
                **{name: column[number] for name, column in doc.items()},
            },
            "target": f"a{number}",
            "arguments": {"gen_args_0": {"arg_0": f"{prefix}{number}?", "arg_1": {}}},
            "resps": [["…"]],
            "filtered_resps": ["…"],
            "filter": filtered,
            "metrics": [metric],
            metric: value,
        }
        for number, value in enumerate(values)
    ]
