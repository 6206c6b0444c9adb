"""`fusion-eval judge`: pairwise verdicts of LLM judges, and the win rates that they give."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fusion_eval.argument_values import runs_in_llama_cpp
from fusion_eval.cli import options as shared
from fusion_eval.cli.output import print_comparison
from fusion_eval.errors import ConfigError

if TYPE_CHECKING:
    from fusion_eval.comparison.options import ComparisonOptions
    from fusion_eval.harness.run import Plan
    from fusion_eval.judging.options import JudgeOptions
    from fusion_eval.runs.comparison import Comparison
    from fusion_eval.runs.reading import Run


def add_judge(commands: Any) -> None:
    """Add the command `judge` to the parser."""
    parser = shared.add_command(
        commands,
        "judge",
        help="pairwise LLM verdicts between runs, and win rates",
        description="An LLM compares the answers of every run with those of the first. verdicts.jsonl keeps its replies, "
        "and no pair is paid for twice.",
        epilog="fusion-eval judge out/single out/fusion --judge openai/gpt-4o --output out",
    )
    shared.add_runs(parser)
    add = parser.add_argument
    shared.add_judge_options(parser, required=True)
    add("--scale", type=int, choices=[3, 5], default=3, help="better, worse, tie; or five steps (default: 3)")
    add("--structured", action="store_true", help="request JSON by the endpoint's response_format")
    add(
        "--judge_repeats",
        type=shared.positive,
        default=1,
        metavar="K",
        help="ask K times, and report how often the judge agrees with itself (default: 1)",
    )
    add(
        "--opponent",
        type=shared.path,
        metavar="FILE",
        help="JSON lines with answers of a system to judge every run against",
    )
    add("--every_pair", action="store_true", help="judge every two runs, not only each against the first")
    add("--sequential", action="store_true", help="stop as soon as the test decides at the level --alpha")
    add("--gold", type=shared.path, metavar="FILE", help="verdicts of humans, in the form of verdicts.jsonl")
    add("--dry_run", action="store_true", help="print the calls and their highest cost, without any call")
    shared.add_statistics_options(parser)
    parser.set_defaults(run=judge_runs)


def judge_runs(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval judge`."""
    from fusion_eval.api.reports import write_report_beside
    from fusion_eval.judging.job import Job
    from fusion_eval.judging.judge import judge
    from fusion_eval.runs.reading import read_runs

    _check_options(options)
    job = Job(
        runs=tuple(read_runs(options.runs, options.allow_partial)),
        statistics=shared.comparison_options(options),
        opponent=options.opponent,
        every_pair=options.every_pair,
        sequential=options.sequential,
    )
    judge_options = _judge_options(options, options.scale, options.structured, options.judge_repeats)
    if options.dry_run:
        from fusion_eval.judging.dry_run import dry_judge

        print(dry_judge(job, judge_options))
        return 0
    comparison = judge(
        job, judge_options, output=options.output, gold=options.gold, report=shared.report_progress
    )
    print_comparison(comparison, options)
    if options.output:
        write_report_beside(job.runs, comparison, options.output, shared.note)
    return 0


def _check_options(options: argparse.Namespace) -> None:
    if options.opponent and options.every_pair:
        raise ConfigError(
            "--every_pair and --opponent exclude each other: judge the runs against each other, or against the opponent"
        )
    if options.sequential and options.test != "auto":
        raise ConfigError("--sequential has its own test and intervals; leave --test out")


def check_judge(plan: Plan, options: argparse.Namespace) -> None:
    """Raise `ConfigError` for a judge that cannot work, before the run pays for any call."""
    if len(plan.strategies) < 2:
        raise ConfigError("--judge compares strategies; name at least two with --strategies")
    judge_options = _judge_options(options)
    arguments = judge_options.model_arguments()
    judge_options.protocol(arguments)
    if not options.dry_run and not arguments.offline:
        from fusion_eval.models.embedded.door import open_embedded
        from fusion_eval.models.key_check import check_keys

        check_keys(arguments)
        for name in filter(runs_in_llama_cpp, arguments.model):
            open_embedded(name)  # it names what is not installed


def with_judge(
    comparison: Comparison,
    runs: Sequence[Run],
    statistics: ComparisonOptions,
    options: argparse.Namespace,
    output: Path | None,
) -> Comparison:
    """Judge `runs`, and return the comparison with the judge's rows added. Write it and the verdicts to `output`."""
    from fusion_eval.judging.job import Job
    from fusion_eval.judging.judge import judge

    job = Job(tuple(runs), statistics)
    return judge(
        job, _judge_options(options), output=output, add_to=comparison, report=shared.report_progress
    )


def _judge_options(
    options: argparse.Namespace, scale: Literal[3, 5] = 3, structured: bool = False, repeats: int = 1
) -> JudgeOptions:
    from fusion_eval.judging.options import JudgeOptions

    return JudgeOptions(
        judge=options.judge,
        judge_base_url=options.judge_base_url,
        judge_args=shared.read_model_args(options.judge_args, "--judge_args"),
        judge_prompt=options.judge_prompt,
        swap=options.swap,
        scale=scale,
        structured=structured,
        repeats=repeats,
    )
