"""`fusion-eval check` and `baseline`: the regression gate for CI, and the small files that it compares with."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from fusion_eval.cli import options as shared
from fusion_eval.errors import ConfigError, FusionEvalError
from fusion_eval.text.printable import terminal_line

if TYPE_CHECKING:
    from fusion_eval.gate.baseline import Baseline
    from fusion_eval.gate.check import CheckOptions
    from fusion_eval.gate.result import CheckResult


def add_check(commands: Any) -> None:
    """Add the command `check` to the parser."""
    parser = shared.add_command(
        commands,
        "check",
        help="a gate for CI: is the candidate worse than the baseline by more than a margin?",
        description="Exit code 0: no regression; 1: a regression; 3: too few items to tell; 2: unusable input; "
        "70: a bug in fusion-eval.",
        epilog="fusion-eval check baseline.json.gz out/fusion --margin 0.01 --junit report.xml",
    )
    add = parser.add_argument
    add("baseline", type=shared.path, metavar="BASELINE", help="a baseline file, or a run")
    add("candidate", type=shared.path, metavar="CANDIDATE", help="a run, or a baseline file")
    _add_tests(parser)
    add("--metrics", metavar="M,…", help="check these metrics only (default: all that can be compared)")
    add(
        "--overall",
        action="store_true",
        help="drop the rows of single languages where a row over all languages exists",
    )
    shared.add_allow_partial(parser, "check the items that both have, and report the others")
    shared.add_cluster(parser)
    add(
        "--format",
        choices=["table", "md", "json"],
        default="table",
        help="form of the printed result; md suits a pull request's comment (default: table)",
    )
    add("--junit", type=shared.path, metavar="FILE", help="also write a JUnit report to FILE")
    add(
        "--update_baseline",
        action="store_true",
        help="write the candidate into the baseline file, whatever the check finds",
    )
    parser.set_defaults(run=check_run)


def _add_tests(parser: argparse.ArgumentParser) -> None:
    """Add the options that decide what is a regression, and what counts as one."""
    add = parser.add_argument
    add(
        "--margin",
        default="0.01",
        metavar="M",
        help="largest loss to tolerate, as a share of a metric's range; or a YAML file of lines 'metric: margin' in "
        "the metrics' own units (default: 0.01, one point)",
    )
    shared.add_alpha(parser, "level of the tests")
    add(
        "--inconclusive",
        choices=["pass", "fail"],
        help="what too few items to tell count as (default: neither, exit code 3)",
    )
    add(
        "--unchecked",
        choices=["fail", "warn"],
        help="what a metric counts as that cannot be tested and got worse by the margin in the results files "
        "(default: neither, exit code 3)",
    )


def add_baseline(commands: Any) -> None:
    """Add the command `baseline` to the parser."""
    parser = shared.add_command(
        commands,
        "baseline",
        help="write a small file that check compares later runs with",
        description="The file holds hashes of the items and values of the metrics, and no text: 5 to 10 KB for 1,000 "
        "items and a metric, more for BLEU, chrF and TER.",
        epilog="fusion-eval baseline out/fusion -o baseline.json.gz",
    )
    parser.add_argument("source", type=shared.path, metavar="RUN", help="a folder or sample file of lm_eval")
    shared.add_output(parser, "FILE", "the file to write")
    shared.add_allow_partial(parser, "leave out lines that cannot be read, and report them")
    shared.add_cluster(parser)
    parser.set_defaults(run=write_baseline_file)


def write_baseline_file(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval baseline`."""
    from fusion_eval.gate.baseline_file import is_baseline_file, write_baseline
    from fusion_eval.gate.run_baseline import baseline_of
    from fusion_eval.runs.reading import read_runs

    if is_baseline_file(options.source):
        raise ConfigError(f"{options.source} is a baseline file already; name the run to make one from")
    baseline = baseline_of(read_runs([options.source], options.allow_partial)[0], options.cluster)
    path = write_baseline(baseline, options.output)
    for sentence in baseline.notes:
        shared.note(sentence)
    items = sum(len(task.clusters) for task in baseline.tasks)
    metrics = {(metric.metric, metric.filter) for task in baseline.tasks for metric in task.metrics}
    print(
        f"{path}: {len(baseline.tasks)} tasks, {items:,} items, {len(metrics)} metrics, {path.stat().st_size:,} bytes"
    )
    return 0


def check_run(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval check`; return the gate's exit code."""
    from fusion_eval.gate import github

    try:
        return _check_run(options)
    except FusionEvalError as error:
        if github.in_github_actions():
            print(github.error_annotation(str(error)), file=sys.stderr)
        raise


def _check_run(options: argparse.Namespace) -> int:
    from fusion_eval.gate.check import CheckOptions
    from fusion_eval.gate.margins import read_margins
    from fusion_eval.gate.sides import read_side

    check_options = CheckOptions(
        margins=read_margins(options.margin),
        alpha=options.alpha,
        inconclusive=options.inconclusive or "tell",
        metrics=shared.split_names(options.metrics) if options.metrics is not None else (),
        overall=options.overall,
        allow_partial=options.allow_partial,
        unchecked=options.unchecked or "tell",
    )
    candidate = read_side(options.candidate, options.cluster, options.allow_partial)
    if options.update_baseline:
        return _update_baseline(options, candidate, check_options)
    result = _check_against_baseline(options, candidate, check_options)
    _print_result(result, options)
    return result.exit_code


def _check_against_baseline(
    options: argparse.Namespace, candidate: Baseline, check_options: CheckOptions
) -> CheckResult:
    from fusion_eval.gate.baseline_file import is_baseline_file
    from fusion_eval.gate.check import check
    from fusion_eval.gate.sides import read_side

    if options.cluster != "auto" and is_baseline_file(options.baseline):
        raise ConfigError(
            f"--cluster {options.cluster} has no effect on {options.baseline}, which holds its own clusters; "
            "give it to fusion-eval baseline"
        )
    return check(
        read_side(options.baseline, options.cluster, options.allow_partial), candidate, check_options
    )


def _update_baseline(options: argparse.Namespace, candidate: Baseline, check_options: CheckOptions) -> int:
    """Print the check against the old baseline where that works; write the new one in any case."""
    from fusion_eval.gate.baseline_file import is_baseline_file
    from fusion_eval.gate.sides import update_baseline

    existed, result = options.baseline.exists(), None
    if is_baseline_file(options.baseline):
        try:
            result = _check_against_baseline(options, candidate, check_options)
        except ConfigError as error:
            print(f"not checked: {terminal_line(str(error))}", file=sys.stderr)
    if result:
        _print_result(result, options)
    path = update_baseline(options.baseline, candidate)
    print(f"{path} now holds {options.candidate}" + ("" if existed else ", and is new"), file=sys.stderr)
    return 0


def _print_result(result: CheckResult, options: argparse.Namespace) -> None:
    from fusion_eval.gate import github
    from fusion_eval.gate.junit import write_junit
    from fusion_eval.gate.views import VIEWS

    text = VIEWS[options.format](result)
    on_github = github.in_github_actions()
    if on_github:
        _print_for_github(result, text, is_table=options.format == "table")
    else:
        _print_or_discard(text)
    if options.junit:
        write_junit(result, options.junit)
    if on_github:
        github.add_summary(result)


def _print_for_github(result: CheckResult, text: str, *, is_table: bool) -> None:
    from fusion_eval.gate import github
    from fusion_eval.text.workflow_commands import without_commands

    _print_or_discard(without_commands(text) if is_table else text)
    # After a table the annotations follow its guard on the same stream; other formats need standard output for themselves.
    print("\n".join(github.annotation_lines(result)), file=sys.stdout if is_table else sys.stderr)


def _print_or_discard(text: str) -> None:
    # The reader of our output may close it early; the exit code holds the verdict as well.
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
