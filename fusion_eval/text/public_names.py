"""Names of models and systems as others may read them: without the folders of whoever ran them."""

from __future__ import annotations

import re
from pathlib import Path

from fusion_eval.text.printable import printable

_LOCAL = re.compile(r"[/~.\\]|[A-Za-z]:[/\\]")
"""How a path on somebody's disk begins."""


def public_name(name: str) -> str:
    """A model's name; of a path on somebody's disk the last part."""
    name = printable(name).removeprefix("gguf:").strip()
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return (last.strip(". ") or "unknown") if _LOCAL.match(name) else name


def without_place(note: str, path: Path, name: str) -> str:
    """A sentence on a run in which its folder stands by its name."""
    return re.sub(rf"(?<![\w./]){re.escape(str(path))}(?=[/:])", name, note) if len(path.parts) else note


def public_signature(signature: str | None) -> str | None:
    """A run's signature without the folders of those models that are files."""
    return signature and re.sub(r"(?<=[:=+])[/~.][^|+,]*/", "", signature)
