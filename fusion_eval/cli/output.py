"""Print results: compact and in colour for a terminal, in full with `--wide`, or in another form."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fusion_eval.cli.options import report_progress

if TYPE_CHECKING:
    from fusion_eval.harness.run_result import RunResult
    from fusion_eval.report.analysis_view import AnalysisView
    from fusion_eval.runs.comparison import Comparison, Row


def print_comparison(
    comparison: Comparison, options: argparse.Namespace, rows: Sequence[Row] | None = None
) -> None:
    """Print a comparison in the form that `--format` and `--wide` name. Of tables, what is significant comes first.

    Args:
        comparison: The comparison.
        options: The command line.
        rows: The rows to print as a table; all by default.
    """
    from fusion_eval.report.comparison_table import VIEWS, as_markdown, as_text
    from fusion_eval.report.finding import finding, significant_first
    from fusion_eval.text.escaping import escaped
    from fusion_eval.text.printable import terminal_line

    if getattr(options, "format", "table") == "md":
        rows = significant_first(comparison.rows)
        print(f"**{escaped(finding(comparison))}**\n\n{as_markdown(comparison, rows)}")
    elif getattr(options, "format", "table") != "table":
        print(VIEWS[options.format](comparison))
    elif options.wide:
        shown = significant_first(comparison.rows if rows is None else rows)
        print(f"{terminal_line(finding(comparison))}\n\n{as_text(comparison, shown)}")
    else:
        from fusion_eval.report.terminal.comparison import comparison_view
        from fusion_eval.report.terminal.screen import open_console

        print(comparison_view(comparison, open_console(sys.stdout), rows))


def print_scores(result: RunResult, options: argparse.Namespace) -> None:
    """Print the table of a run's scores, and what each strategy did and cost."""
    if options.wide:
        print(result.scores())
        return
    from fusion_eval.report.terminal.scores import scores_view
    from fusion_eval.report.terminal.screen import open_console

    print(scores_view(result.outcome, result.strategies, open_console(sys.stdout), result.how_to_read))


def narrow_analysis(view: AnalysisView) -> str:
    """Return an analysis as a text for standard output, at most 100 columns wide."""
    from fusion_eval.report.terminal.analysis import analysis_text
    from fusion_eval.report.terminal.screen import open_console

    return analysis_text(view.analysis, open_console(sys.stdout))


def progress_report() -> Callable[[str], None]:
    """Return what a run reports its progress to: a live table at a terminal, else lines on standard error."""
    if sys.stdout.isatty():
        from fusion_eval.cli.live_scores import LiveScores
        from fusion_eval.report.terminal.screen import open_whole_console

        console = open_whole_console(sys.stdout)
        if not console.is_dumb_terminal:
            return LiveScores(console)
    return report_progress
