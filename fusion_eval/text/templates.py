"""Jinja2 templates, ours and a user's own: read, checked before any call, and filled in, in one pass."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError, nearest

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


@dataclass(frozen=True, slots=True)
class Kind:
    """What templates for one purpose are given and have to show."""

    option: str
    """What the user writes, up to the name: `fusor_prompt=`."""
    package: str
    """The package whose folder holds our own templates."""
    shipped: tuple[str, ...]
    trial: Mapping[str, Any]
    """Values of every variable, to fill a user's template in with before any call."""
    shown: Mapping[str, str]
    """Variables that must not be left out, and what they are."""
    other_trials: tuple[Mapping[str, Any], ...] = ()
    """Values that take a template the other way at each turn."""


def load(name: str, kind: Kind) -> Template:
    """One of ours by name, or the user's own by its file, read anew each time."""
    if name in kind.shipped:
        return shipped(kind.package, name)
    path = Path(name)
    try:
        path = path.expanduser()
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"The prompt template {path} is not UTF-8 text: {error}") from error
    except (OSError, RuntimeError, ValueError) as error:  # no file; ~name of nobody; a NUL in the name
        reason = getattr(error, "strerror", None) or error
        beside = [str(file) for file in path.parent.glob("*") if file.suffix == path.suffix]
        hint = nearest(name, kind.shipped) or nearest(str(path), beside)
        raise ConfigError(
            f"{kind.option}{name} is none of {', '.join(kind.shipped)}, and no file that can be read ({reason}).{hint}"
        ) from error
    template = Template(path.name, source)
    _check(template, kind)
    return template


@functools.cache
def shipped(package: str, name: str) -> Template:
    """Read the template `name` that ships in the folder of `package`."""
    return Template(name, (files(package) / f"{name}.j2").read_text(encoding="utf-8"))


def filled(template: Template, values: Mapping[str, Any]) -> str:
    """The template filled in, in one pass: what the values contain is never read as a template."""
    compiled = _compiled(template)
    try:
        return str(compiled.render(values))
    except Exception as error:  # an expression in a user's template can raise anything
        raise ConfigError(f"The prompt template {template.name} cannot be filled in: {error}") from error


def visible(text: str) -> str:
    """Without control characters."""
    return _UNSEEN.sub("", text)


def fence_for(texts: Sequence[str]) -> str:
    """A word of eight hex digits that none of the texts contains, the same for the same texts."""
    digest = hashlib.sha256("\0".join(texts).encode(errors="replace")).hexdigest()
    while any(digest[:8] in text for text in texts):
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:8]


def _check(template: Template, kind: Kind) -> None:
    """Find now, before any call, what a user's template would fail at later."""
    from jinja2 import meta

    environment = _environment()
    _compiled(template)  # which tells a syntax error with its line
    used = meta.find_undeclared_variables(environment.parse(template.source))
    for unknown in sorted(used - {*kind.trial, *environment.globals}):
        raise ConfigError(
            f"The prompt template {template.name} uses the unknown variable '{unknown}'."
            f"{nearest(unknown, kind.trial)} Known: {', '.join(kind.trial)}"
        )
    for variable, what in kind.shown.items():
        if variable not in used:
            raise ConfigError(
                f"The prompt template {template.name} never shows {what}; add {{{{ {variable} }}}}"
            )
    for trial in (kind.trial, *kind.other_trials):
        filled(template, {**kind.trial, **trial})


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
