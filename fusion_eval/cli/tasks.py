"""`fusion-eval tasks`: list the tasks that come with the package, and copy their data from the hub."""

from __future__ import annotations

import argparse
from typing import Any

from fusion_eval.cli import options as shared
from fusion_eval.errors import ConfigError


def add_tasks(commands: Any) -> None:
    """Add the command `tasks` to the parser."""
    parser = shared.add_command(
        commands, "tasks", help="list the tasks that come with the package, or copy their data from the hub"
    )
    add = parser.add_argument
    add(
        "--copy_to",
        type=shared.path,
        metavar="DIR",
        help="copy the hub's data to DIR, for machines without a network",
    )
    add("--tasks", metavar="G,…", help="copy the data of these groups or tasks only (default: all)")
    parser.set_defaults(run=list_or_copy)


def list_or_copy(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval tasks`."""
    if options.copy_to:
        return _copy(options)
    from fusion_eval.harness.tasks.listing import HEAD, describe_collections, list_groups
    from fusion_eval.report.text_table import text_table

    print(text_table(HEAD, [entry.line for entry in list_groups()], 7))
    print("\n".join(describe_collections()))
    return 0


def _copy(options: argparse.Namespace) -> int:
    from fusion_eval.harness.tasks.hub_copy import copy_from_hub, parts_of

    parts = parts_of(shared.split_names(options.tasks) if options.tasks else ())
    if not parts:
        raise ConfigError(f"The data of {options.tasks} come with the package: there is nothing to copy")
    copy_from_hub(parts, options.copy_to, shared.report_progress)
    print(f"export FUSION_EVAL_DATA={options.copy_to.resolve()}")
    return 0
