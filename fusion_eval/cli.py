"""The command line: parses, calls, prints. Heavy imports happen when a command runs."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from fusion_eval import __version__
from fusion_eval.errors import ConfigError, FusionEvalError, nearest

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code: 0 done, 2 the user's input, 130 interrupted."""
    given = [_underscored(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    options = _parser().parse_args(given)
    try:
        return int(options.command(options))
    except FusionEvalError as error:
        print(f"fusion-eval: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nfusion-eval: interrupted. What is finished is kept; the same command goes on from there",
            file=sys.stderr,
        )
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    from fusion_eval.report.score_table import score_table
    from fusion_eval.run import Plan, run

    started = time.monotonic()
    plan = Plan(
        output=options.output,
        tasks=_listed(options.tasks),
        strategies=_listed(options.strategies),
        model_args=_model_args(options.model_args),
        limit=options.limit,
        include_path=options.include_path,
        apply_chat_template=options.apply_chat_template,
        num_fewshot=options.num_fewshot,
    )
    outcome = run(plan, lambda line: print(line, file=sys.stderr))
    if outcome is None:  # another rank of a parallel run has it
        return 0
    print(score_table(outcome.rows, plan.strategies, outcome.metric))
    print(
        "tokens and seconds: of every generation behind the row, the shared pool counted once; requests overlap in time"
    )
    for strategy, total in outcome.totals.items():
        print(
            f"{strategy}: answers {total.prompts}, calls beyond the pool {total.aggregation_calls}, fallbacks {total.fallbacks}"
        )
        if 2 * total.fallbacks > total.prompts:
            print(
                f"{strategy}: WARNING: most answers are fallbacks, so this column says little; the traces say why"
            )
    print(f"{time.monotonic() - started:.0f} s in all; results, samples and traces are in {plan.output}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from fusion_eval.doctor import findings

    for line in findings():
        print(line)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fusion-eval",
        description="Best-of-N and Fusion-of-N in lm-evaluation-harness: which is better, and is the difference real?",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)

    run = commands.add_parser(
        "run", help="sample once, aggregate with every strategy, score, show", allow_abbrev=False
    )
    run.add_argument(
        "--output", "--output_path", type=Path, required=True, metavar="DIR", help="folder for the results"
    )
    run.add_argument(
        "--tasks",
        default="fusion_demo",
        metavar="T,…",
        help="tasks or groups of the harness (default: fusion_demo)",
    )
    run.add_argument(
        "--strategies", default="single,bon,fusion", metavar="S,…", help="default: single,bon,fusion"
    )
    run.add_argument(
        "--model_args",
        default="",
        metavar="K=V,…",
        help="model=, n=, temperature=, fusor=, … (default: the embedded model)",
    )
    run.add_argument(
        "--limit", type=_limit, metavar="N", help="first N items of each task, or a share below 1"
    )
    run.add_argument("--include_path", type=Path, metavar="DIR", help="folder with more task YAMLs")
    run.add_argument("--apply_chat_template", action="store_true", help="send prompts as chat messages")
    run.add_argument(
        "--num_fewshot", type=_count, metavar="K", help="few-shot examples, instead of the task's own number"
    )
    run.set_defaults(command=_run)

    doctor = commands.add_parser(
        "doctor", help="what is installed, and how the harness finds us", allow_abbrev=False
    )
    doctor.set_defaults(command=_doctor)
    return parser


class _Parser(argparse.ArgumentParser):
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


def _underscored(word: str) -> str:
    """`--model-args` and `--model_args` alike."""
    name, equals, value = word.partition("=")
    return (
        f"--{name[2:].replace('-', '_')}{equals}{value}" if name.startswith("--") and len(name) > 2 else word
    )


def _listed(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise ConfigError("An empty list names nothing to run; name at least one task and one strategy")
    return names


def _model_args(text: str) -> dict[str, object]:
    from lm_eval.utils import simple_parse_args_string

    parts = [part.strip() for part in text.split(",") if part.strip()]
    names = [part.partition("=")[0] for part in parts]
    for part, name in zip(parts, names, strict=True):
        if "=" not in part:
            raise ConfigError(f"--model_args: '{part}' has no value; write {part}=…")
        if names.count(name) > 1:
            raise ConfigError(f"--model_args names {name}= more than once; leave one")
    return dict(simple_parse_args_string(text))


def _limit(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if 0 < number < 1:
        return number
    if number >= 1 and number.is_integer():
        return int(number)
    raise argparse.ArgumentTypeError(f"{text} should be a whole number of items, or a share between 0 and 1")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} should be a whole number, 0 or more")
    return int(text)
