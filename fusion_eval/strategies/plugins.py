"""Find strategies and scorers by entry point: ours, and those of third parties."""

from __future__ import annotations

import functools
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from fusion_eval.errors import ConfigError, nearest

STRATEGIES = "fusion_eval.strategies"
SCORERS = "fusion_eval.scorers"
ROLES = {STRATEGIES: "strategy", SCORERS: "scorer"}
"""The word for what each group of entry points holds."""
_ELSEWHERE = {"first": "single", "self_consistency": "majority", "best_of_n": "bon"}
"""What other tools call some of ours."""


def names(group: str) -> list[str]:
    """Return all names in a group of entry points, sorted."""
    return sorted(_points(group))


def load(group: str, name: str) -> Any:
    """Load what a third party or we registered under a name. A third party cannot replace a name of ours.

    Raises:
        ConfigError: There is no such name, or it cannot be imported.
    """
    role, points = ROLES[group], _points(group)
    if name not in points:
        known = sorted(points)
        raise ConfigError(f"There is no {role} '{name}'.{_instead_of(name, group)} Known: {', '.join(known)}")
    try:
        return points[name].load()
    except Exception as error:
        raise ConfigError(
            f"The {role} '{name}' ({points[name].value}) cannot be imported: {error}"
        ) from error


def _instead_of(name: str, group: str) -> str:
    """Return a hint for a name that a group lacks: what it is instead, or the nearest name."""
    if name in _ELSEWHERE and group == STRATEGIES:
        return f" Did you mean '{_ELSEWHERE[name]}'?"
    if group == STRATEGIES and name in _points(SCORERS):
        return f" It is a scorer: bon(scorer={name})."
    if group == SCORERS and name in _points(STRATEGIES):
        return " It is a strategy."
    return nearest(name.lower(), _points(group))


def registered_name(value: object) -> str | None:
    """Return the name under which a value, its class or its function is registered; None if it is not."""
    kinds = (value, type(value))
    places = {f"{getattr(kind, '__module__', '')}:{getattr(kind, '__qualname__', '')}" for kind in kinds}
    points = [point for group in ROLES for point in _points(group).values()]
    for point in points:
        if point.value.replace(" ", "") in places:
            return point.name
    for point in points:  # registered under another path, or as an instance
        if not _is_ours(point) and any(_loaded(point) is kind for kind in kinds):
            return point.name
    return None


def _points(group: str) -> dict[str, EntryPoint]:
    """Return the entry points by name; of several with one name, ours counts."""
    return _points_on(tuple(sys.path), group)


@functools.cache
def _points_on(path: tuple[str, ...], group: str) -> dict[str, EntryPoint]:
    """Read the entry points once for each import path, since that reads the metadata of all packages."""
    found = sorted(entry_points(group=group), key=_is_ours)
    return {point.name: point for point in found}


def _is_ours(point: EntryPoint) -> bool:
    return point.value.startswith("fusion_eval.")


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception:  # a package that cannot be imported made no value
        return None
