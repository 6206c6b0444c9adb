"""What an answer may state: a value, a list, a point, a set or a relation."""

from __future__ import annotations

from dataclasses import dataclass

import sympy


@dataclass(frozen=True)
class Value:
    """One expression, and the words behind it that are no unit."""

    expression: sympy.Expr
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Items:
    """Several answers in any order; `is_either` if they are joined by "or"."""

    items: tuple[Statement, ...]
    is_either: bool = False


@dataclass(frozen=True)
class Point:
    """Values in order between brackets, such as a point or an interval."""

    items: tuple[Statement, ...]
    brackets: str


@dataclass(frozen=True)
class Region:
    """A set of numbers, and what is said to lie in it."""

    numbers: sympy.Set
    name: sympy.Expr | None = None


@dataclass(frozen=True)
class Relation:
    """Expressions with relations between them, such as `c < a < b`; the first part of an equation may be a name."""

    parts: tuple[Statement, ...]
    signs: tuple[str, ...]


Statement = Value | Items | Point | Region | Relation
