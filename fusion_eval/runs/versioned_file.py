"""Read and write the JSON files of this package that name the version of their schema."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from fusion_eval.errors import ConfigError
from fusion_eval.text.parse_errors import why_unreadable


class Versioned(Protocol):
    """The content of a file that names the version of its schema."""

    @property
    def schema_version(self) -> int:
        """The version that the file was written with."""
        ...


Content = TypeVar("Content", bound=Versioned)


def read_versioned(path: Path, form: type[Content], *, version: int, what: str, command: str) -> Content:
    """Read a file that `to_json` made.

    Args:
        path: The file.
        form: The type of its content.
        version: The only schema version that can be read.
        what: What the file holds, such as "a comparison".
        command: The command that writes it, such as "compare".

    Raises:
        ConfigError: The file cannot be read, holds something else, or has another schema version.
    """
    try:
        raw = path.read_bytes()
        content = msgspec.json.decode(raw, type=form)
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"{path} is not {what} that `fusion-eval {command}` wrote: {why_unreadable(error, raw)}"
        ) from error
    if content.schema_version != version:
        raise ConfigError(
            f"{path} has schema_version {content.schema_version}, and this version reads {version}; {command} again"
        )
    return content


def to_json(content: Versioned) -> bytes:
    """Return the content as indented JSON with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
