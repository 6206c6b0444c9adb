"""Readers of argument values: what a command line, a YAML file or a call gives, as what it should be.

Each takes the argument's name and its value, and raises a `ConfigError` that names both where the value is none.
"""

from __future__ import annotations

from collections.abc import Callable

from fusion_eval.errors import ConfigError


def text(name: str, value: object) -> str:
    """Anything but nothing, without the spaces around it."""
    if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
        return str(value).strip()
    raise ConfigError(f"{name}={value} should be a name")


def names(name: str, value: object) -> tuple[str, ...]:
    """One or several."""
    return tuple(text(name, part) for part in parts(name, value))


def parts(name: str, value: object) -> list[object]:
    """A YAML list, or `a|b` of the command line."""
    found = list(value) if isinstance(value, (list, tuple)) else list(str(value).split("|"))
    if not found:
        raise ConfigError(f"{name}= is an empty list; leave it out, or name one value at the least")
    return found


def whole(least: int) -> Callable[[str, object], int]:
    """Reads whole numbers."""

    def read(name: str, value: object) -> int:
        try:
            found = int(str(value))
        except ValueError:
            found = least - 1
        if isinstance(value, bool) or found < least:
            raise ConfigError(f"{name}={value} should be a whole number, {least} or more")
        return found

    return read


def number(least: float, most: float, *, above: bool = False) -> Callable[[str, object], float]:
    """Reads numbers within bounds; `above` leaves the lower one out."""
    bounds = f"{'above' if above else 'from'} {least:g}" + ("" if most == float("inf") else f" to {most:g}")

    def read(name: str, value: object) -> float:
        try:
            found = float(str(value))
        except ValueError:
            found = float("nan")
        if isinstance(value, bool) or not (least < found if above else least <= found) or not found <= most:
            raise ConfigError(f"{name}={value} should be a number {bounds}")
        return found

    return read


def temperatures(name: str, value: object) -> tuple[float, ...]:
    """One or several."""
    return tuple(number(0, 5)(name, part) for part in parts(name, value))


def flag(name: str, value: object) -> bool:
    """True or false, in the words of any of the three."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if str(value).lower() in words:
        return words[str(value).lower()]
    raise ConfigError(f"{name}={value} should be true or false")
