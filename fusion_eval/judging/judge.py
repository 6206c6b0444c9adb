"""Judge the answers of runs in pairs: the whole of `fusion-eval judge` as one function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from fusion_eval.judging.human_labels import read_human_labels
from fusion_eval.judging.job import Job, JobResult, judge_planned, plan_pairs
from fusion_eval.judging.options import JudgeOptions
from fusion_eval.judging.panel import run_panel
from fusion_eval.judging.summary import build_comparison
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.runs.comparison import Comparison, write_comparison
from fusion_eval.runs.verdicts import Verdict, write_verdicts
from fusion_eval.runs.writing import check_folder

ADJUSTED_SEPARATELY = "p adj is computed for the metrics' rows and for the judge's rows separately"


def judge(
    job: Job,
    options: JudgeOptions,
    *,
    output: Path | None = None,
    gold: Path | None = None,
    add_to: Comparison | None = None,
    report: Callable[[str], None] | None = None,
    quiet: bool = False,
) -> Comparison:
    """Have LLM judges judge a job's pairs, and compare its runs by the verdicts.

    A reply that is in the store costs nothing again.

    Args:
        job: Which pairs to judge, and how to compare.
        options: Who judges, and how.
        output: A folder for `verdicts.jsonl` and `comparison.json`.
        gold: A file of human verdicts.
        add_to: A comparison of the same runs by metrics, to which the judge's rows are added.
        report: Receives a sentence about the budget, if there is one.
        quiet: Show no progress bar.

    Returns:
        A comparison whose rows have the metric `judge:<template>`. Its `judging` says how reliable the judges are.

    Raises:
        ConfigError: The job or the options cannot be used, or no pair has a verdict.
    """
    arguments = options.model_arguments()
    protocol = options.protocol(arguments)
    if output:
        check_folder(output)
    planned = plan_pairs(job)
    pairs = [pair for pairs in planned.by_systems.values() for pair in pairs]
    labels = read_human_labels(gold, pairs) if gold else {}
    with open_store(arguments) as store:
        opener = Opener(arguments, store)
        result = run_panel(
            opener, protocol, planned.total, lambda panel: judge_planned(job, panel, planned), quiet=quiet
        )
        if report and arguments.budget is not None:
            report(f"budget: {opener.budget.describe()}")
    if output:
        write_verdicts(_verdicts(result), output)
    comparison = build_comparison(job, planned, result, protocol, labels)
    if add_to:
        comparison = _add_judged_rows(add_to, comparison)
    if output:
        write_comparison(comparison, output)
    return comparison


def _add_judged_rows(comparison: Comparison, judged: Comparison) -> Comparison:
    """Add a judge's rows to a comparison by metrics. They are families of their own, so p-values stay as they are."""
    return replace(
        comparison,
        rows=(*comparison.rows, *judged.rows),
        ranks=(*comparison.ranks, *judged.ranks),
        notes=tuple(dict.fromkeys((*comparison.notes, *judged.notes, ADJUSTED_SEPARATELY))),
        judging=judged.judging,
        by_judge=judged.by_judge,
    )


def _verdicts(result: JobResult) -> Iterator[Verdict]:
    """Yield the verdict of each judge on each pair, and the panel's after them if there are several judges."""
    for one in result.judged:
        yield from one.votes
        if len(one.votes) > 1:
            yield one.verdict
