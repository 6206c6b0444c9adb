"""`fusion-eval analyze`: what only the pools of runs can tell."""

from __future__ import annotations

import argparse
from typing import Any

from fusion_eval.cli import options as shared


def add_analyze(commands: Any) -> None:
    """Add the command `analyze` to the parser."""
    parser = shared.add_command(
        commands,
        "analyze",
        help="curves over N, rescue and harm, and ceilings of runs on the same pools",
        description="Score every candidate of the runs' pools by the task's own metric, and say what more candidates, "
        "another choice or a perfect choice would give. No model is asked.",
        epilog="fusion-eval analyze out --output out/analysis",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=shared.path,
        metavar="RUN",
        help="runs with traces on the same pools; a folder may hold several",
    )
    add = parser.add_argument
    add("--output", "--output_path", type=shared.path, metavar="DIR", help="folder for analysis.json")
    add(
        "--metrics",
        metavar="M,…",
        help="analyze these metrics only (default: all that have a value for each item)",
    )
    add(
        "--format",
        choices=["table", "md", "json"],
        default="table",
        help="form of the printed analysis (default: table)",
    )
    add(
        "--include_path",
        type=shared.path,
        metavar="DIR",
        help="folder with the task YAMLs that candidates are scored by",
    )
    shared.add_allow_partial(parser, "leave out lines that cannot be read, and report them")
    shared.add_cluster(parser)
    shared.add_alpha(parser, "intervals cover with probability 1 - A")
    add(
        "--resamples",
        type=shared.resamples,
        default=2_000,
        metavar="R",
        help="number of resamples for intervals of ratios (default: 2000)",
    )
    add("--seed", type=shared.count, default=0, metavar="S", help="seed of the resampling (default: 0)")
    # Options of further tables are added here.
    parser.set_defaults(run=analyze_runs)


def analyze_runs(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval analyze`."""
    from fusion_eval import api

    view = api.analyze(
        *options.runs,
        metrics=shared.split_names(options.metrics) if options.metrics is not None else (),
        alpha=options.alpha,
        resamples=options.resamples,
        seed=options.seed,
        cluster=options.cluster,
        allow_partial=options.allow_partial,
        include_path=options.include_path,
        output=options.output,
    )
    print({"table": str, "md": type(view).to_markdown, "json": type(view).to_json}[options.format](view))
    return 0
