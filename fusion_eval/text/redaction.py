"""Remove from texts what others must not read: keys, passwords, and the folders of this machine.

What is a secret is said here alone, in `_KEY`, `_MASKED_KEY` and `_SECRET_NAME`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from fusion_eval.text.printable import INVISIBLE, printable

_PREFIXES = "sk|pk|rk|hf|gsk|xai"
_KEY = re.compile(rf"\b(?:{_PREFIXES})[-_][A-Za-z0-9_-]{{20,}}")
"""A key of a provider, by its prefix."""
_MASKED_KEY = re.compile(rf"\b(?:{_PREFIXES}|Bearer)[-_ ][A-Za-z0-9_\-*.]{{6,}}")
"""A key as servers quote it: shortened, or with asterisks."""
_SECRET_NAME = re.compile(
    r"(?<!(?:bos|eos|end|pad|unk)_)token(?:_?\d+)?$|key|secret|passw|auth|header|credential|cookie",
    re.IGNORECASE,
)
"""Names of arguments and variables whose values are secrets. `eos_token` and the like are part of a vocabulary."""
QUOTED_PREFIX = 8
"""Characters. A quote of this length shows part of a secret; shorter values, such as `true`, are not secrets."""

_ARGUMENT = re.compile(r"\b(?P<name>\w+)=(?P<value>(?:(?!,\w+=).)*)", re.DOTALL)
"""An argument of a comma-separated list. Its value may hold commas."""
_USER = re.compile(r"(?<=://)[^/\s?#]*@")
_QUERY = re.compile(r"(?<=://)([^\s?|,]+)\?[^\s|,]*")
_PATH = re.compile(
    r"(?<=\")(?:~|[A-Za-z]:)?[/\\](?![/\\\s])[^\"]*(?=\")"  # in quotes it may hold spaces
    r"|(?:file://|(?<![\w./\\])(?:~|[A-Za-z]:)?)[/\\](?![/\\\s])[^\s,;'\"|()+]*"
)
_WHOLE_PATH = re.compile(r"(?P<kind>gguf:|file://)?(?:~|[A-Za-z]:)?[/\\](?![/\\])")
_LOCAL = re.compile(r"[/~.\\]|[A-Za-z]:[/\\]")
"""The beginning of a path on somebody's disk."""
_PLACES = re.compile(r"(?:^|_)(?:trace_dir|trace_file|cache|cache_dir|output_path|log_file)$")
"""Names of arguments that say where to write."""


class NamedFolder(Protocol):
    """A run, as far as its notes name it."""

    @property
    def path(self) -> Path:
        """The folder that the run was read from."""
        ...

    @property
    def name(self) -> str:
        """The run's name."""
        ...


def is_secret(name: str, value: object = "") -> bool:
    """Return whether the value of an argument or variable is a secret. Numbers and booleans are none."""
    return _SECRET_NAME.search(name) is not None and not isinstance(value, bool | int | float)


def safe_message(text: str, secrets: Sequence[str] = (), limit: int = 300) -> str:
    """Make the text of a server or library fit for a message: one line, no control codes, no keys.

    Args:
        text: The text as it came.
        secrets: Keys and passwords to hide, also where only their beginning is quoted.
        limit: The most characters to return.
    """
    for secret in secrets:
        beginning = re.escape(secret[:QUOTED_PREFIX])
        text = re.sub(beginning + r"[\w*.\-]*", "***", text.replace(secret, "***"))
    text = INVISIBLE.sub(" ", _MASKED_KEY.sub("***", text)).strip().rstrip(".")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def without_userinfo(url: str) -> str:
    """Return the URL without its `user:password@` part, fit for messages and store keys. Other texts stay as they are."""
    return _USER.sub("", url)


def without_paths(text: str) -> str:
    """Return a text with the last part of every absolute path, and without keys and the private parts of addresses."""
    return _PATH.sub(lambda found: _last_part(found[0]), _without_keys(text))


def replace_folder(note: str, folder: Path, name: str) -> str:
    """Return a note in which the path of a run's folder is replaced by the run's name."""
    return re.sub(rf"(?<![\w./]){re.escape(str(folder))}(?=[/:])", name, note) if folder.parts else note


def public_name(name: str) -> str:
    """Return the name of a model; for a path on somebody's disk, its last part."""
    name = printable(name).removeprefix("gguf:").strip()
    return (_last_part(name).strip(". ") or "unknown") if _LOCAL.match(name) else name


def public_signature(signature: str | None) -> str | None:
    """Return the signature of a run without the folders of models that are files."""
    return signature and re.sub(r"(?<=[:=+])[/~.][^|+,]*/", "", signature)


def public_command(words: Sequence[str]) -> str:
    """Return a command line as one line for a shell, without keys and without the values of secret arguments."""

    def public(argument: re.Match[str]) -> str:
        value = "(left out)" if is_secret(argument["name"]) else argument["value"]
        return f"{argument['name']}={argument['value'] if argument['value'].isdecimal() else value}"

    return shlex.join(_ARGUMENT.sub(public, _without_keys(word)) for word in words)


def public_note(note: str, runs: Sequence[NamedFolder]) -> str:
    """Return a note on runs in which each run has its name in place of its path."""
    for run in runs:
        note = replace_folder(note, run.path, run.name)
    return without_paths(note)


def public_arguments(arguments: Mapping[str, object]) -> dict[str, str]:
    """Return the arguments of a model as text, without secrets, places to write to, and those that are None."""
    return {
        name: _public_value(value)
        for name, value in arguments.items()
        if value is not None and not _PLACES.search(name) and not is_secret(name, value)
    }


def withheld(arguments: Mapping[str, object]) -> Iterator[str]:
    """Yield the names of the arguments that `public_arguments` leaves out or changes."""
    for name, value in arguments.items():
        if value is None:
            continue
        if _PLACES.search(name) or is_secret(name, value):
            yield name
        elif isinstance(value, Mapping):
            yield from withheld({str(inner): part for inner, part in value.items()})
        elif any(map(_is_changed, value if isinstance(value, list | tuple) else [value])):
            yield name


def _without_keys(text: str) -> str:
    return _KEY.sub("***", _QUERY.sub(r"\1", _USER.sub("", text)))


def _is_changed(value: object) -> bool:
    return isinstance(value, str) and _public_value(value) != value


def _public_value(value: object) -> str:
    match value:
        case bool():
            return str(value)
        case list() | tuple():
            return "|".join(map(_public_value, value))
        case dict():
            public = public_arguments({str(name): inner for name, inner in value.items()})
            return "{" + " ".join(f"{name}:{inner}" for name, inner in public.items()) + "}"
        case float() if value.is_integer():
            return str(int(value))
        case str() if path := _WHOLE_PATH.match(value):
            return (path["kind"] or "") + _last_part(value)
    return without_paths(str(value))


def _last_part(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
