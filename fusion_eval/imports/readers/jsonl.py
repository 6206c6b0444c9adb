"""Plain JSON lines, by the names of their columns: `--columns prompt=question,answer=output,score=reward`.

Roles: `prompt` and `answer` (required), `score`, `id`, `model`, `language`, `target`, `task`. A list of answers, or several lines of
one prompt and one model, is a pool; its scores are a list as well. `a.b` is the field b of the object a.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.pools import (
    Imported,
    ImportedItem,
    SystemAnswer,
    check_same_item,
    messages_of,
    pool_of,
)
from fusion_eval.imports.source import Source

ROLES = ("prompt", "answer", "score", "id", "model", "language", "target", "task")


def matches(source: Source) -> bool:
    """Return whether the user named columns."""
    return bool(source.columns)


def read(source: Source) -> Imported:
    """Read all lines: a run for each model, which takes the first candidate."""
    columns = dict(source.columns)
    for role in columns:
        if role not in ROLES:
            raise ConfigError(
                f"--columns: there is no role '{role}'.{nearest(role, ROLES)} Roles: {', '.join(ROLES)}"
            )
    for role in ("prompt", "answer"):
        if role not in columns:
            raise ConfigError(f"--columns names no {role}; write --columns prompt=COLUMN,answer=COLUMN")
    imported = Imported()
    pools: dict[tuple[str, str, str], tuple[list[str], list[float]]] = {}
    items: dict[tuple[str, str], tuple[ImportedItem, str | None]] = {}
    unseen, last_row = list(columns.values()), dict[str, Any]()
    for file in source.files:
        for where, row in file.records():
            for role in ("prompt", "answer"):
                if not _has(row, columns[role]):
                    raise ConfigError(f"{where} has no column {_with_hint(columns[role], row)}")
            unseen = [name for name in unseen if not _has(row, name)]
            last_row = row
            texts, scores = _answers(row, columns, where)
            prompt = messages_of(_field(row, columns["prompt"]), where)
            language = str(_optional(row, columns, "language") or "") or None
            name = str(_optional(row, columns, "task") or source.stem) + (f"_{language}" if language else "")
            own_id = _optional(row, columns, "id")
            key = "\n".join(turn.content for turn in prompt) if own_id in (None, "") else str(own_id)
            target = str(_optional(row, columns, "target") or "")
            item = ImportedItem(key, prompt, where, target=target)
            check_same_item(item, items.setdefault((name, key), (item, language))[0])
            model = str(_optional(row, columns, "model") or "model")
            own = pools.setdefault((name, key, model), ([], []))
            own[0].extend(texts)
            own[1].extend(scores)
    if unseen and pools:
        raise ConfigError(f"No line of {source.name} has a column {_with_hint(unseen[0], last_row)}")
    for (name, key, model), (texts, scores) in pools.items():
        item, language = items[name, key]
        if scores and len(scores) != len(texts):
            raise ConfigError(f"{item.where}: '{key[:60]}' has {len(texts)} answers and {len(scores)} scores")
        task = imported.task(name, language, {"score": True} if scores else {})
        values = tuple({"score": score} for score in scores)
        answer = SystemAnswer(texts[0], values[0] if values else {}, 0, pool_of(texts, model), values)
        task.merge(item, {model: answer})
    return imported


def _answers(row: Mapping[str, Any], columns: Mapping[str, str], where: str) -> tuple[list[str], list[float]]:
    answer, score = _field(row, columns["answer"]), _optional(row, columns, "score")
    texts = answer if isinstance(answer, list) else [answer]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{where}: the column '{columns['answer']}' holds no text, and no list of texts")
    scores = score if isinstance(score, list) else [] if score is None else [score]
    if not all(isinstance(one, int | float) for one in scores):
        raise ConfigError(f"{where}: the column '{columns['score']}' holds no number, and no list of numbers")
    if scores and len(scores) != len(texts):
        raise ConfigError(f"{where}: there are {len(texts)} answers and {len(scores)} scores")
    return texts, [float(one) for one in scores]


def _field(row: Mapping[str, Any], name: str) -> Any:
    value: Any = row
    for part in [name] if name in row else name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _has(row: Mapping[str, Any], name: str) -> bool:
    """Return whether a row has a column, which may hold nothing."""
    outer, _, inner = name.rpartition(".")
    return name in row or (bool(outer) and isinstance(holder := _field(row, outer), dict) and inner in holder)


def _with_hint(name: str, row: Mapping[str, Any]) -> str:
    """Return the name of a missing column, with the nearest one and those that there are."""
    return f"'{name}'.{nearest(name, row)} It has: {', '.join(row)}"


def _optional(row: Mapping[str, Any], columns: Mapping[str, str], role: str) -> Any:
    return _field(row, columns[role]) if role in columns else None


reader = Reader(matches, read)
