"""The types that options of strategies and scorers may have, and how each is read from a word."""

from __future__ import annotations

import math
import types
import typing
from typing import Any


def _flag(word: str) -> bool:
    if word not in ("true", "false"):
        raise ValueError(word)
    return word == "true"


def _number(word: str) -> float:
    number = float(word)
    if not math.isfinite(number):
        raise ValueError(word)
    return number


SIMPLE: dict[object, tuple[str, Any]] = {
    int: ("a whole number", int),
    float: ("a number", _number),
    bool: ("true or false", _flag),
    str: ("a text; put it into double quotes if it holds a comma or a parenthesis", str),
}


def without_none(kind: Any) -> tuple[Any, bool]:
    """Return the type X of `X | None`, and whether None is allowed."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        others = [part for part in typing.get_args(kind) if part is not type(None)]
        if len(others) == 1:
            return others[0], True
    return kind, False
