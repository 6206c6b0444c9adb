"""The command line: parses, calls, prints. Heavy imports happen when a command runs."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fusion_eval.cli.check import check_run, make_baseline
from fusion_eval.cli.compare import check_judge, compare_runs, judge_runs, judged_beside, say
from fusion_eval.cli.export import export_run, verify_bundle
from fusion_eval.cli.options import Command, listed, model_args, underscored
from fusion_eval.cli.parser import parser_of
from fusion_eval.errors import ConfigError, FusionEvalError
from fusion_eval.text.printable import printable, printable_in_ci

if TYPE_CHECKING:
    from fusion_eval.harness.run import Plan

INTERRUPTED = 130
BROKEN = 70


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code: 0 done, 2 the user's input, 70 a mistake of ours, 130 interrupted.

    `check` and `verify` add theirs.
    """
    given = [underscored(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    options, rest = parser_of(_COMMANDS).parse_known_args(given)
    if rest:
        options.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        code = int(options.command(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read us has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            print(
                f"fusion-eval: {printable_in_ci(str(error.filename))} is too long for the name of a file",
                file=sys.stderr,
            )
            return 2
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EIO):
            return _broken()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"fusion-eval: the output cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    except FusionEvalError as error:
        print(f"fusion-eval: {printable_in_ci(str(error))}", file=sys.stderr)
        return 2
    except Exception:
        return _broken()
    except KeyboardInterrupt:
        if arguments is None:  # the process is ours: once more, and nothing is waited for
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        print(
            "\nfusion-eval: interrupted. What is finished is kept; the same command goes on from there",
            file=sys.stderr,
        )
        return INTERRUPTED


def _broken() -> int:
    """Of a mistake that is ours: no code that could be taken for a verdict of `check`."""
    traceback.print_exc()
    return BROKEN


def _run(options: argparse.Namespace) -> int:
    from fusion_eval.harness.run import Plan, run
    from fusion_eval.report.score_table import score_table
    from fusion_eval.report.summary import summary
    from fusion_eval.strategies.specs import read_strategies

    if options.output is None and not options.dry_run:
        options.parser.error("the following arguments are required: --output/--output_path")
    started = time.monotonic()
    plan = Plan(
        output=options.output or Path(),
        tasks=listed(options.tasks),
        strategies=read_strategies(options.strategies),
        model_args=model_args(options.model_args),
        limit=options.limit,
        include_path=options.include_path,
        apply_chat_template=options.apply_chat_template,
        num_fewshot=options.num_fewshot,
    )
    if options.judge:
        check_judge(plan, options)
    if options.dry_run:
        from fusion_eval.harness.dry_run import dry_run

        print(dry_run(plan))
        if options.judge:
            print(
                "a judge's calls are not in it, two for each answer to compare: fusion-eval judge … --dry_run, once there are answers"
            )
        return 0
    outcome = run(plan, say)
    if outcome is None:  # another rank of a parallel run has it
        return 0
    print(score_table(outcome.rows, plan.strategies, outcome.metric))
    print(summary(outcome.totals))
    _print_comparison(plan, options)
    print(f"{time.monotonic() - started:.0f} s in all; results, samples and traces are in {plan.output}")
    return 0


def _print_comparison(plan: Plan, options: argparse.Namespace) -> None:
    """The rows over all languages, where there are such; a run is done whether or not it can be compared."""
    from fusion_eval.harness.run import compare_strategies, ordered_runs
    from fusion_eval.report.comparison_table import as_text
    from fusion_eval.runs.comparison import write_comparison

    if len(plan.strategies) < 2:
        return
    try:
        comparison = compare_strategies(plan)
    except FusionEvalError as error:
        print(f"No comparison: {printable(str(error))}")
        return
    failed: FusionEvalError | None = None
    if options.judge:
        try:
            comparison = judged_beside(comparison, ordered_runs(plan), options, plan.output)
        except FusionEvalError as error:  # what the metrics say is worth having without it
            failed = error
    write_comparison(comparison, plan.output)
    overall = [row for row in comparison.rows if row.language == "all"]
    print(f"\n{as_text(comparison, overall or None)}\n")
    if failed:
        raise failed


def _tasks(options: argparse.Namespace) -> int:
    from fusion_eval.report.text_table import text_table

    if options.copy_to:
        from fusion_eval.harness.tasks.hub_copy import copy_from_hub, parts_of

        parts = parts_of(listed(options.tasks) if options.tasks else ())
        if not parts:
            raise ConfigError(f"{options.tasks} come with the package: there is nothing to copy")
        copy_from_hub(parts, options.copy_to, say)
        print(f"export FUSION_EVAL_DATA={options.copy_to.resolve()}")
        return 0
    from fusion_eval.harness.tasks.listing import HEAD, describe_collections, list_groups

    print(text_table(HEAD, [found.line for found in list_groups()], 7))
    print("\n".join(describe_collections()))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from fusion_eval.cli.doctor import findings

    for line in findings():
        print(line)
    return 0


_COMMANDS: Mapping[str, Command] = {
    "run": _run,
    "compare": compare_runs,
    "judge": judge_runs,
    "check": check_run,
    "baseline": make_baseline,
    "export": export_run,
    "verify": verify_bundle,
    "tasks": _tasks,
    "doctor": _doctor,
}
