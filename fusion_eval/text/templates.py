"""Load Jinja2 templates for prompts, check them before any model is called, and fill them in."""

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
from fusion_eval.text.parse_errors import why_unreadable

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters except tab and newline. They are invisible, and some servers end a text at them."""

_USUAL_FENCE = "q7x"

_ANALYSIS = re.compile(r"\{[{%][^}]*\banalysis\b")


@dataclass(frozen=True, slots=True)
class Template:
    """A template with its name and its source."""

    name: str
    source: str
    trusted: bool = False
    """Whether the template ships with the package. Only others need a sandbox."""

    @property
    def digest(self) -> str:
        """Return a short hash of the source, which goes into cache keys, traces and results."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:8]

    @property
    def bracketed(self) -> bool:
        """Whether the template asks for the answer in the form `Answer: [[ … ]]`."""
        return "Answer: [[" in self.source

    @property
    def tagged(self) -> bool:
        """Whether the template asks for the answer between `<NEW_SOLUTION>` tags."""
        return "</NEW_SOLUTION>" in self.source

    @property
    def analyzes(self) -> bool:
        """Whether the template is filled in twice: first to ask for an analysis, then with the variable `analysis`."""
        return _uses_analysis(self.source)

    @property
    def stop(self) -> tuple[str, ...]:
        """Return stop strings for plain-text models, which go on after their answer."""
        return ("\n\nTask:",) if self.name == "few_shot" else ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of templates: their purpose, the variables they get, and those they must use."""

    option: str
    """The option that names a template, for messages: `fusor_prompt=`."""
    package: str
    """The package that contains the shipped templates."""
    shipped: tuple[str, ...]
    """Names of the shipped templates."""
    trial: Mapping[str, Any]
    """A value for every variable. Users' templates are filled in with them once, before any model is called."""
    required: Mapping[str, str]
    """Variables that a template must use, with their description for messages."""
    other_trials: tuple[Mapping[str, Any], ...] = ()
    """Other values to try, which lead a template through its other branches."""


def load(name: str, kind: Kind) -> Template:
    """Load a shipped template by name, or a user's template by its path. Files are read anew each time.

    Raises:
        ConfigError: There is no such template, or the user's template is not valid.
    """
    if name in kind.shipped:
        return shipped(kind.package, name)
    path = Path(name)
    try:
        path = path.expanduser()
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"The prompt template {path} is no text: {why_unreadable(error)}") from error
    except (OSError, RuntimeError, ValueError) as error:  # no file, an unknown ~user, a NUL in the name
        reason = getattr(error, "strerror", None) or error
        siblings = [
            str(file) for file in path.parent.glob("*") if file.suffix == path.suffix and file != path
        ]
        hint = nearest(name, kind.shipped) or nearest(str(path), siblings)
        raise ConfigError(
            f"{kind.option}{name} is none of {', '.join(kind.shipped)}, and no file that can be read ({reason}).{hint}"
        ) from error
    template = Template(path.name, source)
    _check(template, kind)
    return template


@functools.cache
def shipped(package: str, name: str) -> Template:
    """Read a shipped template from the folder of a package."""
    source = (files(package) / f"{name}.j2").read_text(encoding="utf-8")
    return Template(name, source, trusted=True)


def fill(template: Template, values: Mapping[str, Any]) -> str:
    """Fill in a template. The values are inserted as they are and never interpreted as templates.

    Raises:
        ConfigError: The template cannot be filled in with these values.
    """
    compiled = _compiled(template)
    try:
        return str(compiled.render(values))
    except Exception as error:  # an expression in a user's template can raise anything
        raise ConfigError(f"The prompt template {template.name} cannot be filled in: {error}") from error


def without_control_characters(text: str) -> str:
    """Return the text without control characters, except tabs and newlines."""
    return _CONTROL.sub("", text)


def fence_for(texts: Sequence[str]) -> str:
    """Return a mark that none of the texts contains, to show where a text begins and ends.

    Almost always it is the same short mark: so prompts share their beginnings, which servers then read once. A text that
    contains it gets eight hex digits that follow from all the texts, so no text can know them beforehand.
    """
    joined = "\0".join(texts)
    if _USUAL_FENCE not in joined:
        return _USUAL_FENCE
    digest = hashlib.sha256(joined.encode(errors="replace")).hexdigest()
    while digest[:8] in joined:
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return digest[:8]


def _check(template: Template, kind: Kind) -> None:
    """Raise ConfigError if a user's template is not valid, before any model is called."""
    from jinja2 import meta

    environment = _environment(trusted=False)
    _compiled(template)  # raises for a syntax error
    used = meta.find_undeclared_variables(environment.parse(template.source))
    for unknown in sorted(used - {*kind.trial, *environment.globals}):
        raise ConfigError(
            f"The prompt template {template.name} uses the unknown variable '{unknown}'."
            f"{nearest(unknown, kind.trial)} Known: {', '.join(kind.trial)}"
        )
    for variable, description in kind.required.items():
        if variable not in used:
            raise ConfigError(
                f"The prompt template {template.name} never shows {description}; add {{{{ {variable} }}}}"
            )
    for trial in (kind.trial, *kind.other_trials):
        fill(template, {**kind.trial, **trial})


@functools.lru_cache(maxsize=16)
def _uses_analysis(source: str) -> bool:
    return _ANALYSIS.search(source) is not None


@functools.lru_cache(maxsize=16)
def _compiled(template: Template) -> Any:
    from jinja2 import TemplateSyntaxError

    try:
        return _environment(template.trusted).from_string(template.source)
    except TemplateSyntaxError as error:
        raise ConfigError(
            f"The prompt template {template.name} is not valid Jinja2 (line {error.lineno}): {error.message}"
        ) from error


@functools.cache
def _environment(trusted: bool) -> Any:
    """Return the environment for shipped templates, which is faster, or the one for users' templates."""
    from jinja2 import Environment, StrictUndefined

    kind = Environment
    if not trusted:
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        kind = ImmutableSandboxedEnvironment
    return kind(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # prompts are no HTML
