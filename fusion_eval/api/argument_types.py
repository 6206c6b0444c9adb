"""Check the types of what a caller of the Python API passes, by the annotations of the function."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import ParamSpec, TypeVar

from fusion_eval.errors import ConfigError

P = ParamSpec("P")
R = TypeVar("R")

_SIMPLE: dict[str, tuple[Callable[[object], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "a text"),
    "Path": (lambda value: isinstance(value, Path), "a path"),
    "bool": (lambda value: isinstance(value, bool), "True or False"),
    "int": (lambda value: isinstance(value, Integral), "a whole number"),
    "float": (lambda value: isinstance(value, Real), "a number"),
    "None": (lambda value: value is None, "None"),
    "Run": (lambda value: type(value).__name__ == "Run", "a run"),
    "Callable": (callable, "a function"),
}
"""For each name in an annotation: whether a value is of that type, and how a message calls it.

`Run` is known by its name, because importing the class would slow down `import fusion_eval`.
"""


def checks_types(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function raise a `ConfigError` for an argument of another type than its annotation.

    Types that are not simple, such as strategies, choices and lists of numbers, are left to the function.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            parameter = signature.parameters[name]
            for one in value if parameter.kind is parameter.VAR_POSITIONAL else [value]:
                if not _fits(one, str(parameter.annotation)):
                    raise ConfigError(
                        f"{_shown(name, one)} should be {_described(str(parameter.annotation))}"
                    )
        return function(*args, **kwargs)

    return checked


def _fits(value: object, annotation: str) -> bool:
    return "Sequence[int]" in annotation or any(_fits_one(value, part) for part in _union(annotation))


def _fits_one(value: object, annotation: str) -> bool:
    name, inner = _split(annotation)
    if name == "Sequence":
        is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        return is_list and all(_fits(item, inner) for item in value)  # type: ignore[attr-defined]
    if name == "Mapping":
        return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    return name not in _SIMPLE or _SIMPLE[name][0](value)


def _described(annotation: str) -> str:
    """Return an annotation in words: `a path, a run or None`."""
    words = [_described_one(part) for part in _union(annotation)]
    if "a path" in words and "a text" in words:
        words.remove("a text")
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _described_one(annotation: str) -> str:
    name, inner = _split(annotation)
    if name == "Sequence":
        return f"a list of {'paths' if 'Path' in inner else 'texts'}"
    if name == "Mapping":
        return (
            "a mapping with texts as keys, such as {'model': 'gpt-4o-mini'}"
            if inner.endswith("object")
            else "a mapping"
        )
    return _SIMPLE[name][1] if name in _SIMPLE else annotation


def _split(annotation: str) -> tuple[str, str]:
    """Return the name of a type, and what stands in its brackets."""
    name, _, inner = annotation.partition("[")
    return name, inner.removesuffix("]")


def _union(annotation: str) -> list[str]:
    """Return the members of a union."""
    return [part.strip() for part in re.split(r"\|(?![^\[]*\])", annotation)]


def _shown(name: str, value: object) -> str:
    """Return an argument for a message. A text is not repeated, as it may hold a key."""
    return (
        f"{name}={value!r}"
        if value is None or isinstance(value, Real)
        else f"{name}, a {type(value).__name__},"
    )
