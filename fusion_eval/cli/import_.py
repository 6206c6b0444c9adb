"""`fusion-eval import`: runs and pools of what other tools have sampled."""

from __future__ import annotations

import argparse
from typing import Any

from fusion_eval.cli import options as shared
from fusion_eval.errors import ConfigError


def add_import(commands: Any) -> None:
    """Add the command `import` to the parser."""
    parser = shared.add_command(
        commands,
        "import",
        help="make runs and pools of what other tools have sampled",
        description="Read pools, answers and judgements of other tools, and write them as runs, which compare, analyze, "
        "judge and export take. The kind of the source is told by its content.",
        epilog="fusion-eval import logs/my-task.eval --output out/imported",
    )
    add = parser.add_argument
    add("source", metavar="SOURCE", help="a file, a folder, or hf:OWNER/NAME[/CONFIG][:SPLIT]")
    shared.add_output(parser, "DIR", "folder to write to")
    add(
        "--from",
        dest="kind",
        metavar="NAME",
        help="cohere-fusion, cohere-verdicts, lm-eval, nemo-skills, inspect, alpaca-eval, arena-hard, openai-batch or jsonl",
    )
    add(
        "--columns",
        metavar="ROLE=COLUMN,…",
        help="for jsonl: prompt=, answer=, score=, id=, model=, language=, target=, task=",
    )
    shared.add_allow_partial(
        parser,
        "leave out items whose pools have holes, and lines of the harness that are cut off, and note it",
    )
    parser.set_defaults(run=import_runs)


def import_runs(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval import`."""
    from fusion_eval import api

    result = api.import_pools(
        options.source,
        options.output,
        kind=options.kind,
        columns=_columns(options.columns),
        allow_partial=options.allow_partial,
    )
    for sentence in result.notes:
        shared.note(sentence)
    print(f"{result.kind}: {result.items:,} items, {result.candidates:,} candidates in pools")
    for path in result.runs:
        print(path)
    if result.tasks.is_dir():
        print(f"score the pools with --include_path {result.tasks}")
    return 0


def _columns(text: str | None) -> dict[str, str]:
    """Read `role=column,…`."""
    columns = {}
    for part in shared.split_names(text) if text is not None else ():
        role, equals, column = part.partition("=")
        if not equals:
            raise ConfigError(f"--columns: '{part}' should be ROLE=COLUMN, such as prompt={part}")
        if not column:
            raise ConfigError(f"--columns: '{part}' has no column; write {role}=COLUMN")
        columns[role.strip()] = column.strip()
    return columns
