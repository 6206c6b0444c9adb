"""Compare what a file states with what was rebuilt, part by part, and report the path of each difference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeVar

T = TypeVar("T")
_RELATIVE, _ABSOLUTE = 1e-6, 1e-9
"""Tolerances for numbers that were computed on another machine, in another order."""
_LONGEST = 60
"""The number of characters of a text that are shown."""
_MOST_NAMES = 5


class Exactly(dict[str, T]):
    """Expected parts with their names: a part more or a part less is a difference.

    In any other mapping, only the parts that both sides have are compared.
    """


@dataclass(frozen=True, slots=True)
class OneOf:
    """Several expected values; any of them is right."""

    values: Sequence[object]


@dataclass(frozen=True, slots=True)
class NotComputed:
    """In place of an expected value that cannot be computed. `reason` is for the note."""

    reason: str


@dataclass(slots=True)
class Differ:
    """All that a comparison of files found so far."""

    compared: int = 0
    """The number of values that were computed again."""
    not_computed: int = 0
    """The number of values and rows that could not be computed again."""
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The counts as one sentence."""
        left = f"; {self.not_computed:,} could not be computed again" if self.not_computed else ""
        if self.differences:
            count = len(self.differences)
            differences = f"{count:,} difference{'' if count == 1 else 's'}"
            return f"{differences} among {self.compared:,} numbers that were computed again{left}"
        return f"all {self.compared:,} numbers that were computed again agree{left}"

    def compare(self, path: str, found: object, expected: object) -> None:
        """Compare one value, or every part of a mapping or list."""
        if isinstance(expected, NotComputed):
            self.skip(expected.reason)
        elif isinstance(found, Mapping) and isinstance(expected, Mapping):
            self._compare_parts(path, found, expected)
        elif isinstance(found, list) and isinstance(expected, list):
            self._compare_parts(path, _numbered(found), Exactly(_numbered(expected)))
        else:
            values = expected.values if isinstance(expected, OneOf) else [expected]
            self.compared += 1
            if not any(same(found, value) for value in values):
                self.differences.append(f"{path}: found {_pair(found, values[0])}")

    def skip(self, reason: str, count: int = 1) -> None:
        """Count values that cannot be computed again, and note the reason."""
        self.not_computed += count
        self.note(f"{reason} (not computed again)")

    def note(self, sentence: str) -> None:
        """Add a note, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _compare_parts(self, path: str, found: Mapping[str, object], expected: Mapping[str, object]) -> None:
        for name in found:
            if name in expected:
                self.compare(f"{path}: {name}", found[name], expected[name])
        if isinstance(expected, Exactly):
            self._compare_names(path, "missing", [name for name in expected if name not in found])
            self._compare_names(path, "not expected", [name for name in found if name not in expected])

    def _compare_names(self, path: str, what: str, names: Sequence[str]) -> None:
        more = f" (and {len(names) - _MOST_NAMES:,} more)" if len(names) > _MOST_NAMES else ""
        if names:
            self.differences.append(f"{path}: {what}: {'; '.join(names[:_MOST_NAMES])}{more}")


def same(found: object, expected: object) -> bool:
    """Return whether two values are equal: numbers within the tolerance, NaN to NaN, an infinity to itself."""
    if not (isinstance(found, int | float) and isinstance(expected, int | float)):
        return found == expected
    if math.isnan(found) or math.isnan(expected):
        return math.isnan(found) and math.isnan(expected)
    return math.isclose(found, expected, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)


def by_name(parts: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Return parts by name. If a name is there twice, the second part is named `name (2)`."""
    named: dict[str, T] = {}
    counts: dict[str, int] = {}
    for name, part in parts:
        counts[name] = counts.get(name, 0) + 1
        named[name if counts[name] == 1 else f"{name} ({counts[name]})"] = part
    return named


def _numbered(values: Sequence[object]) -> dict[str, object]:
    return {str(number): value for number, value in enumerate(values)}


def _pair(found: object, expected: object) -> str:
    """Show two values; of long texts, the parts from where they differ."""
    start = 0
    if isinstance(found, str) and isinstance(expected, str):
        equal = takewhile(lambda marks: marks[0] == marks[1], zip(found, expected, strict=False))
        start = max(0, sum(1 for _ in equal) - _LONGEST // 2)
    return f"{_text(found, start)}, expected {_text(expected, start)}"


def _text(value: object, start: int) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str):
        end = start + _LONGEST
        return ("…" if start else "") + repr(value[start:end]) + ("…" if len(value) > end else "")
    return "nothing" if value is None else repr(value)
