"""`fusion-eval judge --dry_run`: count the calls of a judging and what they cost at most, without any call."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from fusion_eval.judging.job import Job, judge_planned, plan_pairs
from fusion_eval.judging.options import JudgeOptions
from fusion_eval.judging.panel import run_panel
from fusion_eval.models.counting import CountingOpener, StandInStore
from fusion_eval.models.opener import open_store
from fusion_eval.models.store.store import Store
from fusion_eval.report.dry_run_table import HOW_TO_READ, PlannedCalls, dry_run_table


def dry_judge(job: Job, options: JudgeOptions) -> str:
    """Return a table of calls, tokens and dollars for each judge, and how to read it.

    All pairs are counted, although a sequential job may stop earlier. No model is asked.
    """
    arguments = options.model_arguments()
    planned, protocol = plan_pairs(job), options.protocol(arguments, retry_unreadable=False)
    everything = replace(job, sequential=False)
    with open_store(arguments) as real, closing(StandInStore(real)) as store:
        opener = CountingOpener(arguments, store)
        opener.strategy = "judge"
        run_panel(
            opener,
            protocol,
            planned.total,
            lambda panel: judge_planned(everything, panel, planned),
            quiet=True,
        )
    return "\n".join(
        [
            dry_run_table(planned_calls(opener), ["judge"], names=("", "judge")),
            HOW_TO_READ,
            f"{planned.total:,} pairs of answers; {len(store.found):,} replies are in the store and cost nothing again",
            *offline_note(opener, real),
        ]
    )


def planned_calls(opener: CountingOpener) -> list[PlannedCalls]:
    """Return what a dry run counted, as rows of its table."""
    return [
        PlannedCalls(strategy, role, count.calls, count.prompt_tokens, count.completion_tokens, count.cost)
        for (strategy, role), count in opener.counts.items()
    ]


def offline_note(opener: CountingOpener, store: Store) -> list[str]:
    """Return one line that says how a run with `offline=true` would end; no line without that argument."""
    if not opener.arguments.offline:
        return []
    missing = opener.missing_calls()
    if not missing:
        return [f"offline=true: nothing is missing, {store.path} answers all of it"]
    return [f"offline=true: the run would end, as {store.path} lacks the answers to {missing:,} calls"]
