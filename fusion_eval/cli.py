"""The command line: parses, calls, prints. Heavy imports happen when a command runs."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fusion_eval.command_line import Command, parser_of
from fusion_eval.errors import ConfigError, FusionEvalError, printable
from fusion_eval.options import listed, model_args, underscored

if TYPE_CHECKING:
    from fusion_eval.run import Plan

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code: 0 done, 2 the user's input, 130 interrupted."""
    given = [underscored(word) for word in (sys.argv[1:] if arguments is None else arguments)]
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
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EIO):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"fusion-eval: the output cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    except FusionEvalError as error:
        print(f"fusion-eval: {printable(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        if arguments is None:  # the process is ours: once more, and nothing is waited for
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        print(
            "\nfusion-eval: interrupted. What is finished is kept; the same command goes on from there",
            file=sys.stderr,
        )
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    from fusion_eval.report.score_table import score_table
    from fusion_eval.report.summary import summary
    from fusion_eval.run import Plan, run

    started = time.monotonic()
    plan = Plan(
        output=options.output,
        tasks=listed(options.tasks),
        strategies=listed(options.strategies),
        model_args=model_args(options.model_args),
        limit=options.limit,
        include_path=options.include_path,
        apply_chat_template=options.apply_chat_template,
        num_fewshot=options.num_fewshot,
    )
    if options.dry_run:
        from fusion_eval.dry_run import dry_run

        print(dry_run(plan))
        return 0
    outcome = run(plan, lambda line: print(line, file=sys.stderr))
    if outcome is None:  # another rank of a parallel run has it
        return 0
    print(score_table(outcome.rows, plan.strategies, outcome.metric))
    print(summary(outcome.totals))
    _print_comparison(plan)
    print(f"{time.monotonic() - started:.0f} s in all; results, samples and traces are in {plan.output}")
    return 0


def _print_comparison(plan: Plan) -> None:
    """The rows over all languages, where there are such; a run is done whether or not it can be compared."""
    from fusion_eval.report.comparison_table import as_text
    from fusion_eval.run import compare_strategies

    try:
        comparison = compare_strategies(plan)
    except FusionEvalError as error:
        print(f"No comparison: {printable(str(error))}")
        return
    if comparison:
        overall = [row for row in comparison.rows if row.language == "all"]
        print(f"\n{as_text(comparison, overall or None)}\n")


def _compare(options: argparse.Namespace) -> int:
    from fusion_eval.compare.compare import Settings, compare
    from fusion_eval.compare.method import Method
    from fusion_eval.comparison import write_comparison
    from fusion_eval.report.comparison_table import VIEWS
    from fusion_eval.runs.run import named, read_runs

    if options.include_path and not options.baseline:
        raise ConfigError("--include_path is of use with --baseline alone: nothing else needs the tasks")
    if len(options.runs) + bool(options.baseline) < 2:
        raise ConfigError(
            "compare needs two runs or more, the baseline first: fusion-eval compare BASELINE CANDIDATE…"
        )
    runs = read_runs(options.runs, options.allow_partial)
    if options.baseline:
        from fusion_eval.harness.pool_run import pool_run

        runs = [pool_run(runs, options.baseline, options.include_path), *runs]
        runs = named(runs, [run.name for run in runs])
    comparison = compare(
        runs,
        Settings(
            Method(options.alpha, options.test, options.interval, options.resamples, options.seed),
            options.correction,
            options.cluster,
            options.allow_partial,
            listed(options.metrics) if options.metrics else (),
        ),
    )
    if options.output:
        write_comparison(comparison, options.output)
    print(VIEWS[options.format](comparison))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from fusion_eval.doctor import findings

    for line in findings():
        print(line)
    return 0


_COMMANDS: Mapping[str, Command] = {"run": _run, "compare": _compare, "doctor": _doctor}
