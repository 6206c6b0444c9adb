"""Strategies and scorers by entry point: ours and those of third parties alike."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from fusion_eval.errors import ConfigError, nearest


def names(group: str) -> list[str]:
    """All names in an entry-point group, sorted."""
    return sorted({point.name for point in entry_points(group=group)})


def load(group: str, role: str, name: str) -> Any:
    """The object behind a name, ours before a third party's; `role` is the word for it in messages."""
    found = [point for point in entry_points(group=group) if point.name == name]
    found.sort(key=lambda point: not point.value.startswith("fusion_eval."))
    if not found:
        known = names(group)
        raise ConfigError(f"There is no {role} '{name}'.{nearest(name, known)} Known: {', '.join(known)}")
    try:
        return found[0].load()
    except Exception as error:
        raise ConfigError(f"The {role} '{name}' ({found[0].value}) cannot be imported: {error}") from error
