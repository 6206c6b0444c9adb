"""`fusion-eval run`: sample once, aggregate with every strategy, score in the harness, compare."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval.argument_values import DEFAULT_STRATEGIES, DEFAULT_TASK
from fusion_eval.cli import options as shared
from fusion_eval.cli.output import print_comparison, print_scores, progress_report
from fusion_eval.cli.recipe_options import add_recipe, apply_recipe, show_next_steps
from fusion_eval.errors import FusionEvalError

if TYPE_CHECKING:
    from fusion_eval.harness.run import Plan
    from fusion_eval.harness.run_result import RunResult
    from fusion_eval.runs.comparison import Comparison

DRY_RUN_WITHOUT_JUDGE = (
    "The table has no calls of the judge, two for each pair of answers; once answers exist, "
    "fusion-eval judge … --dry_run counts them"
)
BEST_SINGLE_IS_UNKNOWN = (
    "Each table counts its arm alone; candidates that arms share are paid for once. The arm best_single costs as self does, "
    "at the price of the best model, which is known once every model has answered each prompt"
)


def add_run(commands: Any) -> None:
    """Add the command `run` to the parser."""
    parser = shared.add_command(
        commands,
        "run",
        help="sample once, aggregate with every strategy, score, compare",
        epilog="fusion-eval run --tasks fusion_demo --strategies single,bon,fusion --output out/demo",
    )
    add = parser.add_argument
    add(
        "--output",
        "--output_path",
        type=shared.path,
        metavar="DIR",
        help="folder for the results (required without --dry_run)",
    )
    add(
        "--tasks",
        default=DEFAULT_TASK,
        metavar="T,…",
        help="tasks or groups of the harness (default: %(default)s)",
    )
    add(
        "--strategies",
        default=",".join(DEFAULT_STRATEGIES),
        metavar="S,…",
        help="strategies, with options in parentheses: 'bon(scorer=chrf)' (default: %(default)s)",
    )
    add(
        "--model_args",
        default="",
        metavar="K=V,…",
        help="model=, n=, temperature=, fusor=, … (default: the embedded model)",
    )
    _add_setup(parser)
    add(
        "--arms",
        action="store_true",
        help="run single, self, multi and best_single of several models, instead of --strategies",
    )
    add("--dry_run", action="store_true", help="print the calls and their highest cost, without any call")
    shared.add_wide(parser)
    add_recipe(parser)
    shared.add_family(parser)
    shared.add_judge_options(parser)
    parser.set_defaults(run=run_strategies)


def _add_setup(parser: argparse.ArgumentParser) -> None:
    """Add the options that set the tasks up, as the harness has them too."""
    add = parser.add_argument
    add("--limit", type=shared.limit, metavar="N", help="first N items of each task, or a share below 1")
    add("--include_path", type=shared.path, metavar="DIR", help="folder with more task YAMLs")
    add("--apply_chat_template", action="store_true", help="send prompts as chat messages")
    add(
        "--num_fewshot",
        type=shared.count,
        metavar="K",
        help="few-shot examples, instead of the task's own number",
    )
    add(
        "--generate_choices",
        nargs="?",
        const="in_order",
        choices=["in_order", "permuted"],
        help="run multiple-choice tasks as generation; permuted: their options in a random order",
    )


def run_strategies(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval run`."""
    from fusion_eval.cli.judge import check_judge
    from fusion_eval.harness.run_result import run_and_compare

    if options.output is None and not options.dry_run:
        options.parser.error("the following arguments are required: --output/--output_path")
    if options.arms and options.strategies != ",".join(DEFAULT_STRATEGIES):
        options.parser.error("--arms runs strategies of its own; leave out --strategies")
    started = time.monotonic()
    recipe = apply_recipe(options)
    plan = _plan(options)
    if options.judge:
        check_judge(plan, options)
    if options.dry_run:
        return _dry_run(plan, options)
    if options.arms:
        from fusion_eval.harness.arms import run_arms

        result: RunResult | None = run_arms(plan, progress_report())
    else:
        result = run_and_compare(plan, progress_report())
    if result is None:  # another rank of a parallel run prints
        return 0
    print_scores(result, options)
    if options.judge and result.comparison:
        compared = dataclasses.replace(plan, strategies=result.strategies)
        result = _with_judge(result, result.comparison.comparison, compared, options)
    _print_overall(result, options)
    _write_report(result, plan)
    print(f"{time.monotonic() - started:.0f} s in all; results, samples and traces are in {plan.output}")
    show_next_steps(recipe, plan.output)
    return 0


def _print_overall(result: RunResult, options: argparse.Namespace) -> None:
    """Print the rows of the comparison over all languages, if there are any, else all rows."""
    if result.comparison is not None:
        print()
        print_comparison(result.comparison.comparison, options, result.main_rows())
        print()
    elif result.why_not_compared:
        print(result.overall())


def _plan(options: argparse.Namespace) -> Plan:
    from fusion_eval.harness.run import Plan
    from fusion_eval.strategies.specs import read_strategies

    return Plan(
        output=options.output or Path(),
        tasks=shared.split_names(options.tasks),
        strategies=read_strategies(options.strategies),
        model_args=shared.read_model_args(options.model_args),
        limit=options.limit,
        include_path=options.include_path,
        apply_chat_template=options.apply_chat_template,
        num_fewshot=options.num_fewshot,
        generate_choices=options.generate_choices,
        command=options.command_line,
        family=options.family,
    )


def _write_report(result: RunResult, plan: Plan) -> None:
    """Write report.html beside the results."""
    from fusion_eval.api.reports import write_report_beside
    from fusion_eval.harness.run import ordered_runs

    runs = ordered_runs(dataclasses.replace(plan, strategies=result.strategies), result.outcome.files)
    compared = result.comparison.comparison if result.comparison else None
    write_report_beside(runs, compared, plan.output, shared.note)


def _dry_run(plan: Plan, options: argparse.Namespace) -> int:
    from fusion_eval.harness.dry_run import dry_run

    if options.arms:
        from fusion_eval.harness.arms import arm_plans

        for arm, one in arm_plans(plan).items():
            print(f"arm {arm}\n{dry_run(one)}\n")
        print(BEST_SINGLE_IS_UNKNOWN)
    else:
        print(dry_run(plan))
    if options.judge:
        print(DRY_RUN_WITHOUT_JUDGE)
    return 0


def _with_judge(
    result: RunResult, compared: Comparison, plan: Plan, options: argparse.Namespace
) -> RunResult:
    """Add the judge's rows to the comparison. If the judge fails, print what the metrics say before the error."""
    from fusion_eval.cli.judge import with_judge
    from fusion_eval.comparison.options import ComparisonOptions
    from fusion_eval.harness.run import ordered_runs
    from fusion_eval.report.comparison_view import ComparisonView

    runs, statistics = ordered_runs(plan, result.outcome.files), ComparisonOptions(family=options.family)
    try:
        comparison = with_judge(compared, runs, statistics, options, plan.output)
    except FusionEvalError:
        _print_overall(result, options)
        raise
    return dataclasses.replace(result, comparison=ComparisonView(comparison))
