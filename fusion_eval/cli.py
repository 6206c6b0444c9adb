"""The command line: parses, calls, prints. Heavy imports happen when a command runs."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusion_eval import __version__
from fusion_eval.errors import ConfigError, FusionEvalError, printable
from fusion_eval.options import Parser, count, level, limit, listed, model_args, resamples, underscored

if TYPE_CHECKING:
    from fusion_eval.run import Plan

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code: 0 done, 2 the user's input, 130 interrupted."""
    given = [underscored(word) for word in (sys.argv[1:] if arguments is None else arguments)]
    options, rest = _parser().parse_known_args(given)
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


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="fusion-eval",
        description="Best-of-N and Fusion-of-N in lm-evaluation-harness: which is better, and is the difference real?",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)

    run = commands.add_parser(
        "run", help="sample once, aggregate with every strategy, score, show", allow_abbrev=False
    )
    run.add_argument(
        "--output", "--output_path", type=Path, required=True, metavar="DIR", help="folder for the results"
    )
    run.add_argument(
        "--tasks",
        default="fusion_demo",
        metavar="T,…",
        help="tasks or groups of the harness (default: fusion_demo)",
    )
    run.add_argument(
        "--strategies", default="single,bon,fusion", metavar="S,…", help="default: single,bon,fusion"
    )
    run.add_argument(
        "--model_args",
        default="",
        metavar="K=V,…",
        help="model=, n=, temperature=, fusor=, … (default: the embedded model)",
    )
    run.add_argument(
        "--limit", type=limit, metavar="N", help="first N items of each task, or a share below 1"
    )
    run.add_argument("--include_path", type=Path, metavar="DIR", help="folder with more task YAMLs")
    run.add_argument("--apply_chat_template", action="store_true", help="send prompts as chat messages")
    run.add_argument(
        "--num_fewshot", type=count, metavar="K", help="few-shot examples, instead of the task's own number"
    )
    run.add_argument(
        "--dry_run", action="store_true", help="say what it would ask and at most cost, and ask nobody"
    )
    run.set_defaults(command=_run, parser=run)

    _add_compare(commands)
    doctor = commands.add_parser(
        "doctor", help="what is installed, and how the harness finds us", allow_abbrev=False
    )
    doctor.set_defaults(command=_doctor, parser=doctor)
    return parser


def _add_compare(commands: Any) -> None:
    parser = commands.add_parser(
        "compare",
        help="effects, p-values and win rates of any two or more runs",
        description="Every run against the first, item by item: how large is the difference, how sure, who wins how often. "
        "With --baseline one run is enough.",
        epilog="fusion-eval compare out/single out/bon out/fusion --output out",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="folders or sample files of lm_eval; the baseline first",
    )
    add(
        "--baseline",
        choices=["expected", "oracle"],
        help="compare all runs with the mean, or the best, of their candidates",
    )
    add("--include_path", type=Path, metavar="DIR", help="task YAMLs that --baseline scores candidates by")
    add(
        "--format",
        choices=["table", "md", "json", "csv"],
        default="table",
        help="what is printed (default: table)",
    )
    add("--output", "--output_path", type=Path, metavar="DIR", help="folder for comparison.json")
    add("--metrics", metavar="M,…", help="these alone (default: all that can be compared)")
    add(
        "--allow_partial",
        action="store_true",
        help="compare what the runs have in common, and say what fell out",
    )
    add(
        "--cluster",
        default="auto",
        metavar="FIELD",
        help="field of the documents whose items belong together, or none (default: auto, see the README)",
    )
    add(
        "--test",
        choices=["auto", "permutation", "mcnemar", "wilcoxon"],
        default="auto",
        help="default: McNemar on independent 0/1 items, else permutation",
    )
    add("--interval", choices=["bca", "percentile"], default="bca", help="bootstrap interval (default: bca)")
    add("--correction", choices=["holm", "bh", "none"], default="holm", help="over the rows (default: holm)")
    add("--alpha", type=level, default=0.05, metavar="A", help="level of tests and intervals (default: 0.05)")
    add(
        "--resamples",
        type=resamples,
        default=10_000,
        metavar="R",
        help="of tests and intervals (default: 10000)",
    )
    add("--seed", type=count, default=0, metavar="S", help="of the resampling (default: 0)")
    parser.set_defaults(command=_compare, parser=parser)
