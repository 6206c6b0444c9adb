"""`fusion-eval merge`: put the shards of a synth job together."""

from __future__ import annotations

import argparse
from typing import Any

from fusion_eval.cli import options as shared


def add_merge(commands: Any) -> None:
    """Add the command `merge` to the parser."""
    parser = shared.add_command(
        commands,
        "merge",
        help="put the shards of a synth job together, and report what is twice or missing",
        epilog="fusion-eval merge out/shard-0 out/shard-1 --output out/data",
    )
    parser.add_argument(
        "folders", nargs="+", type=shared.path, metavar="DIR", help="outputs of fusion-eval synth --shard"
    )
    shared.add_output(parser, "DIR", "folder for the whole data set")
    parser.add_argument(
        "--allow_overlap", action="store_true", help="keep the first folder's rows where shards overlap"
    )
    parser.set_defaults(run=run_merge)


def run_merge(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval merge`."""
    from fusion_eval.report.text_table import text_table
    from fusion_eval.synth.merge import merge

    merged = merge(
        options.folders, options.output, allow_overlap=options.allow_overlap, command=options.command_line
    )
    lines = [
        [name, f"{counts.rows:,}", f"{counts.pairs:,}", f"{sum(counts.failed.values()):,}"]
        for name, counts in merged.strategies.items()
    ]
    print(text_table(["strategy", "rows", "pairs", "failed or dropped"], lines, left=1))
    print(f"{merged.prompts:,} prompts; duplicates: {merged.overlapping:,} in several folders, "
          f"{merged.repeated:,} with the id of an earlier prompt; gaps: {merged.missing:,}")  # fmt: skip
    if merged.missing_parts:
        shared.note(f"these shards are missing or not finished: {', '.join(merged.missing_parts[:20])}")
    print(f"the data set is in {merged.output}")
    return 0
