"""`fusion-eval check` and `baseline`: what can be typed, and how it is carried out."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from fusion_eval.cli.compare_options import add_cluster
from fusion_eval.cli.options import Command, add_output, level, listed, place
from fusion_eval.errors import ConfigError, FusionEvalError
from fusion_eval.text.printable import printable_in_ci

if TYPE_CHECKING:
    from fusion_eval.gate.baseline import Baseline
    from fusion_eval.gate.check import CheckSettings
    from fusion_eval.gate.result import Checked


def add_check(added: Any, command: Command) -> None:
    """`fusion-eval check`."""
    parser = added.add_parser(
        "check",
        help="a gate for CI: is the candidate worse than the baseline by more than a margin?",
        description="Exit code 0: no regression; 1: a regression is shown; 3: too few items to tell; 2: unusable input; 70: a mistake of fusion-eval.",
        epilog="fusion-eval check baseline.json.gz out/fusion --margin 0.01 --junit report.xml",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("baseline", type=place, metavar="BASELINE", help="a baseline file, or a run")
    add("candidate", type=place, metavar="CANDIDATE", help="a run, or a baseline file")
    add(
        "--margin",
        default="0.01",
        metavar="M",
        help="the loss to put up with, a share of a metric's range; or a YAML file of lines 'metric: margin', in the "
        "metrics' own units (default: 0.01, one point)",
    )
    add("--alpha", type=level, default=0.05, metavar="A", help="level of the tests (default: 0.05)")
    add(
        "--inconclusive",
        choices=["pass", "fail"],
        help="what too few items to tell count as (default: neither, exit code 3)",
    )
    add("--metrics", metavar="M,…", help="these alone (default: all that can be compared)")
    add(
        "--overall",
        action="store_true",
        help="no rows of single languages where there is one over all of them",
    )
    add("--allow_partial", action="store_true", help="check what both have in common, and say what fell out")
    add_cluster(parser)
    add(
        "--format",
        choices=["table", "md", "json"],
        default="table",
        help="what is printed; md is a comment to post (default: table)",
    )
    add("--junit", type=place, metavar="FILE", help="write a JUnit report there as well")
    add(
        "--update_baseline",
        action="store_true",
        help="make the candidate the baseline file's content, whatever the check says",
    )
    parser.set_defaults(command=command, parser=parser)


def add_baseline(added: Any, command: Command) -> None:
    """`fusion-eval baseline`."""
    parser = added.add_parser(
        "baseline",
        help="a small file that check compares later runs with",
        description="Keeps hashes of the items and the metrics' values, and no text: for 1,000 items 5 to 10 KB a metric, and more for the statistics of BLEU, chrF and TER.",
        epilog="fusion-eval baseline out/fusion -o baseline.json.gz",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("run", type=place, metavar="RUN", help="a folder or sample file of lm_eval")
    add_output(parser, "FILE", "the file to write")
    add("--allow_partial", action="store_true", help="leave out lines that cannot be read, and say so")
    add_cluster(parser)
    parser.set_defaults(command=command, parser=parser)


def make_baseline(options: argparse.Namespace) -> int:
    """`fusion-eval baseline`, carried out."""
    from fusion_eval.gate.baseline import baseline_of
    from fusion_eval.gate.baseline_file import is_baseline_file, write_baseline
    from fusion_eval.runs.reading import read_runs

    if is_baseline_file(options.run):
        raise ConfigError(f"{options.run} is a baseline file already; name the run to make one of")
    made = baseline_of(read_runs([options.run], options.allow_partial)[0], options.cluster)
    path = write_baseline(made, options.output)
    for note in made.notes:
        print(f"note: {printable_in_ci(note)}", file=sys.stderr)
    items = sum(len(task.clusters) for task in made.tasks)
    metrics = sum(len(task.metrics) for task in made.tasks)
    print(
        f"{path}: {len(made.tasks)} tasks, {items:,} items, {metrics} metrics, {path.stat().st_size:,} bytes"
    )
    return 0


def check_run(options: argparse.Namespace) -> int:
    """`fusion-eval check`, carried out; returns the gate's exit code."""
    from fusion_eval.gate import github

    try:
        return _check_run(options)
    except FusionEvalError as error:
        if github.runs_here():
            print(github.unusable(str(error)), file=sys.stderr)
        raise


def _check_run(options: argparse.Namespace) -> int:
    from fusion_eval.gate.check import CheckSettings, read_side
    from fusion_eval.gate.margins import read_margins

    settings = CheckSettings(
        margins=read_margins(options.margin),
        alpha=options.alpha,
        inconclusive=options.inconclusive or "tell",
        metrics=listed(options.metrics) if options.metrics is not None else (),
        overall=options.overall,
        allow_partial=options.allow_partial,
    )
    candidate = read_side(options.candidate, options.cluster, options.allow_partial)
    if options.update_baseline:
        return _update(options, candidate, settings)
    checked = _checked(options, candidate, settings)
    _tell(checked, options)
    return checked.exit_code


def _checked(options: argparse.Namespace, candidate: Baseline, settings: CheckSettings) -> Checked:
    from fusion_eval.gate.baseline_file import is_baseline_file
    from fusion_eval.gate.check import check, read_side

    if options.cluster != "auto" and is_baseline_file(options.baseline):
        raise ConfigError(
            f"--cluster {options.cluster} has no use with {options.baseline}, which holds its own; "
            "give it to fusion-eval baseline"
        )
    return check(read_side(options.baseline, options.cluster, options.allow_partial), candidate, settings)


def _update(options: argparse.Namespace, candidate: Baseline, settings: CheckSettings) -> int:
    """What the old baseline says is shown where it can be; the new one is written all the same."""
    from fusion_eval.gate.baseline_file import is_baseline_file
    from fusion_eval.gate.check import updated

    old, checked = options.baseline.exists(), None
    if is_baseline_file(options.baseline):
        try:
            checked = _checked(options, candidate, settings)
        except ConfigError as error:
            print(f"not checked: {printable_in_ci(str(error))}", file=sys.stderr)
    if checked:
        _tell(checked, options)
    path = updated(options.baseline, candidate)
    print(f"{path} now holds {options.candidate}" + ("" if old else ", and is new"), file=sys.stderr)
    return 0


def _tell(checked: Checked, options: argparse.Namespace) -> None:
    from fusion_eval.gate import github
    from fusion_eval.gate.junit import write_junit
    from fusion_eval.gate.views import VIEWS

    text = VIEWS[options.format](checked)
    if github.runs_here():
        _tell_github(checked, text, options.format == "table")
    else:
        _show(text)
    if options.junit:
        write_junit(checked, options.junit)
    if github.runs_here():
        github.add_summary(checked)


def _tell_github(checked: Checked, text: str, table: bool) -> None:
    from fusion_eval.gate import github

    _show(github.guarded(text) if table else github.harmless(text))
    # On the stream of the table they come after its guard for sure; the other formats have standard output to themselves.
    print("\n".join(github.commands(checked)), file=sys.stdout if table else sys.stderr)


def _show(text: str) -> None:
    """Whoever reads us may stop before the end: the verdict is in the exit code as well."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
