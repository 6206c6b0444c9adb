"""`fusion-eval compare` and `judge`: what was typed, carried out. Heavy imports happen when a command runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fusion_eval.cli.options import listed, model_args
from fusion_eval.errors import ConfigError

if TYPE_CHECKING:
    from fusion_eval.compare.options import ComparisonOptions
    from fusion_eval.harness.run import Plan
    from fusion_eval.judging.judge import Panel
    from fusion_eval.runs.comparison import Comparison
    from fusion_eval.runs.reading import Run


def compare_runs(options: argparse.Namespace) -> int:
    from fusion_eval.compare.compare import compare
    from fusion_eval.report.comparison_table import VIEWS
    from fusion_eval.runs.comparison import write_comparison
    from fusion_eval.runs.reading import read_runs, with_unique_names

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
        from fusion_eval.harness.pool_baseline import pool_run

        runs = [pool_run(runs, options.baseline, options.include_path), *runs]
        runs = with_unique_names(runs, [run.name for run in runs])
    comparison = compare(runs, _statistics(options, listed(options.metrics) if options.metrics else ()))
    if options.output:
        write_comparison(comparison, options.output)
    if options.judge:
        comparison = judged_beside(comparison, runs, options, options.output)
    if options.output and options.judge:
        write_comparison(comparison, options.output)
    print(VIEWS[options.format](comparison))
    return 0


def judge_runs(options: argparse.Namespace) -> int:
    from fusion_eval.judging.job import Job
    from fusion_eval.judging.judge import judge
    from fusion_eval.report.comparison_table import VIEWS
    from fusion_eval.runs.reading import read_runs

    _check_mix(options)
    job = Job(
        runs=tuple(read_runs(options.runs, options.allow_partial)),
        statistics=_statistics(options),
        opponent=options.opponent,
        every_pair=options.every_pair,
        sequential=options.sequential,
    )
    panel = _panel(options, options.scale, options.structured, options.judge_repeats)
    if options.dry_run:
        from fusion_eval.harness.dry_run import dry_judge

        print(dry_judge(job, panel))
        return 0
    comparison = judge(job, panel, options.output, options.gold, say)
    print(VIEWS[options.format](comparison))
    return 0


def _check_mix(options: argparse.Namespace) -> None:
    """Options of which one would have no effect, or would take the meaning from another."""
    if options.opponent and options.every_pair:
        raise ConfigError(
            "--every_pair and --opponent exclude each other: runs are judged against each other, or against it"
        )
    if options.sequential and (options.test != "auto" or options.interval != "bca"):
        raise ConfigError("--sequential has a test and intervals of its own; leave --test and --interval out")
    if options.sequential and options.swap == "none":
        raise ConfigError(
            "--sequential needs both orders, or random ones: a judge's taste for the first place would decide"
        )


def judged_beside(
    comparison: Comparison, runs: Sequence[Run], options: argparse.Namespace, output: Path | None
) -> Comparison:
    """The comparison with a judge's rows; its verdicts land in `output`."""
    from fusion_eval.compare.options import ComparisonOptions
    from fusion_eval.judging.job import Job
    from fusion_eval.judging.judge import added, judge

    statistics = _statistics(options) if hasattr(options, "alpha") else ComparisonOptions()
    judged = judge(Job(tuple(runs), statistics), _panel(options), output, None, say)
    return added(comparison, judged)


def check_judge(plan: Plan, options: argparse.Namespace) -> None:
    """What is wrong with the judge is said before anything else is paid for."""
    if len(plan.strategies) < 2:
        raise ConfigError("--judge compares strategies; name two at least with --strategies")
    panel = _panel(options)
    panel.protocol(panel.settings)


def _panel(
    options: argparse.Namespace, scale: Literal[3, 5] = 3, structured: bool = False, repeats: int = 1
) -> Panel:
    from fusion_eval.judging.judge import Panel

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


def _statistics(options: argparse.Namespace, metrics: tuple[str, ...] = ()) -> ComparisonOptions:
    from fusion_eval.compare.options import ComparisonOptions

    return ComparisonOptions(
        alpha=options.alpha,
        test=options.test,
        correction=options.correction,
        resamples=options.resamples,
        seed=options.seed,
        cluster=options.cluster,
        allow_partial=options.allow_partial,
        metrics=metrics,
    )


def say(line: str) -> None:
    """On the channel that results do not take."""
    print(line, file=sys.stderr)
