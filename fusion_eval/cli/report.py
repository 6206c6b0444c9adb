"""`fusion-eval report`: one web page with the finding, pictures, the table and every item of runs."""

from __future__ import annotations

import argparse
from typing import Any

from fusion_eval.cli import options as shared


def add_report(commands: Any) -> None:
    """Add the command `report` to the parser."""
    parser = shared.add_command(
        commands,
        "report",
        help="one web page of runs: the finding, the table, and every item with its candidates",
        description="Write report.html, one file that needs no network: the finding in a sentence, pictures, the table of "
        "the comparison, and every item with its prompt, candidates, answers and verdicts. No model is asked.",
        epilog="fusion-eval report out/demo",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=shared.path,
        metavar="RUN",
        help="the folder that fusion-eval run wrote; or runs, the baseline first",
    )
    add = parser.add_argument
    add(
        "--output",
        "--output_path",
        type=shared.path,
        metavar="DIR",
        help="folder for report.html (default: RUN)",
    )
    add(
        "--plots",
        type=shared.path,
        metavar="DIR",
        help="also write each picture to this folder, as SVG and PNG",
    )
    add(
        "--no_candidate_scores",
        action="store_true",
        help="do not score single candidates, which takes long for neural metrics",
    )
    add(
        "--include_path",
        type=shared.path,
        metavar="DIR",
        help="folder with the task YAMLs that candidates are scored by",
    )
    shared.add_allow_partial(parser, "leave out lines that cannot be read, and report them")
    parser.set_defaults(run=report_runs)


def report_runs(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval report`."""
    from fusion_eval import api

    path = api.write_report(
        *options.runs,
        output=options.output,
        plots=options.plots,
        candidate_scores=not options.no_candidate_scores,
        allow_partial=options.allow_partial,
        include_path=options.include_path,
    )
    print(path)
    return 0
