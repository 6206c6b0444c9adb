"""The answers of a third system in a JSON Lines file, matched to the documents of a run by what identifies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.judging.pairs import Answers
from fusion_eval.runs.samples import read_records
from fusion_eval.types import Message, without_surrogates

_ANSWER = ("answer", "output", "response", "completion", "generation", "text")
_IDENTITY = ("question_id", "uid", "id", "example_id", "idx", "prompt", "question", "instruction")
_FORM = 'lines look like {"id": …, "answer": "…"}, with an id that the documents have, or their prompt'

Key = tuple[str | None, str | None, str]
"""(Task, language, identity); the first two are None where the file does not say them."""


def add_answers(
    answers: Sequence[Answers], path: Path, name: str, allow_partial: bool
) -> tuple[list[Answers], list[str]]:
    """The documents with the file's answers as those of the system `name`, and notes on what the file lacks.

    Raises `ConfigError` for a file of another form, for one answer to different prompts and different answers to one, and
    for documents without an answer unless `allow_partial`.
    """
    lines = [(where, _line(path, where, record)) for where, record in read_records(path)]
    if not lines:
        raise ConfigError(f"{path} holds no answers; {_FORM}")
    field = _field(path, [record for _, record in lines], answers)
    known = _known(path, lines, field)
    found, missing = [], []
    asked: dict[Key, tuple[Message, ...]] = {}
    for one in answers:
        key = next((key for key in _keys(one, field) if key in known), None)
        if key is None:
            missing.append(one)
            continue
        if asked.setdefault(key, _prompt(one)) != _prompt(one):
            raise ConfigError(
                f"{path}: its one answer with {field} {key[2]} would be to several prompts (one is of {one.item.task}); "
                "give its lines a field 'task' or 'language'"
            )
        text = replace(next(iter(one.texts.values())), answer=known[key], n_answers=1)  # to the same prompt
        found.append(replace(one, texts={**one.texts, name: text}))
    if missing:
        said = f"{path} has no answer to {len(missing)} of {len(answers)} documents (by '{field}'; the first is document {missing[0].item.doc_id} of {missing[0].item.task})"
        if not allow_partial or not found:
            raise ConfigError(f"{said}; --allow_partial judges the others")
        return found, [said]
    return found, []


def _known(path: Path, lines: Sequence[tuple[str, Mapping[str, Any]]], field: str) -> dict[Key, str]:
    known: dict[Key, str] = {}
    for where, record in lines:
        answer = _answer(path, where, record)
        if known.setdefault(_key(record, field), answer) != answer:
            raise ConfigError(
                f"{path}, {where} has another answer to the same document ({field} {record[field]}); leave one system's"
            )
    return known


def _prompt(one: Answers) -> tuple[Message, ...]:
    return next(iter(one.texts.values())).prompt


def _line(path: Path, where: str, record: object) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        raise ConfigError(f"{path}, {where} is not a JSON object; {_FORM}")
    return record


def _field(path: Path, lines: Sequence[Mapping[str, Any]], answers: Sequence[Answers]) -> str:
    """What the file and the documents have in common to be matched by."""
    for field in ("doc_id", *_IDENTITY):
        if all(field in line for line in lines) and (
            field == "doc_id" or field == "prompt" or any(field in one.item.doc for one in answers)
        ):
            return field
    has = ", ".join(sorted({name for line in lines[:1] for name in line}))
    raise ConfigError(f"{path} cannot be matched to the runs' documents: it has {has}; {_FORM}")


def _key(line: Mapping[str, Any], field: str) -> Key:
    return _text(line.get("task")), _text(line.get("language")), str(line[field]).strip()


def _keys(one: Answers, field: str) -> list[Key]:
    """What the document may be called in the file, the most precise first."""
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
    """Under one of the usual names, or as the last message of a chat."""
    for name in _ANSWER:
        if isinstance(answer := line.get(name), str):
            return without_surrogates(answer)
    match line.get("messages"):
        case [*_, {"content": str() as answer}] | [*_, {"content": {"answer": str() as answer}}]:
            return without_surrogates(answer)
    raise ConfigError(f"{path}, {where} has no answer under {', '.join(_ANSWER)} or messages; {_FORM}")
