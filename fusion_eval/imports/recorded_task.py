"""Tasks of the harness that score a text by what a source recorded of it, for analyses and further strategies.

A text that the source does not have, such as a new fusion, has no value; a judge can rate it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fusion_eval.runs.writing import write_file

_CODE = '''"""Score a text by the value that was imported with it."""

from fusion_eval.imports.recorded_task import recorded_values as process_results

__all__ = ["process_results"]
'''


def digest_of(text: str) -> str:
    """Return the name under which a document keeps the values of a text."""
    return hashlib.sha256(text.strip().encode(errors="replace")).hexdigest()[:16]


def recorded_values(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Return the recorded values of an answer; NaN for metrics of the document that the text has no value of."""
    recorded = doc.get("recorded") or {}
    values = recorded.get(digest_of(results[0])) or {}
    names = dict.fromkeys(name for known in recorded.values() for name in known or {})
    return {name: float("nan") if values.get(name) is None else float(values[name]) for name in names}


def write_task(
    folder: Path,
    name: str,
    language: str | None,
    metrics: Mapping[str, bool],
    docs: Sequence[Mapping[str, Any]],
    home: Path,
) -> None:
    """Write the YAML and the documents of one task.

    Args:
        folder: The folder to write to.
        name: The task's name.
        language: ISO code of its language, if it is known.
        metrics: For each metric whether higher is better.
        docs: The documents.
        home: Where the files will stand, the folder for `--include_path`.
    """
    lines = "".join(f"{json.dumps(doc, ensure_ascii=False)}\n" for doc in docs)
    data = home / f"{name}.jsonl"
    write_file(folder / data.name, lines.encode(errors="replace"))
    write_file(folder / "imported_task.py", _CODE.encode())
    task = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data.resolve())}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{target}}",
        "generation_kwargs": {"until": [], "max_gen_toks": 4096, "do_sample": True, "temperature": 1.0},
        "metric_list": [
            {"metric": metric, "aggregation": "mean", "higher_is_better": better}
            for metric, better in metrics.items()
        ],
        "metadata": {"version": 1.0, **({"language": language} if language else {})},
    }
    text = yaml.safe_dump(task, allow_unicode=True, sort_keys=False)
    write_file(
        folder / f"{name}.yaml", f"{text}process_results: !function imported_task.process_results\n".encode()
    )
