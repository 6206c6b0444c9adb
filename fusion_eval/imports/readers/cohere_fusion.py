"""The pools that CohereLabs released with the FusioN paper: `fusion-synth-data-ufb` and `fusion-synth-data-s1kx`.

A row has `prompt`, `language_code`, `input_hash`, and for `BoN`, `Fusion` and each teacher (`gemma3-27b`, `kimik2`, `qwen3`,
`deepseek-v3`, `command-a`) an object `{completion, score, selection_method, teachers}`. The teachers' completions are the pool, and
their scores are those of a reward model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fusion_eval.imports.finding import Reader
from fusion_eval.imports.pools import Imported, ImportedItem, SystemAnswer, messages_of
from fusion_eval.imports.source import Source, required
from fusion_eval.types import Candidate

SYSTEMS = ("BoN", "Fusion")
METRIC = "reward"


def matches(source: Source) -> bool:
    """Return whether the rows have completions of BoN and Fusion."""
    first = source.files[0].first()
    return all(isinstance(first.get(name), dict) and "completion" in first[name] for name in SYSTEMS)


def read(source: Source) -> Imported:
    """Read all rows: a task for each language, a run for each teacher, for BoN and for Fusion."""
    imported = Imported()
    for file in source.files:
        for where, row in file.records():
            language = required(row, "language_code", str, where)
            prompt = messages_of(row.get("prompt"), where)
            task = imported.task(f"{source.stem}_{language}", language, {METRIC: True})
            teachers = {
                name: part for name, part in row.items() if _has_completion(part) and name not in SYSTEMS
            }
            pool = tuple(Candidate(part["completion"], name, 0) for name, part in teachers.items())
            answers = {
                name: SystemAnswer(part["completion"], _values(part, f"{where}, {name}"), place)
                for place, (name, part) in enumerate(teachers.items())
            }
            for name in SYSTEMS:
                part = required(row, name, dict, where)
                text = required(part, "completion", str, f"{where}, {name}")
                answers[name] = SystemAnswer(
                    text, _values(part, f"{where}, {name}"), _place(text, pool) if name == "BoN" else None
                )
            task.add(
                ImportedItem(
                    key=str(row.get("input_hash") or where),
                    prompt=prompt,
                    where=where,
                    candidates=pool,
                    scores=tuple(answers[name].values for name in teachers),
                ),
                answers,
            )
    return imported


def _has_completion(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("completion"), str)


def _values(part: Mapping[str, Any], where: str) -> dict[str, float]:
    if part.get("score") is None:
        return {}
    score = required(part, "score", (float, int), where)
    return {METRIC: float(score)} if math.isfinite(score) else {}


def _place(text: str, pool: tuple[Candidate, ...]) -> int | None:
    return next((place for place, one in enumerate(pool) if one.text == text), None)


reader = Reader(matches, read)
