"""`fusion-eval export` and `verify`: files for leaderboards and papers, and bundles whose numbers can be checked."""

from __future__ import annotations

import argparse
from typing import Any

from fusion_eval.cli import options as shared
from fusion_eval.exports.formats import FORMATS, SITE
from fusion_eval.text.printable import terminal_line


def add_export(commands: Any) -> None:
    """Add the command `export` to the parser."""
    parser = shared.add_command(
        commands,
        "export",
        help="write runs in the forms that leaderboards, papers and archives use",
        description="every-eval-ever: the community's shared schema, aggregates and items; hf: model-card metadata and "
        "evaluation results for the Hugging Face hub; table: Markdown and LaTeX tables; card: one page on how the "
        "result was made; bundle: one archive with all of these, which fusion-eval verify recomputes; "
        "site: reports of several comparisons with an index, for any static host.",
        epilog="fusion-eval export out/demo --format table -o paper",
    )
    add = parser.add_argument
    add("run_folder", type=shared.path, metavar="RUN", help="a run, or the folder that fusion-eval run wrote")
    add("--format", choices=(*FORMATS, SITE), required=True, help="form of the output")
    shared.add_output(parser, "DIR", "folder to write to")
    shared.add_allow_partial(parser, "export runs whose sample files lack items, and note it")
    parser.set_defaults(run=export_run)


def add_verify(commands: Any) -> None:
    """Add the command `verify` to the parser."""
    parser = shared.add_command(
        commands,
        "verify",
        help="recompute the numbers of a bundle from its samples",
        description="Exit code 0: all numbers agree; 1: some differ, and are listed; 2: not a bundle, or a damaged one.",
        epilog="fusion-eval verify bundle.zip",
    )
    parser.add_argument(
        "bundle",
        type=shared.path,
        metavar="BUNDLE",
        help="archive that fusion-eval export --format bundle wrote",
    )
    parser.set_defaults(run=verify_bundle)


def export_run(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval export`."""
    from fusion_eval import api

    exported = api.export(
        options.run_folder, options.output, format=options.format, allow_partial=options.allow_partial
    )
    for sentence in exported.notes:
        shared.note(sentence)
    for path in exported.paths:
        print(path)
    return 0


def verify_bundle(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval verify`; the exit code is 1 where a number differs."""
    from fusion_eval.exports.bundle.verify import verify

    result = verify(options.bundle)
    for sentence in result.notes:
        shared.note(sentence)
    for difference in result.differences:
        print(terminal_line(difference))
    print(terminal_line(result.summary))
    return 1 if result.differences else 0
