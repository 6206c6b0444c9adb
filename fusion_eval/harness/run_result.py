"""What `fusion-eval run` gives back: the scores of every strategy, and their comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fusion_eval.errors import FusionEvalError
from fusion_eval.harness.run import Plan, compare_strategies, run
from fusion_eval.report.comparison_table import as_text
from fusion_eval.report.comparison_view import ComparisonView
from fusion_eval.report.outcome import Outcome
from fusion_eval.report.score_table import score_table
from fusion_eval.report.summary import HOW_TO_READ, summary
from fusion_eval.runs.comparison import Row, write_comparison
from fusion_eval.text.printable import printable


@dataclass(frozen=True, slots=True)
class RunResult:
    """The scores of every strategy, and their comparison with the first. It prints as `fusion-eval run --wide` does."""

    output: Path
    """The folder with results, samples, traces and comparison.json."""
    strategies: tuple[str, ...]
    outcome: Outcome
    """Scores per task, and totals per strategy."""
    comparison: ComparisonView | None = None
    """None for a single strategy, and if the runs cannot be compared."""
    why_not_compared: str = ""
    how_to_read: str = HOW_TO_READ
    """What the tokens and seconds of the table count."""

    def __str__(self) -> str:
        return "\n".join(filter(None, (self.scores(), self.overall())))

    def scores(self) -> str:
        """Return the table of scores, and what each strategy did and cost."""
        table = score_table(self.outcome.rows, self.strategies, self.outcome.metric)
        return f"{table}\n{summary(self.outcome.totals, self.how_to_read)}"

    def overall(self) -> str:
        """Return the rows of the comparison over all languages, if there are any, else all rows."""
        if self.comparison is None:
            return f"No comparison: {self.why_not_compared}" if self.why_not_compared else ""
        return f"\n{as_text(self.comparison.comparison, self.main_rows())}\n"

    def main_rows(self) -> tuple[Row, ...]:
        """Return the rows of the comparison over all languages, if there are any, else all rows."""
        rows = self.comparison.rows if self.comparison else ()
        return tuple(row for row in rows if row.language == "all") or rows


def run_and_compare(plan: Plan, report: Callable[[str], None]) -> RunResult | None:
    """Run every strategy, compare them, and write everything to the plan's folder.

    Args:
        plan: What to run.
        report: Is called with each line of progress.

    Returns:
        None on the ranks of a parallel run that do not write.

    Raises:
        ConfigError: A part of the plan is wrong, or the results cannot be written.
    """
    outcome = run(plan, report)
    if outcome is None:
        return None
    result = RunResult(plan.output, plan.strategies, outcome)
    return result if len(plan.strategies) < 2 else compared(result, plan)


def compared(result: RunResult, plan: Plan) -> RunResult:
    """Return the result with the comparison of the plan's runs, which is written to the plan's folder."""
    try:
        comparison = compare_strategies(plan, result.outcome.files)
    except FusionEvalError as error:  # the scores are worth having without it
        return replace(result, why_not_compared=printable(str(error)))
    write_comparison(comparison, plan.output)
    return replace(result, comparison=ComparisonView(comparison))
