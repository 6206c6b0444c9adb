"""`fusion-eval synth --dry_run`: count the calls of a job and what they cost at most, without any call."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from fusion_eval.judging.dry_run import offline_note, planned_calls
from fusion_eval.models.counting import CountingOpener, StandInStore
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.opener import open_store
from fusion_eval.report.dry_run_table import HOW_TO_READ, dry_run_table
from fusion_eval.synth.engine import in_order
from fusion_eval.synth.job import Job
from fusion_eval.synth.prompts import Source, SourcePrompt
from fusion_eval.synth.run import Reader, check_job
from fusion_eval.synth.stages import Stages

_WIDTH = 32


def dry_run(job: Job, source: Source) -> str:
    """Return a table of calls, tokens and dollars for each strategy and role, and how to read it.

    No model is asked and nothing is written.
    """
    arguments = check_job(job)
    with open_store(arguments) as real, closing(StandInStore(real)) as store:
        opener = CountingOpener(arguments, store)
        reader = Reader(job, source)
        prompts: Iterable[SourcePrompt] = reader if source.again else list(reader)
        for strategy in job.strategies:
            opener.strategy = strategy
            stages = Stages([strategy], arguments, opener, min_teachers=job.min_teachers, stop=job.stop)
            reader.own = 0 if prompts is reader else reader.own
            _answer(prompts, stages)
        run_anywhere(opener.close)
    return "\n".join(
        [
            dry_run_table(planned_calls(opener), job.strategies),
            HOW_TO_READ,
            f"{reader.own:,} prompts; {len(store.found):,} generations are in the store and cost nothing again",
            *offline_note(opener, real),
        ]
    )


def _answer(prompts: Iterable[SourcePrompt], stages: Stages) -> None:
    run_anywhere(lambda: in_order(iter(prompts), stages.answer, lambda results: None, _WIDTH))
