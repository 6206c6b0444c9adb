"""The command line: parses, calls, prints. Heavy imports happen when a command runs."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fusion_eval.command_line import parser_of
from fusion_eval.errors import ConfigError, FusionEvalError, printable
from fusion_eval.options import Command, listed, model_args, underscored

if TYPE_CHECKING:
    from fusion_eval.compare.compare import Settings
    from fusion_eval.comparison import Comparison
    from fusion_eval.judge import Panel
    from fusion_eval.run import Plan
    from fusion_eval.runs.run import Run

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
    outcome = run(plan, _say)
    if outcome is None:  # another rank of a parallel run has it
        return 0
    print(score_table(outcome.rows, plan.strategies, outcome.metric))
    print(summary(outcome.totals))
    _print_comparison(plan, options)
    print(f"{time.monotonic() - started:.0f} s in all; results, samples and traces are in {plan.output}")
    return 0


def _print_comparison(plan: Plan, options: argparse.Namespace) -> None:
    """The rows over all languages, where there are such; a run is done whether or not it can be compared."""
    from fusion_eval.comparison import write_comparison
    from fusion_eval.report.comparison_table import as_text
    from fusion_eval.run import compare_strategies, ordered_runs

    if len(plan.strategies) < 2:
        return
    try:
        comparison = compare_strategies(plan)
    except FusionEvalError as error:
        print(f"No comparison: {printable(str(error))}")
        return
    if options.judge:
        comparison = _judged_beside(comparison, ordered_runs(plan), options, plan.output)
    write_comparison(comparison, plan.output)
    overall = [row for row in comparison.rows if row.language == "all"]
    print(f"\n{as_text(comparison, overall or None)}\n")


def _compare(options: argparse.Namespace) -> int:
    from fusion_eval.compare.compare import compare
    from fusion_eval.comparison import write_comparison
    from fusion_eval.report.comparison_table import VIEWS
    from fusion_eval.runs.run import named, read_runs

    if options.include_path and not options.baseline:
        raise ConfigError("--include_path is of use with --baseline alone: nothing else needs the tasks")
    if options.judge and options.baseline:
        raise ConfigError(
            f"--judge compares texts, and --baseline {options.baseline} has none; leave one of them out"
        )
    if len(options.runs) + bool(options.baseline) < 2:
        raise ConfigError(
            "compare needs two runs or more, the baseline first: fusion-eval compare BASELINE CANDIDATE…"
        )
    runs = read_runs(options.runs, options.allow_partial)
    if options.baseline:
        from fusion_eval.harness.pool_run import pool_run

        runs = [pool_run(runs, options.baseline, options.include_path), *runs]
        runs = named(runs, [run.name for run in runs])
    comparison = compare(runs, _statistics(options, listed(options.metrics) if options.metrics else ()))
    if options.judge:
        comparison = _judged_beside(comparison, runs, options, options.output)
    if options.output:
        write_comparison(comparison, options.output)
    print(VIEWS[options.format](comparison))
    return 0


def _judge(options: argparse.Namespace) -> int:
    from fusion_eval.judge import judge
    from fusion_eval.judging.job import Job
    from fusion_eval.report.comparison_table import VIEWS
    from fusion_eval.runs.run import read_runs

    job = Job(
        runs=tuple(read_runs(options.runs, options.allow_partial)),
        statistics=_statistics(options),
        opponent=options.opponent,
        every_pair=options.every_pair,
        sequential=options.sequential,
    )
    panel = _panel(options, options.scale, options.structured, options.judge_repeats)
    if options.dry_run:
        from fusion_eval.dry_run import dry_judge

        print(dry_judge(job, panel))
        return 0
    comparison = judge(job, panel, options.output, options.gold, _say)
    print(VIEWS[options.format](comparison))
    return 0


def _judged_beside(
    comparison: Comparison, runs: Sequence[Run], options: argparse.Namespace, output: Path | None
) -> Comparison:
    """The comparison with a judge's rows; its verdicts land in `output`."""
    from fusion_eval.compare.compare import Settings
    from fusion_eval.judge import added, judge
    from fusion_eval.judging.job import Job

    statistics = _statistics(options) if hasattr(options, "alpha") else Settings()
    judged = judge(Job(tuple(runs), statistics), _panel(options), output, None, _say)
    return added(comparison, judged, statistics)


def _panel(
    options: argparse.Namespace, scale: Literal[3, 5] = 3, structured: bool = False, repeats: int = 1
) -> Panel:
    from fusion_eval.judge import Panel

    return Panel(
        judge=options.judge,
        judge_base_url=options.judge_base_url,
        judge_args=model_args(options.judge_args, "--judge_args"),
        judge_prompt=options.judge_prompt,
        swap=options.swap,
        scale=scale,
        structured=structured,
        repeats=repeats,
    )


def _statistics(options: argparse.Namespace, metrics: tuple[str, ...] = ()) -> Settings:
    from fusion_eval.compare.compare import Settings
    from fusion_eval.compare.method import Method

    method = Method(options.alpha, options.test, options.interval, options.resamples, options.seed)
    return Settings(method, options.correction, options.cluster, options.allow_partial, metrics)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _tasks(options: argparse.Namespace) -> int:
    from fusion_eval.report.text_table import text_table

    if options.copy_to:
        from fusion_eval.harness.hub_copy import copy_from_hub, parts_of

        copy_from_hub(parts_of(listed(options.tasks) if options.tasks else ()), options.copy_to, _say)
        print(f"export FUSION_EVAL_DATA={options.copy_to.resolve()}")
        return 0
    from fusion_eval.harness.task_list import HEAD, listed_tasks

    print(text_table(HEAD, [found.line for found in listed_tasks()], 7))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from fusion_eval.doctor import findings

    for line in findings():
        print(line)
    return 0


_COMMANDS: Mapping[str, Command] = {
    "run": _run,
    "compare": _compare,
    "judge": _judge,
    "tasks": _tasks,
    "doctor": _doctor,
}
