"""`fusion-eval compare`: effects, p-values and win rates of two or more runs."""

from __future__ import annotations

import argparse
from typing import Any

from fusion_eval.cli import options as shared
from fusion_eval.cli.output import print_comparison
from fusion_eval.errors import ConfigError, FusionEvalError


def add_compare(commands: Any) -> None:
    """Add the command `compare` to the parser."""
    parser = shared.add_command(
        commands,
        "compare",
        help="effects, p-values and win rates of any two or more runs",
        description="Compare every run with the first, item by item: the difference, its interval, its p-value, wins "
        "and losses. With --baseline one run is enough.",
        epilog="fusion-eval compare out/single out/bon out/fusion --output out",
    )
    shared.add_runs(parser)
    add = parser.add_argument
    add(
        "--baseline",
        choices=["expected", "oracle"],
        help="compare all runs with the mean, or the best, of their candidates",
    )
    add(
        "--include_path",
        type=shared.path,
        metavar="DIR",
        help="folder with the task YAMLs that --baseline scores by",
    )
    add(
        "--metrics",
        metavar="M,…",
        help="compare these metrics only, each with its filters if some are named: exact_match,strict-match "
        "(default: all that can be compared)",
    )
    add(
        "--allow_setup",
        metavar="S,…",
        help="compare tasks although this differs between the runs: num_fewshot",
    )
    shared.add_statistics_options(parser)
    shared.add_judge_options(parser)
    parser.set_defaults(run=compare_runs)


def compare_runs(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval compare`."""
    from fusion_eval import api
    from fusion_eval.api.reports import write_report_beside
    from fusion_eval.cli.judge import with_judge
    from fusion_eval.runs.comparison import write_comparison

    _check_options(options)
    runs = api.read_runs(*options.runs, allow_partial=options.allow_partial)
    comparison = api.compare(
        *runs,
        baseline=options.baseline,
        metrics=shared.split_names(options.metrics) if options.metrics is not None else (),
        test=options.test,
        correction=options.correction,
        family=options.family,
        allow_setup=shared.split_names(options.allow_setup) if options.allow_setup else (),
        alpha=options.alpha,
        resamples=options.resamples,
        seed=options.seed,
        cluster=options.cluster,
        allow_partial=options.allow_partial,
        include_path=options.include_path,
        output=None if options.judge else options.output,  # else the judge's rows are written with these
    ).comparison
    if options.judge:
        try:
            comparison = with_judge(
                comparison, runs, shared.comparison_options(options), options, options.output
            )
        except FusionEvalError:
            if options.output:  # the metrics are worth having without the judge
                write_comparison(comparison, options.output)
            raise
    print_comparison(comparison, options)
    if options.output:
        write_report_beside(runs, comparison, options.output, shared.note)
    return 0


def _check_options(options: argparse.Namespace) -> None:
    if options.include_path and not options.baseline:
        raise ConfigError("--include_path needs --baseline: nothing else in compare reads tasks")
    if options.judge and options.baseline:
        raise ConfigError(
            f"--judge compares texts, and --baseline {options.baseline} has none; leave one of them out"
        )
    if len(options.runs) + bool(options.baseline) < 2:
        raise ConfigError(
            "compare needs two runs or more, the baseline first: fusion-eval compare BASELINE CANDIDATE…"
        )
