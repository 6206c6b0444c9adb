"""Jinja2 templates for the fusor and the judge, and how a prompt's parts reach them.

A template is given `turns` (the task's messages), `candidates` (texts), `language` (a name, or nothing) and
`fence` (a word that marks where untrusted text begins and ends, and that no such text contains).
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.language import NAMES
from fusion_eval.types import Message, Prompt

FUSORS = ("paper", "direct", "few_shot")
_VARIABLES = ("turns", "candidates", "language", "fence")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters but tab and newline: a reader of the prompt sees none, and some servers end a text at them."""


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


def load_template(name: str) -> Template:
    """A fusor's template: one of ours by name, or the user's own by its file, read anew each time."""
    if name in FUSORS:
        return shipped(name)
    path = Path(name)
    try:
        path = path.expanduser()
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"The prompt template {path} is not UTF-8 text: {error}") from error
    except (OSError, RuntimeError, ValueError) as error:  # no file; ~name of nobody; a NUL in the name
        reason = getattr(error, "strerror", None) or error
        beside = [str(file) for file in path.parent.glob("*") if file.suffix == path.suffix]
        hint = nearest(name, FUSORS) or nearest(str(path), beside)
        raise ConfigError(
            f"fusor_prompt={name} is none of {', '.join(FUSORS)}, and no file that can be read ({reason}).{hint}"
        ) from error
    template = Template(path.name, source)
    _check(template)
    return template


@functools.cache
def shipped(name: str) -> Template:
    """The template of that name in this package."""
    return Template(name, (files(__package__) / f"{name}.j2").read_text(encoding="utf-8"))


def render(template: Template, prompt: Prompt, *, candidates: Sequence[str], language: str | None) -> str:
    """The template filled in, in one pass: what candidates contain is never read as a template."""
    compiled = _compiled(template)
    turns = prompt.messages or (Message("user", prompt.text),)
    texts = [_UNSEEN.sub("", text) for text in candidates]
    fence = fence_for([*texts, *(turn.content for turn in turns)])
    try:
        return str(
            compiled.render(
                turns=turns, candidates=texts, language=NAMES.get(language or "", ""), fence=fence
            )
        )
    except Exception as error:  # an expression in a user's template can raise anything
        raise ConfigError(f"The prompt template {template.name} cannot be filled in: {error}") from error


def asked_of(written: str, *, chat: bool) -> Prompt:
    """A rendered template as a model takes it: one turn of the user's for a chat model, else plain text."""
    return Prompt(messages=(Message("user", written),)) if chat else Prompt(written)


def fence_for(texts: Sequence[str]) -> str:
    """A word of eight hex digits that none of the texts contains, the same for the same texts."""
    digest = hashlib.sha256("\0".join(texts).encode(errors="replace")).hexdigest()
    while any(digest[:8] in text for text in texts):
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:8]


def _check(template: Template) -> None:
    """Find now, before any call, what a user's template would fail at later."""
    from jinja2 import meta

    environment = _environment()
    _compiled(template)  # which tells a syntax error with its line
    used = meta.find_undeclared_variables(environment.parse(template.source))
    for unknown in sorted(used - {*_VARIABLES, *environment.globals}):
        raise ConfigError(
            f"The prompt template {template.name} uses the unknown variable '{unknown}'."
            f"{nearest(unknown, _VARIABLES)} Known: {', '.join(_VARIABLES)}"
        )
    if "candidates" not in used:
        raise ConfigError(
            f"The prompt template {template.name} never shows the candidates; add {{{{ candidates }}}}"
        )
    turns = (Message("system", "Be brief."), Message("user", "Why?"))
    render(template, Prompt(messages=turns), candidates=["…"] * 99, language="en")


@functools.lru_cache(maxsize=16)
def _compiled(template: Template) -> Any:
    from jinja2 import TemplateSyntaxError

    try:
        return _environment().from_string(template.source)
    except TemplateSyntaxError as error:
        raise ConfigError(
            f"The prompt template {template.name} is not valid Jinja2 (line {error.lineno}): {error.message}"
        ) from error


@functools.cache
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
