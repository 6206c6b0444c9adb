"""System prompts that make the candidates of a pool differ: read from files, and put before a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.models import Model
from fusion_eval.text.parse_errors import why_unreadable
from fusion_eval.types import Message, Prompt, without_surrogates


def read_system_prompts(paths: Sequence[Path], models: Sequence[Model]) -> tuple[str, ...]:
    """Read the system prompts, and check that every model takes one.

    Raises:
        ConfigError: A file cannot be read or is empty, or a model takes plain text only.
    """
    plain = next((model.name for model in models if not model.chat), None)
    if paths and plain:
        raise ConfigError(f"system_prompts= needs chat models, and {plain} takes plain text; leave it out")
    return tuple(map(_read, paths))


def with_system_prompt(prompt: Prompt, text: str) -> Prompt:
    """Return the prompt with a system prompt before it. A system message of the task's own follows in the same message.

    An empty text changes nothing.
    """
    if not text:
        return prompt
    turns = prompt.messages or (Message("user", prompt.text),)
    if turns[0].role == "system":
        text, turns = f"{text}\n\n{turns[0].content}", turns[1:]
    return Prompt(messages=(Message("system", text), *turns))


def _read(path: Path) -> str:
    try:
        text = without_surrogates(path.read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"system_prompts= names {path}, which cannot be read: {why_unreadable(error)}"
        ) from error
    if not text:
        raise ConfigError(
            f"system_prompts= names {path}, which is empty; leave it out, or write a prompt into it"
        )
    return text
