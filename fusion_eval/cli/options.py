"""Options that several commands share, and the readers of their values."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from fusion_eval.comparison.options import ALPHA_RANGE, RESAMPLES_RANGE, Correction, FamilyRule, Test
from fusion_eval.errors import ConfigError
from fusion_eval.text.printable import terminal_line

if TYPE_CHECKING:
    from fusion_eval.comparison.options import ComparisonOptions


def add_command(commands: Any, name: str, **settings: Any) -> argparse.ArgumentParser:
    """Add a subcommand to the parser; `settings` are those of `argparse.ArgumentParser`."""
    parser: argparse.ArgumentParser = commands.add_parser(name, **settings)
    parser.set_defaults(parser=parser)
    return parser


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument that names the runs."""
    parser.add_argument(
        "runs",
        nargs="+",
        type=path,
        metavar="RUN",
        help="folders or sample files of lm_eval; the baseline first",
    )


def add_judge_options(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add the options that say which model judges, and with which prompt."""
    add = parser.add_argument
    add("--judge", required=required, metavar="MODEL", help="an LLM that compares answers; a|b|c is a panel")
    add("--judge_base_url", metavar="URL", help="the judge's OpenAI-compatible endpoint")
    add("--judge_args", default="", metavar="K=V,…", help="concurrency=, budget=, max_tokens=, cache=, …")
    add(
        "--judge_prompt",
        default="helpfulness",
        metavar="NAME",
        help="helpfulness, translation, reasoning, or a Jinja2 file (default: helpfulness)",
    )
    add(
        "--swap",
        choices=["both", "random"],
        default="both",
        help="show each pair in both orders, or in a random one (default: both)",
    )


def add_statistics_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how runs are compared and how the result is printed."""
    add = parser.add_argument
    add(
        "--format",
        choices=["table", "md", "json", "csv"],
        default="table",
        help="form of the printed comparison (default: table)",
    )
    add_wide(parser)
    add("--output", "--output_path", type=path, metavar="DIR", help="folder for comparison.json")
    add_allow_partial(parser, "compare the items that all runs have, and report the others")
    add_cluster(parser)
    add(
        "--test",
        choices=get_args(Test),
        default="auto",
        help="auto is McNemar's test for independent 0/1 items, else the permutation test (default: auto)",
    )
    add(
        "--correction",
        choices=get_args(Correction),
        default="holm",
        help="adjust p-values by Holm or by Benjamini-Hochberg (default: holm)",
    )
    add_family(parser)
    add_alpha(parser, "level of tests and intervals")
    add(
        "--resamples",
        type=resamples,
        default=10_000,
        metavar="R",
        help="number of resamples for tests and intervals (default: 10000)",
    )
    add("--seed", type=count, default=0, metavar="S", help="seed of the resampling (default: 0)")


def add_wide(parser: argparse.ArgumentParser) -> None:
    """Add the option that prints every column."""
    parser.add_argument("--wide", action="store_true", help="print every column, however long lines become")


def add_family(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which rows p-values are adjusted over."""
    parser.add_argument(
        "--family",
        choices=get_args(FamilyRule),
        default="auto",
        help="adjust p-values within families of rows (primary, languages, secondary, judge), or over all (default: auto)",
    )


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which items depend on each other."""
    parser.add_argument(
        "--cluster",
        default="auto",
        metavar="FIELD",
        help="document field whose equal values mark dependent items, or none (default: auto)",
    )


def add_alpha(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the significance level."""
    parser.add_argument("--alpha", type=level, default=0.05, metavar="A", help=f"{purpose} (default: 0.05)")


def add_allow_partial(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the option that accepts runs with missing or damaged items."""
    parser.add_argument("--allow_partial", action="store_true", help=purpose)


def add_output(parser: argparse.ArgumentParser, metavar: str, purpose: str) -> None:
    """Add the required option `-o` of commands whose only result is what they write."""
    parser.add_argument(
        "-o", "--output", "--output_path", type=path, required=True, metavar=metavar, help=purpose
    )


def comparison_options(options: argparse.Namespace) -> ComparisonOptions:
    """Read the statistics of a comparison from the command line."""
    from fusion_eval.comparison.options import ComparisonOptions

    return ComparisonOptions(
        alpha=options.alpha,
        test=options.test,
        correction=options.correction,
        resamples=options.resamples,
        seed=options.seed,
        cluster=options.cluster,
        allow_partial=options.allow_partial,
        family=options.family,
    )


def split_names(text: str) -> tuple[str, ...]:
    """Split `a,b,a` into the distinct names ("a", "b"); raise `ConfigError` for an empty list."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise ConfigError(f"The list '{text}' is empty; name at least one entry")
    return names


def read_model_args(text: str, option: str = "--model_args") -> dict[str, object]:
    """Read the value of an option, `k=v,…`, as the harness does. Messages name the option.

    Raises:
        ConfigError: An entry has no value, or a name stands twice.
    """
    from fusion_eval.argument_values import runs_in_llama_cpp
    from fusion_eval.harness.host import parse_arguments
    from fusion_eval.text.specs import split_list

    values: dict[str, object] = {}
    for part in filter(None, split_list(text)):
        name, equals, value = part.partition("=")
        if not equals or not name:
            is_model = option == "--model_args" and runs_in_llama_cpp(part)
            meant = f"model={part}" if is_model else f"{part}=…"
            raise ConfigError(f"{option}: '{part}' has no value; write {meant}")
        if name in values:
            raise ConfigError(f"{option} names {name}= more than once; keep one")
        # The harness would split the commas inside scorer=judge(temperature=0,max_tokens=64).
        values |= {name: value.strip()} if "(" in value and "," in value else parse_arguments(part)
    return values


def note(sentence: str) -> None:
    """Print a note on standard error."""
    print(f"note: {terminal_line(sentence)}", file=sys.stderr)


def report_progress(line: str) -> None:
    """Print a line on standard error, above a progress bar. Standard output holds results only."""
    from tqdm import tqdm

    tqdm.write(terminal_line(line), file=sys.stderr)


def path(text: str) -> Path:
    """Read a path; reject an empty one, which an unset shell variable leaves."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def limit(text: str) -> float:
    """Read a number of items (an int), or a share of them between 0 and 1."""
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
    """Read a whole number, 0 or more."""
    return _whole_number(text, 0)


def positive(text: str) -> int:
    """Read a whole number, 1 or more."""
    return _whole_number(text, 1)


def _whole_number(text: str, smallest: int) -> int:
    if not text.isdecimal() or int(text) < smallest:
        raise argparse.ArgumentTypeError(f"{text} should be a whole number, {smallest} or more")
    return int(text)


def resamples(text: str) -> int:
    """Read a number of resamples."""
    least, most = RESAMPLES_RANGE
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text} should be a whole number from {least} to {most}")
    return int(text)


def level(text: str) -> float:
    """Read a significance level."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    least, most = ALPHA_RANGE
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text} should be a number between {least} and {most}")
    return number
