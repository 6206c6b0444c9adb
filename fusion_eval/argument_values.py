"""Read one argument value from a command line, a YAML file or a Python call.

Every reader takes the argument's name and its value. It raises a `ConfigError` that names both and says what the value
should be.
"""

from __future__ import annotations

import enum
import math
import os
import re
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fusion_eval.errors import ConfigError, nearest

DEFAULT_TASK = "fusion_demo"
DEFAULT_STRATEGIES = ("single", "bon", "fusion")
"""What fusion-eval run runs unless it is told otherwise."""
KEY_VARIABLE = "OPENAI_API_KEY"
"""The environment variable that holds the key for OpenAI's own host unless another one is named."""

BUNDLED_MODELS = ("embedded", "qwen-coder-1.5b")
"""Models whose weights an extra installs."""


class Off(enum.Enum):
    """The word `off` in place of a file or an address."""

    OFF = "off"


OFF: Final = Off.OFF
"""`cache=off`: keep nothing. `fusor_base_url=off`, `scorer_base_url=off`: a provider, not the default address."""


def runs_in_llama_cpp(name: str) -> bool:
    """Return whether llama.cpp in this process runs the model."""
    return name in BUNDLED_MODELS or name.startswith("gguf:")


def runs_in_process(name: str) -> bool:
    """Return whether a model has no address, key or price: it runs in this process or a Ray cluster, or is a stored pool."""
    return runs_in_llama_cpp(name) or name.startswith(("lm_eval:", "pool:", "vllm:"))


def read_text(name: str, value: object) -> str:
    """Read a text that is not empty; spaces around it are dropped."""
    if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
        return str(value).strip()
    raise ConfigError(f"{name}={value} should be a name")


def read_names(name: str, value: object) -> tuple[str, ...]:
    """Read one name or several: a list, or `a|b`."""
    return tuple(read_text(name, part) for part in _parts(name, value))


def read_temperatures(name: str, value: object) -> tuple[float, ...]:
    """Read one temperature or several: a list, or `0.3|0.7`."""
    return tuple(number_reader(0, 5)(name, part) for part in _parts(name, value))


def read_flag(name: str, value: object) -> bool:
    """Read true or false, as a command line, YAML or Python spells it."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if str(value).lower() in words:
        return words[str(value).lower()]
    raise ConfigError(f"{name}={value} should be true or false")


def integer_reader(least: int) -> Callable[[str, object], int]:
    """Return a reader of whole numbers from `least` up."""

    def read(name: str, value: object) -> int:
        try:
            number = int(str(value))
        except ValueError:
            number = least - 1
        if isinstance(value, bool) or number < least:
            raise ConfigError(f"{name}={value} should be a whole number, {least} or more")
        return number

    return read


def read_integers(name: str, value: object) -> tuple[int, ...]:
    """Read one whole number from 1 up or several: a list, or `2|1|1`."""
    return tuple(integer_reader(1)(name, part) for part in _parts(name, value))


def choice_reader(*choices: str) -> Callable[[str, object], str]:
    """Return a reader of one of some words."""

    def read(name: str, value: object) -> str:
        if value in choices:
            return str(value)
        raise ConfigError(f"{name}={value} should be {' or '.join(choices)}.{nearest(str(value), choices)}")

    return read


def number_reader(least: float, most: float, *, above: bool = False) -> Callable[[str, object], float]:
    """Return a reader of numbers from `least` to `most`; with `above`, `least` itself is too small."""
    bounds = f"{'above' if above else 'from'} {least:g}" + ("" if most == float("inf") else f" to {most:g}")

    def read(name: str, value: object) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = float("nan")
        large_enough = least < number if above else least <= number
        if isinstance(value, bool) or not large_enough or not number <= most:
            raise ConfigError(f"{name}={value} should be a number {bounds}")
        return number

    return read


def read_variable(name: str, value: object) -> str:
    """Read the name of an environment variable. The error does not repeat the value, which may be a key."""
    if isinstance(value, str) and (value in os.environ or re.fullmatch(r"[A-Z][A-Z0-9_]*", value)):
        return value
    raise ConfigError(
        f"{name}= should be the name of an environment variable, such as {KEY_VARIABLE}, not a key"
    )


def read_variables(name: str, value: object) -> str:
    """Read the names of environment variables, one for all addresses or `A|B`, one for each; an empty one is no key."""
    parts = [part.strip() for part in str(value).split("|")]
    if not any(parts):
        return read_variable(name, value)
    return "|".join(read_variable(name, part) if part else "" for part in parts)


def check_key_variables(name: str, variables: str | None, addresses: tuple[str, ...]) -> None:
    """Raise an error where one key would go to several hosts, or variables and addresses do not pair up.

    Args:
        name: The argument that names the variables.
        variables: What `read_variables` returned, or None.
        addresses: The addresses that the keys are for.
    """
    names = variables.split("|") if variables else []
    hosts = list(dict.fromkeys(urlsplit(address).hostname or "" for address in addresses))
    if len(names) == 1 and len(hosts) > 1:
        raise ConfigError(
            f"{name}={variables} would send one key to {len(hosts)} hosts ({', '.join(hosts)}); "
            f"name a variable for each address: {name}={'|'.join(names * len(addresses))}"
        )
    if len(names) > 1 and len(names) != len(addresses):
        raise ConfigError(
            f"{name}= names {len(names)} variables for {len(addresses)} addresses; name one for each, in their order"
        )


def read_addresses(name: str, value: object) -> tuple[str, ...]:
    """Read the address of an endpoint, or several that serve one model: `a|b`."""
    addresses = [part.strip().rstrip("/") for part in str(value).split("|")]
    for address in addresses:
        if "@" in address:  # a password would be written into results
            raise ConfigError(
                f"{name}= should hold no user or password; put a key into a variable and name it with "
                f"{name.removesuffix('base_url')}api_key_env="
            )
        if not re.match(r"https?://[^/?#]", address):
            raise ConfigError(f"{name}={value} should be a URL such as http://localhost:8000/v1")
    return tuple(dict.fromkeys(addresses))


def read_addresses_or_off(name: str, value: object) -> tuple[str, ...] | Off:
    """Read addresses, or the word `off`."""
    return OFF if _is_off(value) else read_addresses(name, value)


def read_path(name: str, value: object) -> Path:
    """Read a path; `~` is the home folder."""
    try:
        return Path(read_text(name, str(value) if isinstance(value, Path) else value)).expanduser()
    except RuntimeError as error:  # ~name of an unknown user
        raise ConfigError(f"{name}={value} names a home folder that is not there") from error


def read_paths(name: str, value: object) -> tuple[Path, ...]:
    """Read one path or several: a list, or `a|b`."""
    return tuple(read_path(name, part) for part in _parts(name, value))


def read_path_or_off(name: str, value: object) -> Path | Off:
    """Read a path, or the word `off`."""
    return OFF if _is_off(value) else read_path(name, value)


def _parts(name: str, value: object) -> list[object]:
    parts = list(value) if isinstance(value, (list, tuple)) else list(str(value).split("|"))
    if not parts:
        raise ConfigError(f"{name}= is an empty list; leave it out, or name one value at the least")
    return parts


def _is_off(value: object) -> bool:
    return value is OFF or value is False or value == OFF.value  # YAML reads a bare `off` as false


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise `ConfigError` for a value that is none of the choices."""
    if value not in choices:
        raise ConfigError(f"{name}={value!r} should be one of {', '.join(map(repr, choices))}")


def check_number(name: str, value: object, least: float, most: float = math.inf) -> None:
    """Raise `ConfigError` for a value that is out of range, or no number. A range of integers has whole numbers only."""
    whole = isinstance(least, int)
    if isinstance(value, Integral if whole else Real) and least <= value <= most:  # type: ignore[operator]
        return
    upper = "" if most == math.inf else f" to {most:,}"
    raise ConfigError(f"{name}={value!r} should be a {'whole ' * whole}number from {least:,}{upper}")


def names_in(names: str | Sequence[str]) -> tuple[str, ...]:
    """Return distinct names, given as a sequence or as one text with commas.

    Raises:
        ConfigError: It is neither.
    """
    listed = names.split(",") if isinstance(names, str) else names
    if not isinstance(listed, Sequence) or not all(isinstance(name, str) for name in listed):
        raise ConfigError(f"{names!r} should be a text with commas, or a list of texts")
    return tuple(dict.fromkeys(name.strip() for name in listed if name.strip()))
