"""Export runs in the shared schema of Every Eval Ever, and read the files back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fusion_eval.exports.every_eval_ever.files import write_every_eval_ever
from fusion_eval.exports.subject import ExportedFiles, read_subject

RUNS = Path(__file__).resolve().parent / "data" / "harness_runs"
Exported = list[tuple[dict[str, Any], list[dict[str, Any]]]]


def export(path: Path, folder: Path) -> ExportedFiles:
    """Export the run, or runs, at `path`."""
    return write_every_eval_ever(read_subject(path), folder)


def read(exported: ExportedFiles) -> Exported:
    """Return each aggregate with its rows, in the order of the runs and benchmarks."""
    aggregates = [path for path in exported.paths if path.suffix == ".json"]
    rows = [path.with_name(f"{path.stem}_samples.jsonl") for path in aggregates]
    return [
        (
            json.loads(path.read_text()),
            [json.loads(line) for line in items.read_text().splitlines()] if items.exists() else [],
        )
        for path, items in zip(aggregates, rows, strict=True)
    ]


def export_one(path: Path, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Export a run of one benchmark. Return its aggregate and its rows."""
    (benchmark,) = read(export(path, folder))
    return benchmark
