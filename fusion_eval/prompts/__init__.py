"""Jinja2 templates for the fusor and the judge, and how a prompt's parts reach them.

A template is given `turns` (the task's messages), `candidates` (texts), `language` (a name, or nothing) and
`fence` (a word that marks where untrusted text begins and ends, and that no such text contains).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.language import NAMES
from fusion_eval.types import Message, Prompt

FUSORS = ("paper", "direct", "few_shot")


@dataclass(frozen=True, slots=True)
class Template:
    """A template's name, source, and the hash that goes into keys, traces and results."""

    name: str
    source: str

    @property
    def digest(self) -> str:
        """Short hash of the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:8]

    @property
    def bracketed(self) -> bool:
        """Whether it asks for the answer as `Answer: [[ … ]]`."""
        return "Answer: [[" in self.source

    @property
    def stop(self) -> tuple[str, ...]:
        """What a plain-text model would go on with after its answer."""
        return ("\n\nTask:",) if self.name == "few_shot" else ()


@functools.lru_cache(maxsize=16)
def load_template(name: str) -> Template:
    """A template of ours by name, or the user's own by its file."""
    shipped = files(__package__) / f"{name}.j2"
    if name.isidentifier() and shipped.is_file():
        return _checked(Template(name, shipped.read_text(encoding="utf-8")))
    path = Path(name).expanduser()
    if not path.is_file():
        raise ConfigError(
            f"There is no prompt template '{name}', nor such a file.{nearest(name, FUSORS)} Ours: {', '.join(FUSORS)}"
        )
    try:
        return _checked(Template(path.name, path.read_text(encoding="utf-8")))
    except UnicodeDecodeError as error:
        raise ConfigError(f"The prompt template {path} is not UTF-8 text: {error}") from error


def render(
    template: Template, prompt: Prompt, *, candidates: Sequence[str], language: str | None, fence: str
) -> str:
    """The template filled in, in one pass: what candidates contain is never read as a template."""
    from jinja2 import TemplateError

    try:
        return str(
            _compiled(template).render(
                turns=turns_of(prompt),
                candidates=list(candidates),
                language=NAMES.get(language or "", ""),
                fence=fence,
            )
        )
    except TemplateError as error:
        raise ConfigError(f"The prompt template {template.name} cannot be filled in: {error}") from error


def turns_of(prompt: Prompt) -> tuple[Message, ...]:
    """The prompt as messages; plain text is one turn of the user's."""
    return prompt.messages or (Message("user", prompt.text),)


def fence_for(texts: Sequence[str]) -> str:
    """A word of eight hex digits that none of the texts contains, the same for the same texts."""
    digest = hashlib.sha256("\0".join(texts).encode(errors="replace")).hexdigest()
    while any(digest[:8] in text for text in texts):
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:8]


def _checked(template: Template) -> Template:
    _compiled(template)
    return template


@functools.lru_cache(maxsize=16)
def _compiled(template: Template) -> Any:
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    try:
        return environment.from_string(template.source)
    except TemplateSyntaxError as error:
        raise ConfigError(
            f"The prompt template {template.name} is not valid Jinja2 (line {error.lineno}): {error.message}"
        ) from error
