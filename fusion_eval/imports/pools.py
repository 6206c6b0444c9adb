"""What a reader makes of a source: tasks with items, their candidates, and the answers of systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.types import Candidate, Message

Values = Mapping[str, float]
"""A number for each metric."""


@dataclass(frozen=True, slots=True)
class ImportedItem:
    """One prompt with its pool.

    Args:
        key: What the source calls it.
        prompt: The prompt as chat messages.
        where: The place in the source, for messages.
        candidates: The pool, in order; empty if the source has only answers.
        scores: The values of each candidate.
        target: The reference answer; empty if there is none.
        fields: Further fields of the document.
        doc_id: The number of the document; None counts the items.
    """

    key: str
    prompt: tuple[Message, ...]
    where: str
    candidates: tuple[Candidate, ...] = ()
    scores: tuple[Values, ...] = ()
    target: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)
    doc_id: int | None = None


def check_same_item(item: ImportedItem, other: ImportedItem) -> None:
    """Check that two items of one key have one prompt and one target. An item without a prompt fits any.

    Raises:
        ConfigError: They differ; the message names both places and the key.
    """
    unknown = any(not "".join(turn.content for turn in one.prompt) for one in (item, other))
    for name, differs in (
        ("prompt", not unknown and item.prompt != other.prompt),
        ("target", bool(item.target and other.target) and item.target != other.target),
    ):
        if differs:
            raise ConfigError(
                f"{item.where}: '{item.key[:60]}' has another {name} than in {other.where}; import the two separately, or "
                "give the items different ids"
            )


@dataclass(frozen=True, slots=True)
class SystemAnswer:
    """The answer of one system to one item.

    Args:
        text: The answer.
        values: Its metrics.
        chosen: The place of the candidate whose text it is; None for a new text.
        pool: The system's own candidates, where systems do not share the pool of the item.
        scores: The values of those candidates.
    """

    text: str
    values: Values = field(default_factory=dict)
    chosen: int | None = None
    pool: tuple[Candidate, ...] = ()
    scores: tuple[Values, ...] = ()


@dataclass(slots=True)
class ImportedTask:
    """The items of one task in one language, and for each system its answers by the place of the item.

    Args:
        name: The task's name.
        language: ISO code of the language; None if the source does not say it.
        metrics: For each metric whether higher is better.
    """

    name: str
    language: str | None = None
    metrics: dict[str, bool] = field(default_factory=dict)
    items: list[ImportedItem] = field(default_factory=list)
    answers: dict[str, dict[int, SystemAnswer]] = field(default_factory=dict)
    samples: Path | None = None
    """A sample file of the harness to keep as it is, for a task that the harness knows."""
    _places: dict[str, int] = field(default_factory=dict)

    def add(self, item: ImportedItem, answers: Mapping[str, SystemAnswer]) -> None:
        """Add an item with the answers of systems to it."""
        place = len(self.items)
        self.items.append(item)
        self._places.setdefault(item.key, place)
        for system, answer in answers.items():
            self.answers.setdefault(system, {})[place] = answer

    def merge(self, item: ImportedItem, answers: Mapping[str, SystemAnswer]) -> None:
        """Add answers to the item of the same key; add the item if it is not there, or has an answer of a system.

        Raises:
            ConfigError: The key names another item, one with another prompt or target; the message names both places.
        """
        place = self._places.get(item.key)
        if place is not None:
            check_same_item(item, self.items[place])
        if place is None or any(place in self.answers.get(system, {}) for system in answers):
            self.add(item, answers)
            return
        for system, answer in answers.items():
            self.answers.setdefault(system, {})[place] = answer

    def item(self, key: str) -> ImportedItem | None:
        """Return the item of a key; None if there is none."""
        place = self._places.get(key)
        return None if place is None else self.items[place]

    def doc_id(self, place: int) -> int:
        """Return the number of the document at a place."""
        own = self.items[place].doc_id
        return place if own is None else own

    def pool(self, place: int, system: str) -> tuple[tuple[Candidate, ...], tuple[Values, ...]]:
        """Return the candidates behind a system's answer, and their values."""
        answer, item = self.answers[system][place], self.items[place]
        return (answer.pool, answer.scores) if answer.pool else (item.candidates, item.scores)


@dataclass(slots=True)
class Imported:
    """All that a reader found in a source."""

    tasks: dict[str, ImportedTask] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    results: Mapping[str, Any] | None = None
    """A results file of the harness to keep as it is."""

    def task(
        self, name: str, language: str | None = None, metrics: Mapping[str, bool] | None = None
    ) -> ImportedTask:
        """Return the task of a name, which is made if it is not there yet."""
        task = self.tasks.setdefault(name, ImportedTask(name, language))
        task.metrics.update(metrics or {})
        return task


def user_prompt(text: str) -> tuple[Message, ...]:
    """Return a text as a chat of one message."""
    return (Message("user", text),)


def pool_of(texts: Sequence[str], model: str) -> tuple[Candidate, ...]:
    """Return texts that one model has sampled as candidates, numbered from 0."""
    return tuple(Candidate(text, model, seed) for seed, text in enumerate(texts))


def messages_of(turns: object, where: str) -> tuple[Message, ...]:
    """Return a prompt, which is a text or a list of messages with `role` and `content`.

    Raises:
        ConfigError: It is neither.
    """
    match turns:
        case str():
            return user_prompt(turns)
        case [dict(), *_]:
            pairs = [(turn.get("role"), turn.get("content")) for turn in turns if isinstance(turn, dict)]
            if all(isinstance(role, str) and isinstance(content, str) for role, content in pairs):
                return tuple(Message(str(role), str(content)) for role, content in pairs)
    raise ConfigError(f"{where}: the prompt is neither a text nor chat messages")
