"""What can be typed: commands and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fusion_eval import __version__
from fusion_eval.options import Parser, count, level, limit, resamples

Command = Callable[[argparse.Namespace], int]
"""Does what the parsed options say; returns the exit code."""


def parser_of(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    """The whole command line. Parsed options hold the chosen `command`, and the `parser` that speaks of its slips."""
    parser = Parser(
        prog="fusion-eval",
        description="Best-of-N and Fusion-of-N in lm-evaluation-harness: which is better, and is the difference real?",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    added = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)
    _add_run(added, commands["run"])
    _add_compare(added, commands["compare"])
    doctor = added.add_parser(
        "doctor", help="what is installed, and how the harness finds us", allow_abbrev=False
    )
    doctor.set_defaults(command=commands["doctor"], parser=doctor)
    return parser


def _add_run(added: Any, command: Command) -> None:
    run = added.add_parser(
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
        "--limit", type=limit, metavar="N", help="first N items of each task, or a share below 1"
    )
    run.add_argument("--include_path", type=Path, metavar="DIR", help="folder with more task YAMLs")
    run.add_argument("--apply_chat_template", action="store_true", help="send prompts as chat messages")
    run.add_argument(
        "--num_fewshot", type=count, metavar="K", help="few-shot examples, instead of the task's own number"
    )
    run.add_argument(
        "--dry_run", action="store_true", help="say what it would ask and at most cost, and ask nobody"
    )
    run.set_defaults(command=command, parser=run)


def _add_compare(added: Any, command: Command) -> None:
    parser = added.add_parser(
        "compare",
        help="effects, p-values and win rates of any two or more runs",
        description="Every run against the first, item by item: how large is the difference, how sure, who wins how often. "
        "With --baseline one run is enough.",
        epilog="fusion-eval compare out/single out/bon out/fusion --output out",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="folders or sample files of lm_eval; the baseline first",
    )
    add(
        "--baseline",
        choices=["expected", "oracle"],
        help="compare all runs with the mean, or the best, of their candidates",
    )
    add("--include_path", type=Path, metavar="DIR", help="task YAMLs that --baseline scores candidates by")
    add(
        "--format",
        choices=["table", "md", "json", "csv"],
        default="table",
        help="what is printed (default: table)",
    )
    add("--output", "--output_path", type=Path, metavar="DIR", help="folder for comparison.json")
    add("--metrics", metavar="M,…", help="these alone (default: all that can be compared)")
    add(
        "--allow_partial",
        action="store_true",
        help="compare what the runs have in common, and say what fell out",
    )
    add(
        "--cluster",
        default="auto",
        metavar="FIELD",
        help="field of the documents whose items belong together, or none (default: auto, see the README)",
    )
    add(
        "--test",
        choices=["auto", "permutation", "mcnemar", "wilcoxon"],
        default="auto",
        help="default: McNemar on independent 0/1 items, else permutation",
    )
    add("--interval", choices=["bca", "percentile"], default="bca", help="bootstrap interval (default: bca)")
    add("--correction", choices=["holm", "bh", "none"], default="holm", help="over the rows (default: holm)")
    add("--alpha", type=level, default=0.05, metavar="A", help="level of tests and intervals (default: 0.05)")
    add(
        "--resamples",
        type=resamples,
        default=10_000,
        metavar="R",
        help="of tests and intervals (default: 10000)",
    )
    add("--seed", type=count, default=0, metavar="S", help="of the resampling (default: 0)")
    parser.set_defaults(command=command, parser=parser)
