"""Prompts for synthetic data: what one is, and how a record of a file becomes one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.types import Message, Prompt, to_json, without_surrogates

FIELDS = ("prompt", "messages", "language", "id")
"""What a column of a source can be used as."""
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class SourcePrompt:
    """One prompt of a source."""

    index: int
    """Its place in the source, from 0."""
    id: str
    """The value of the column that `--columns id=` names, else a hash of the prompt and its language."""
    prompt: Prompt
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where prompts come from. `read` starts at the first prompt each time, where `again` is true."""

    name: str
    read: Callable[[], Iterator[SourcePrompt]]
    total: int | None = None
    """How many prompts there are, where that is known before they are read."""
    again: bool = True
    """Whether the source can be read a second time; standard input cannot."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a source holds the prompt, the language and the id. None is the default column, if it exists."""

    prompt: str | None = None
    messages: str | None = None
    language: str | None = None
    id: str | None = None

    def check(self, present: Sequence[str], where: str) -> None:
        """Raise a ConfigError if a column is missing; the message lists the columns there are."""
        named = [name for name in (self.prompt, self.messages, self.language, self.id) if name]
        for name in named:
            if name not in present:
                raise ConfigError(
                    f"{where} has no column '{name}'.{nearest(name, present)} It has: {_listed(present)}"
                )
        if not (self.prompt or self.messages) and not {"prompt", "messages"} & set(present):
            raise ConfigError(
                f"{where} has neither a column 'prompt' nor 'messages'; it has: {_listed(present)}. "
                "Name the column with --columns prompt=NAME"
            )

    def prompt_of(self, record: Mapping[str, Any], index: int, where: str) -> SourcePrompt:
        """Return the record of a source as a prompt.

        Args:
            record: The record, by column.
            index: Its place in the source.
            where: The file and the line, for messages.

        Raises:
            ConfigError: A column is missing, or the prompt is empty or of another type.
        """
        self.check(list(record), where)
        name = self.messages or self.prompt or ("messages" if record.get("messages") else "prompt")
        prompt = read_prompt(record.get(name), f"{where}, column '{name}'")
        language = record.get(self.language or "language")
        own_id = record.get(self.id) if self.id else None
        return make_prompt(
            index, prompt, str(language) if language else None, None if own_id is None else str(own_id)
        )


def make_prompt(index: int, prompt: Prompt, language: str | None, own_id: str | None = None) -> SourcePrompt:
    """Return a prompt with its id: the source's own, else a hash."""
    digest = hashlib.sha256(to_json((prompt, language))).hexdigest()[:16]
    return SourcePrompt(index, own_id or digest, prompt, language)


def read_columns(text: str) -> Columns:
    """Read `prompt=question,language=lang`.

    Raises:
        ConfigError: A name is unknown, or an entry has no value.
    """
    values: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, column = part.partition("=")
        if name not in FIELDS:
            raise ConfigError(
                f"--columns knows no '{name}'.{nearest(name, FIELDS)} Write FIELD=COLUMN with the fields {', '.join(FIELDS)}"
            )
        if not equals or not column:
            raise ConfigError(f"--columns: '{part}' names no column; write {name}=COLUMN")
        if name in values:
            raise ConfigError(f"--columns names {name}= more than once; keep one")
        values[name] = column
    if values.get("prompt") and values.get("messages"):
        raise ConfigError("--columns names both prompt= and messages=; keep one")
    return Columns(**values)


def read_prompt(value: object, where: str) -> Prompt:
    """Return a text, or a list of chat messages, as a prompt. Assistant turns at the end are left out.

    Raises:
        ConfigError: It is neither, or it is empty.
    """
    if isinstance(value, str) and value.strip():
        return Prompt(without_surrogates(value))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        messages = [_message(turn, where) for turn in value]
        while messages and messages[-1].role == "assistant":
            messages.pop()
        if messages:
            return Prompt(messages=tuple(messages))
    raise ConfigError(f"{where} should hold a text, or chat messages, and holds {_short(value)}")


def prompt_text(prompt: Prompt) -> str:
    """Return a prompt as one text: the contents of its messages, joined by empty lines."""
    return prompt.text or "\n\n".join(message.content for message in prompt.messages)


def _message(turn: object, where: str) -> Message:
    role, content = (turn.get(key) if isinstance(turn, Mapping) else None for key in ("role", "content"))
    if role not in _ROLES or not isinstance(content, str):
        raise ConfigError(
            f'{where} should hold messages such as {{"role": "user", "content": "Why?"}}, and holds {_short(turn)}'
        )
    return Message(str(role), without_surrogates(content))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(str, names)) or "none"


def _short(value: object) -> str:
    if value is None or value == "" or value == []:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
