"""How the command line is spelt: options, lists, numbers, and what is said of slips."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.text.specs import split_list

Command = Callable[[argparse.Namespace], int]
"""Does what the parsed options say; returns the exit code."""


class Parser(argparse.ArgumentParser):
    """argparse, with the nearest right option in its messages."""

    known: ClassVar[set[str]] = set()

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """As argparse's; remembers the names."""
        self.known.update(name for name in names if name.startswith("--"))
        return super().add_argument(*names, **options)

    def error(self, message: str) -> NoReturn:
        """One line on stderr, exit code 2."""
        unknown = message.removeprefix("unrecognized arguments: ").split()[0].split("=")[0]
        hint = nearest(unknown, self.known - {unknown}) if message.startswith("unrecognized") else ""
        self.exit(2, f"{self.prog}: {message}.{hint} See {self.prog} --help\n")


def underscored(word: str) -> str:
    """`--model-args` and `--model_args` alike."""
    name, equals, value = word.partition("=")
    return (
        f"--{name[2:].replace('-', '_')}{equals}{value}" if name.startswith("--") and len(name) > 2 else word
    )


def listed(text: str) -> tuple[str, ...]:
    """`a,b,a` is (a, b)."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise ConfigError(f"The list '{text}' names nothing; name one at least")
    return names


def model_args(text: str, option: str = "--model_args") -> dict[str, object]:
    """`k=v,…`, with values read as the harness reads them."""
    from lm_eval.utils import simple_parse_args_string

    parts = [part for part in split_list(text) if part]
    names = [part.partition("=")[0] for part in parts]
    for part, name in zip(parts, names, strict=True):
        if "=" not in part:
            raise ConfigError(f"{option}: '{part}' has no value; write {part}=…")
        if names.count(name) > 1:
            raise ConfigError(f"{option} names {name}= more than once; leave one")
    values: dict[str, object] = {}
    for part, name in zip(parts, names, strict=True):
        # The harness would split a spec such as scorer=judge(temperature=0,max_tokens=64) at its commas.
        spec = {name: part.partition("=")[2].strip()}
        values |= spec if "(" in part and "," in part else simple_parse_args_string(part)
    return values


def add_output(parser: argparse.ArgumentParser, metavar: str, told: str) -> None:
    """`-o`, of commands that do nothing but write."""
    parser.add_argument(
        "-o", "--output", "--output_path", type=place, required=True, metavar=metavar, help=told
    )


def place(text: str) -> Path:
    """A path; an empty one is a variable that was not set, and would mean the folder at hand."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def limit(text: str) -> float:
    """A number of items, or a share below 1."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if 0 < number < 1:
        return number
    if number >= 1 and number.is_integer():
        return int(number)
    raise argparse.ArgumentTypeError(f"{text} should be a whole number of items, or a share between 0 and 1")


def count(text: str) -> int:
    """0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} should be a whole number, 0 or more")
    return int(text)


def positive(text: str) -> int:
    """1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} should be a whole number, 1 or more")
    return int(text)


def resamples(text: str) -> int:
    """Enough for an interval, and not more than fit the memory."""
    if not text.isdecimal() or not 100 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} should be a whole number from 100 to 1000000")
    return int(text)


def level(text: str) -> float:
    """Of a test."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0001 <= number <= 0.5:
        raise argparse.ArgumentTypeError(f"{text} should be a number between 0.0001 and 0.5")
    return number
