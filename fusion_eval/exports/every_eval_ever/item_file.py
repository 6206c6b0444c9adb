"""Write the items of a benchmark line by line while they are read, so that memory does not grow with their number."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fusion_eval.runs.writing import whole_file
from fusion_eval.types import without_surrogates

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_LINE_ENDS = {end.encode(): f"\\u{ord(end):04x}".encode() for end in "\x85\u2028\u2029"}
"""Readers split these files by Python's `splitlines`, which also splits at these characters."""


@dataclass(frozen=True, slots=True)
class ItemFile:
    """A file of items."""

    path: Path | None
    """None if there were no items, and so no file."""
    name: str
    """The hash of the numbers and the items, in the form of a UUID of version 4."""
    checksum: str
    count: int


def write_items(folder: Path, items: Iterable[object], aggregate: str) -> ItemFile:
    """Write `<name>_samples.jsonl`, whose name is a hash of the aggregate and the items.

    Args:
        folder: Where to write it; created if needed.
        items: The items, each of which is written before the next is read.
        aggregate: The numbers of the benchmark as JSON.

    Raises:
        ConfigError: The file cannot be written.
    """
    content, count = hashlib.sha256(), 0
    unnamed = folder / f"{secrets.token_hex(8)}_samples.jsonl"
    with whole_file(unnamed) as partial, partial.open("wb", buffering=1 << 18) as file:
        for item in items:
            line = _line(item)
            content.update(line)
            file.write(line)
            count += 1
    named = hashlib.sha256(aggregate.encode() + content.digest())
    name = str(uuid.UUID(bytes=named.digest()[:16], version=4))
    path = unnamed.with_name(f"{name}_samples.jsonl")
    if count:
        unnamed.replace(path)
    else:
        unnamed.unlink()
    return ItemFile(path if count else None, name, content.hexdigest(), count)


def to_json(content: object, indent: int | None = None) -> str:
    """Return content as JSON without line ends other than those of the indentation."""
    encoder = (
        _ENCODER if indent is None else json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=indent)
    )
    return _without_line_ends(without_surrogates(encoder.encode(content)).encode()).decode()


def _line(item: object) -> bytes:
    """Return an item as one line of compact JSON."""
    try:
        return _without_line_ends(msgspec.json.encode(item)) + b"\n"
    except UnicodeEncodeError:  # a lone surrogate
        return to_json(item).encode() + b"\n"


def _without_line_ends(line: bytes) -> bytes:
    if not line.isascii():
        for character, escape in _LINE_ENDS.items():
            line = line.replace(character, escape)
    return line
