"""Read a fixed opponent's answers from a JSON Lines file and match them to the documents of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.judging.pairs import ItemAnswers
from fusion_eval.runs.records import read_records
from fusion_eval.types import Message, without_surrogates

_ANSWER_FIELDS = ("answer", "output", "response", "completion", "generation", "text")
_ID_FIELDS = ("question_id", "uid", "id", "example_id", "idx", "prompt", "question", "instruction")
_FORM = 'lines look like {"id": …, "answer": "…"}, with an id that the documents have, or their prompt'

_Key = tuple[str | None, str | None, str]
"""Task, language and id. Task and language are None if the line does not have them."""


def add_opponent(
    answers: Sequence[ItemAnswers], path: Path, name: str, allow_partial: bool
) -> tuple[list[ItemAnswers], list[str]]:
    """Add the file's answers to the items as those of the system `name`.

    Returns:
        The items that the file answers, and notes on what it lacks.

    Raises:
        ConfigError: The file has another form, one answer to several prompts, or several answers to one document; or,
            unless `allow_partial`, it lacks an answer.
    """
    lines = [(where, _object(path, where, record)) for where, record in read_records(path)]
    if not lines:
        raise ConfigError(f"{path} holds no answers; {_FORM}")
    field = _shared_field(path, [record for _, record in lines], answers)
    by_key = _answers_by_key(path, lines, field)
    found, missing = [], []
    prompts: dict[_Key, tuple[Message, ...]] = {}
    for one in answers:
        key = next((key for key in _possible_keys(one, field) if key in by_key), None)
        if key is None:
            missing.append(one)
            continue
        if prompts.setdefault(key, _prompt(one)) != _prompt(one):
            raise ConfigError(
                f"{path}: its one answer with {field} {key[2]} would be to several prompts (one is of {one.item.task}); "
                "give its lines a field 'task' or 'language'"
            )
        text = replace(next(iter(one.texts.values())), answer=by_key[key], n_answers=1)
        found.append(replace(one, texts={**one.texts, name: text}))
    if not missing:
        return found, []
    loss = (
        f"{path} has no answer to {len(missing)} of {len(answers)} documents (by '{field}'; the first is document "
        f"{missing[0].item.doc_id} of {missing[0].item.task})"
    )
    if not allow_partial or not found:
        raise ConfigError(f"{loss}; the option allow_partial judges the others")
    return found, [loss]


def _answers_by_key(
    path: Path, lines: Sequence[tuple[str, Mapping[str, Any]]], field: str
) -> dict[_Key, str]:
    answers: dict[_Key, str] = {}
    for where, record in lines:
        key = _text(record.get("task")), _text(record.get("language")), str(record[field]).strip()
        answer = _answer(path, where, record)
        if answers.setdefault(key, answer) != answer:
            raise ConfigError(
                f"{path}, {where} has another answer to the same document ({field} {record[field]}); leave one system's"
            )
    return answers


def _prompt(one: ItemAnswers) -> tuple[Message, ...]:
    return next(iter(one.texts.values())).prompt


def _object(path: Path, where: str, record: object) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        raise ConfigError(f"{path}, {where} is not a JSON object; {_FORM}")
    return record


def _shared_field(path: Path, lines: Sequence[Mapping[str, Any]], answers: Sequence[ItemAnswers]) -> str:
    """Return the field that identifies documents both in the file and in the runs."""
    for field in ("doc_id", *_ID_FIELDS):
        if all(field in line for line in lines) and (
            field in ("doc_id", "prompt") or any(field in one.item.doc for one in answers)
        ):
            return field
    has = ", ".join(sorted({name for line in lines[:1] for name in line}))
    raise ConfigError(f"{path} cannot be matched to the runs' documents: it has {has}; {_FORM}")


def _possible_keys(one: ItemAnswers, field: str) -> list[_Key]:
    """Return the keys that the item may have in the file, the most precise first."""
    if field == "doc_id":
        identity = str(one.item.doc_id)
    elif field in one.item.doc:
        identity = str(one.item.doc[field]).strip()
    else:
        identity = _prompt(one)[-1].content.strip()
    tasks, languages = (one.item.task, None), (one.language, None)
    return [(task, language, identity) for task in tasks for language in languages]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _answer(path: Path, where: str, line: Mapping[str, Any]) -> str:
    """Return the answer under one of the usual field names, or the last message of a chat."""
    for name in _ANSWER_FIELDS:
        if isinstance(answer := line.get(name), str):
            return without_surrogates(answer)
    match line.get("messages"):
        case [*_, {"content": str() as answer}] | [*_, {"content": {"answer": str() as answer}}]:
            return without_surrogates(answer)
    raise ConfigError(f"{path}, {where} has no answer under {', '.join(_ANSWER_FIELDS)} or messages; {_FORM}")
