"""`fusion-eval analyze`: what only the pools of runs can tell."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from fusion_eval.cli import options as shared
from fusion_eval.cli.output import narrow_analysis
from fusion_eval.errors import ConfigError


def add_analyze(commands: Any) -> None:
    """Add the command `analyze` to the parser."""
    parser = shared.add_command(
        commands,
        "analyze",
        help="curves over N, rescue and harm, and ceilings of runs on the same pools",
        description="Score every candidate of the runs' pools by the task's own metric, and say what more candidates, "
        "another choice or a perfect choice would give. No model is asked, except for --fuse, --fusors and --corrupt.",
        epilog="fusion-eval analyze out --output out/analysis",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        type=shared.path,
        metavar="RUN",
        help="runs with traces on the same pools; a folder may hold several",
    )
    add = parser.add_argument
    add(
        "--output",
        "--output_path",
        type=shared.path,
        metavar="DIR",
        help="folder for analysis.json and report.html",
    )
    add(
        "--metrics",
        metavar="M,…",
        help="analyze these metrics only (default: all that have a value for each item)",
    )
    add(
        "--format",
        choices=["table", "md", "json"],
        default="table",
        help="form of the printed analysis (default: table)",
    )
    shared.add_wide(parser)
    add(
        "--include_path",
        type=shared.path,
        metavar="DIR",
        help="folder with the task YAMLs that candidates are scored by",
    )
    shared.add_allow_partial(parser, "leave out lines that cannot be read, and report them")
    _add_statistics(parser)
    _add_new_calls(parser)
    parser.set_defaults(run=analyze_runs)


def _add_statistics(parser: argparse.ArgumentParser) -> None:
    """Add the options of intervals, tests and costs."""
    add = parser.add_argument
    shared.add_cluster(parser)
    shared.add_alpha(parser, "intervals cover with probability 1 - A")
    add(
        "--resamples",
        type=shared.resamples,
        default=2_000,
        metavar="R",
        help="number of random swaps of each test of --budget (default: 2000)",
    )
    add(
        "--seed",
        type=shared.count,
        default=0,
        metavar="S",
        help="seed of these swaps and of --corrupt (default: 0)",
    )
    add(
        "--budget",
        choices=["calls", "tokens", "usd", "seconds"],
        help="compare systems at equal cost, in this unit",
    )


def _add_new_calls(parser: argparse.ArgumentParser) -> None:
    """Add the options that ask models. All of them need --model_args."""
    add = parser.add_argument
    add("--fuse", metavar="K,…", help="also fuse the first K candidates of every pool, for each K")
    add("--fusors", metavar="M,…", help="ask these fusors about the same candidates: 'a,b(prompt=direct)'")
    add(
        "--corrupt",
        metavar="KIND:K,…",
        help="replace K candidates by bad ones and ask every strategy again; kinds: other, wrong, cut, language, injection",
    )
    add(
        "--model_args", metavar="K=V,…", help="the model arguments, as the runs had them; new calls need them"
    )
    add("--dry_run", action="store_true", help="print the new calls and their highest cost, without any call")


def _new_calls(options: argparse.Namespace) -> dict[str, Any]:
    """Read the options that ask models."""
    from fusion_eval.text.specs import split_list

    fuse = shared.split_names(options.fuse) if options.fuse is not None else ()
    for number in fuse:
        if not number.isdecimal() or int(number) < 1:
            raise ConfigError(f"--fuse takes numbers of candidates, such as 2,3,5, and got '{number}'")
    fusors = tuple(filter(None, split_list(options.fusors or "")))
    if options.fusors is not None and not fusors:
        raise ConfigError(f"The list '{options.fusors}' is empty; name at least one fusor")
    return {
        "fuse": tuple(map(int, fuse)),
        "fusors": fusors,
        "corrupt": shared.split_names(options.corrupt) if options.corrupt is not None else (),
        "model_args": None if options.model_args is None else shared.read_model_args(options.model_args),
    }


def analyze_runs(options: argparse.Namespace) -> int:
    """Carry out `fusion-eval analyze`."""
    from fusion_eval import api
    from fusion_eval.api.analysis import price
    from fusion_eval.api.reports import write_analysis_page
    from fusion_eval.report.analysis_view import AnalysisView

    new_calls = _new_calls(options)
    metrics = shared.split_names(options.metrics) if options.metrics is not None else ()
    if options.dry_run:
        print(
            price(
                *options.runs,
                metrics=metrics,
                include_path=options.include_path,
                cluster=options.cluster,
                allow_partial=options.allow_partial,
                seed=options.seed,
                **new_calls,
            )
        )
        return 0
    view = api.analyze(
        *options.runs,
        metrics=metrics,
        alpha=options.alpha,
        resamples=options.resamples,
        seed=options.seed,
        cluster=options.cluster,
        allow_partial=options.allow_partial,
        include_path=options.include_path,
        output=options.output,
        budget=options.budget,
        report=shared.report_progress,
        **new_calls,
    )
    forms: dict[str, Callable[[AnalysisView], str]] = {
        "table": str if options.wide else narrow_analysis,
        "md": AnalysisView.to_markdown,
        "json": AnalysisView.to_json,
    }
    print(forms[options.format](view))
    if options.output:
        write_analysis_page(
            options.runs,
            options.output,
            shared.note,
            allow_partial=options.allow_partial,
            include_path=options.include_path,
        )
    return 0
