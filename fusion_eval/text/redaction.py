"""What a page for others must not say: where this machine keeps its files, and what opens doors."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from fusion_eval.text.public_names import without_place

_PATH = re.compile(
    r"(?<=\")(?:~|[A-Za-z]:)?[/\\](?![/\\\s])[^\"]*(?=\")"  # in quotes it may hold spaces
    r"|(?:file://|(?<![\w./\\])(?:~|[A-Za-z]:)?)[/\\](?![/\\\s])[^\s,;'\"|()+]*"
)
_WHOLE_PATH = re.compile(r"(?P<kind>gguf:|file://)?(?:~|[A-Za-z]:)?[/\\](?![/\\])")
_USER = re.compile(r"(?<=://)[^/\s@]+@")
_QUERY = re.compile(r"(?<=://)([^\s?|,]+)\?[^\s|,]*")
_KEY = re.compile(r"\b(?:sk-|hf_|gsk_|xai-)[A-Za-z0-9_-]{20,}")
_SECRET = re.compile(
    r"(?<!(?:bos|eos|end|pad|unk)_)token$|key|secret|passw|auth|header|credential|cookie", re.IGNORECASE
)
_ARGUMENT = re.compile(r"\b(?P<name>\w+)=(?P<value>(?:(?!,\w+=).)*)", re.DOTALL)
"""An argument of a comma-separated list. Its value may hold commas."""
_PLACES = re.compile(r"(?:^|_)(?:trace_dir|trace_file|cache|cache_dir|output_path|log_file)$")


class NamedFolder(Protocol):
    """A run: the folder that it was read from, and its name."""

    @property
    def path(self) -> Path: ...

    @property
    def name(self) -> str: ...


def without_paths(text: str) -> str:
    """Every absolute path as its last part; addresses without user, password and query; and no key."""
    text = _KEY.sub("(key)", _QUERY.sub(r"\1", _USER.sub("", text)))
    return _PATH.sub(lambda found: _last_part(found[0]), text)


def without_secrets(text: str) -> str:
    """Return a text without keys, without the user, password and query of addresses, and without `token=…` and the like."""
    text = _KEY.sub("(key)", _QUERY.sub(r"\1", _USER.sub("", text)))
    return _ARGUMENT.sub(lambda found: found[0] if _is_public(found) else f"{found['name']}=(left out)", text)


def public_command(words: Sequence[str]) -> str:
    """Return a command line as others may read it: one line for a shell, without secrets."""
    return shlex.join(map(without_secrets, words))


def public_note(note: str, runs: Sequence[NamedFolder]) -> str:
    """A sentence of whoever read the runs, in which these have their names and not their paths."""
    for run in runs:
        note = without_place(note, run.path, run.name)
    return without_paths(note)


def public_arguments(arguments: Mapping[str, object]) -> dict[str, str]:
    """Arguments of a model as they may be told: those that hold keys or name places to write to are left out."""
    return {
        name: _told(value)
        for name, value in arguments.items()
        if value is not None and not _PLACES.search(name) and not _is_secret(name, value)
    }


def withheld(arguments: Mapping[str, object]) -> Iterator[str]:
    """The names of those that `public_arguments` leaves out, or tells otherwise than they are."""
    for name, value in arguments.items():
        if value is None:
            continue
        if _PLACES.search(name) or _is_secret(name, value):
            yield name
        elif isinstance(value, Mapping):
            yield from withheld({str(inner): part for inner, part in value.items()})
        elif isinstance(value, list | tuple):
            if any(map(_is_changed, value)):
                yield name
        elif _is_changed(value):
            yield name


def _is_changed(value: object) -> bool:
    return isinstance(value, str) and _told(value) != value


def _is_secret(name: str, value: object) -> bool:
    return _SECRET.search(name) is not None and not isinstance(value, bool | int | float)


def _is_public(argument: re.Match[str]) -> bool:
    return not _SECRET.search(argument["name"]) or argument["value"].isdecimal()


def _told(value: object) -> str:
    match value:
        case bool():
            return str(value)
        case list() | tuple():
            return "|".join(map(_told, value))
        case dict():
            told = public_arguments({str(name): inner for name, inner in value.items()})
            return "{" + " ".join(f"{name}:{inner}" for name, inner in told.items()) + "}"
        case float() if value.is_integer():
            return str(int(value))
        case str() if whole := _WHOLE_PATH.match(value):
            return (whole["kind"] or "") + _last_part(value)
    return without_paths(str(value))


def _last_part(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
