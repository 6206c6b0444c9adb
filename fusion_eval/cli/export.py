"""`fusion-eval export` and `verify`: what can be typed, and how it is carried out."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fusion_eval.cli.options import Command, add_output, place
from fusion_eval.text.printable import printable_in_ci

NAMES = ("every-eval-ever", "hf", "table", "card", "bundle")


def add_export(added: Any, command: Command) -> None:
    """`fusion-eval export`."""
    parser = added.add_parser(
        "export",
        help="runs in the forms that leaderboards, papers and archives ask for",
        description="every-eval-ever: the community's shared schema, aggregates and items; hf: model-card metadata and evaluation "
        "results of the hub; table: Markdown and LaTeX as papers print them; card: one page on how a result was made; bundle: "
        "all of it in one archive, which fusion-eval verify computes again.",
        epilog="fusion-eval export out/demo --format table -o paper",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("run", type=place, metavar="RUN", help="a run, or the folder that fusion-eval run left")
    add("--format", choices=NAMES, required=True, help="one of these")
    add_output(parser, "DIR", "the folder to write to")
    parser.set_defaults(command=command, parser=parser)


def add_verify(added: Any, command: Command) -> None:
    """`fusion-eval verify`."""
    parser = added.add_parser(
        "verify",
        help="the numbers of a bundle, computed again from its samples",
        description="Exit code 0: all agree; 1: some differ, and which; 2: no bundle, or a damaged one.",
        epilog="fusion-eval verify bundle.zip",
        allow_abbrev=False,
    )
    parser.add_argument(
        "bundle", type=place, metavar="BUNDLE", help="what fusion-eval export --format bundle wrote"
    )
    parser.set_defaults(command=command, parser=parser)


def export_run(options: argparse.Namespace) -> int:
    """`fusion-eval export`, carried out."""
    from fusion_eval.export.formats import FORMATS
    from fusion_eval.export.subject import read_subject
    from fusion_eval.runs.writing import check_folder

    check_folder(options.output)
    made = FORMATS[options.format](read_subject(options.run), options.output)
    for note in made.notes:
        print(f"note: {printable_in_ci(note)}", file=sys.stderr)
    for path in made.paths:
        print(path)
    return 0


def verify_bundle(options: argparse.Namespace) -> int:
    """`fusion-eval verify`, carried out."""
    from fusion_eval.export.bundle.verify import verify

    found = verify(options.bundle)
    for note in found.notes:
        print(f"note: {printable_in_ci(note)}", file=sys.stderr)
    for difference in found.differences:
        print(printable_in_ci(difference))
    print(printable_in_ci(found.summary))
    return 1 if found.differences else 0
