"""The parser of the command line: one subcommand per file of this folder."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from fusion_eval import __version__
from fusion_eval.cli import (
    analyze,
    check,
    compare,
    doctor,
    export,
    import_,
    judge,
    merge,
    report,
    run,
    serve,
    synth,
    tasks,
)
from fusion_eval.errors import nearest

_INVALID_CHOICE = re.compile(r"invalid choice: (?P<word>.+) \(choose from (?P<known>[^)]+)\)", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """An argparse parser whose messages name the nearest known option."""

    known_options: ClassVar[set[str]] = set()

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        """Add an argument and remember the names of options."""
        self.known_options.update(name for name in names if name.startswith("--"))
        return super().add_argument(*names, **settings)

    def error(self, message: str) -> NoReturn:
        """Print `message` as one line with a hint, and exit with code 2."""
        hint = ""
        if message.startswith("unrecognized arguments: "):
            unknown = message.removeprefix("unrecognized arguments: ").split()[0].split("=")[0]
            hint = nearest(unknown, self.known_options - {unknown})
        elif choice := _INVALID_CHOICE.search(message):
            hint = nearest(choice["word"].strip("'\""), re.findall(r"[\w-]+", choice["known"]))
        self.exit(2, f"{self.prog}: {message}.{hint} See {self.prog} --help\n")


def build_parser() -> Parser:
    """Build the whole command line.

    Returns:
        A parser. Its options hold `run`, the function of the chosen command, and `parser`, the parser that
        reports what is wrong with it.
    """
    parser = Parser(
        prog="fusion-eval",
        description="Best-of-N and Fusion-of-N in lm-evaluation-harness: which is better, and is the difference real?",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)
    run.add_run(commands)
    compare.add_compare(commands)
    analyze.add_analyze(commands)
    judge.add_judge(commands)
    report.add_report(commands)
    check.add_check(commands)
    check.add_baseline(commands)
    export.add_export(commands)
    export.add_verify(commands)
    import_.add_import(commands)
    serve.add_serve(commands)
    synth.add_synth(commands)
    merge.add_merge(commands)
    tasks.add_tasks(commands)
    doctor.add_doctor(commands)
    return parser


def with_underscores(words: Sequence[str]) -> list[str]:
    """Spell options with underscores: `--model-args=a-b` becomes `--model_args=a-b`. Words after `--` are no options."""
    end = words.index("--") if "--" in words else len(words)
    return [*map(_with_underscores, words[:end]), *words[end:]]


def _with_underscores(word: str) -> str:
    name, equals, value = word.partition("=")
    return f"--{name[2:].replace('-', '_')}{equals}{value}" if name.startswith("--") else word
