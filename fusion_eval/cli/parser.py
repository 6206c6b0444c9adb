"""What can be typed: commands and their options."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fusion_eval import __version__
from fusion_eval.cli.check import add_baseline, add_check
from fusion_eval.cli.compare_options import add_compare, add_judge, add_judge_choice
from fusion_eval.cli.export import add_export, add_verify
from fusion_eval.cli.options import Command, Parser, count, limit


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
    add_compare(added, commands["compare"])
    add_judge(added, commands["judge"])
    add_check(added, commands["check"])
    add_baseline(added, commands["baseline"])
    add_export(added, commands["export"])
    add_verify(added, commands["verify"])
    tasks = added.add_parser(
        "tasks", help="the tasks that come with the package, and copies of their data", allow_abbrev=False
    )
    tasks.add_argument(
        "--copy_to",
        type=Path,
        metavar="DIR",
        help="write the hub's data there, for machines without a network",
    )
    tasks.add_argument("--tasks", metavar="G,…", help="of these groups alone (default: all)")
    tasks.set_defaults(command=commands["tasks"], parser=tasks)
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
        "--output",
        "--output_path",
        type=Path,
        metavar="DIR",
        help="folder for the results; --dry_run alone needs none",
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
    add_judge_choice(run)
    run.set_defaults(command=command, parser=run)
