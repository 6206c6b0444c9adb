"""Make the data sets of a job: check it, answer its prompts, filter, and write."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fusion_eval.argument_values import OFF
from fusion_eval.errors import ConfigError
from fusion_eval.model_arguments import ModelArguments, parse
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.logs import configure
from fusion_eval.models.opener import Opener, open_store
from fusion_eval.models.progress import progress
from fusion_eval.models.store.store import Store
from fusion_eval.runs.locking import lock_folder
from fusion_eval.runs.writing import check_folder
from fusion_eval.synth.contamination import Contamination
from fusion_eval.synth.engine import in_order
from fusion_eval.synth.files import staging_folder
from fusion_eval.synth.filters import DUPLICATES, make_filter, row_filters
from fusion_eval.synth.job import Job
from fusion_eval.synth.manifest import Counts, Manifest, check_output, claim_output, new_manifest
from fusion_eval.synth.prompts import Source, SourcePrompt
from fusion_eval.synth.rows import Result
from fusion_eval.synth.stages import Stages, check_strategies
from fusion_eval.synth.writer import JobWriter, OrderedFilter
from fusion_eval.text.specs import parse_spec

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What a job made."""

    output: Path
    prompts: int
    """How many prompts this shard answered."""
    strategies: dict[str, Counts]
    cost: float | None
    """US dollars; None if a price is unknown."""


class Reader:
    """Reads the prompts of one shard, and counts those of all shards."""

    def __init__(self, job: Job, source: Source) -> None:
        self._job, self._source = job, source
        self.all = 0
        """Prompts of the source, read so far."""
        self.own = 0
        """Prompts of this shard, read so far."""

    @property
    def total(self) -> int | None:
        """How many prompts this shard has, where that is known."""
        if self._source.total is None:
            return None
        most = self._source.total if self._job.limit is None else min(self._source.total, self._job.limit)
        return len(range(self._job.shard.number, most, self._job.shard.of))

    def __iter__(self) -> Iterator[SourcePrompt]:
        for prompt in itertools.islice(self._source.read(), self._job.limit):
            self.all += 1
            if prompt.index % self._job.shard.of == self._job.shard.number:
                self.own += 1
                yield prompt


def check_job(job: Job) -> ModelArguments:
    """Check all of a job that can be checked without its prompts.

    Raises:
        ConfigError: A model argument, a strategy or the output folder is wrong.
    """
    if job.model_args.get("trace_dir") is not None:
        raise ConfigError("trace_dir= has no use here: each row holds its candidates; leave it out")
    arguments = parse(job.model_args)
    if arguments.cache is OFF:
        raise ConfigError("cache=off keeps no answer, so a job that is killed could not go on; leave it out")
    check_strategies(job.strategies, arguments)
    models = len(set(arguments.model))
    if job.min_teachers is not None and not 1 <= job.min_teachers <= models:
        raise ConfigError(
            f"--min_teachers {job.min_teachers} should be from 1 to {models}, the number of models"
        )
    if "" in job.stop:
        raise ConfigError(
            r"--stop is empty and would end no answer; give a text, such as \n, or leave it out"
        )
    check_folder(job.output)
    return arguments


class Engine(Protocol):
    """Answers prompts and delivers the results in the prompts' order."""

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints in this process, for the progress bar."""
        ...

    def run(
        self,
        job: Job,
        arguments: ModelArguments,
        prompts: Iterator[SourcePrompt],
        deliver: Callable[[Sequence[Result]], None],
    ) -> None:
        """Answer all prompts of an iterator."""
        ...


def make(
    job: Job,
    source: Source,
    report: Report,
    contamination: Contamination | None = None,
    engine: Engine | None = None,
) -> Made:
    """Make the data sets of a job.

    Every finished answer is kept in the store, so a job that is killed goes on with the same command.

    Args:
        job: What to make.
        source: Its prompts.
        report: Is called with each line of progress.
        contamination: The filter of evaluation texts.
        engine: Runs the stages; by default this process.

    Raises:
        FusionEvalError: The job is wrong, or has to stop.
    """
    configure()
    arguments = check_job(job)
    manifest = begin(job, arguments)
    engine = engine or ThisProcess(report)
    with lock_folder(job.output):
        claim_output(job.output, manifest)
        reader = Reader(job, source)
        with (
            staging_folder(job.output) as staging,
            JobWriter(job, manifest, staging, lambda: ordered_filters(job, contamination)) as writer,
            progress(
                ", ".join(job.strategies), reader.total or 0, engine.endpoints, lambda: writer.cost, off=False
            ) as done,
        ):

            def deliver(results: Sequence[Result]) -> None:
                writer.add(results)
                done()

            engine.run(job, arguments, iter(reader), deliver)
            counts = writer.finish(reader.all)
    return Made(job.output, reader.own, counts, writer.cost)


class ThisProcess:
    """The engine of one process.

    Args:
        report: Is called with each line of progress.
        open_models: Makes the opener of the models.
        least: The fewest prompts in work at a time.
    """

    def __init__(
        self, report: Report, open_models: Callable[[ModelArguments, Store], Opener] = Opener, least: int = 1
    ) -> None:
        self._report, self._open_models, self._least = report, open_models, least
        self._opener: Opener | None = None

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints that are in use."""
        return self._opener.endpoints() if self._opener else []

    def run(
        self,
        job: Job,
        arguments: ModelArguments,
        prompts: Iterator[SourcePrompt],
        deliver: Callable[[Sequence[Result]], None],
    ) -> None:
        """Answer all prompts of an iterator."""
        with open_store(arguments) as store:
            opener = self._opener = self._open_models(arguments, store)
            stages = Stages(
                job.strategies,
                arguments,
                opener,
                filters=row_filters(job.filters),
                min_teachers=job.min_teachers,
                stop=job.stop,
                report=self._report,
            )

            async def answer_all() -> None:
                try:
                    await in_order(prompts, stages.answer, deliver, max(width_of(arguments), self._least))
                finally:
                    await opener.close()

            run_anywhere(answer_all)
        if arguments.budget is not None:
            self._report(f"budget: {opener.budget.describe()}")


def begin(job: Job, arguments: ModelArguments) -> Manifest:
    """Return the manifest of a job, after a check that the output folder is free or its own."""
    manifest = new_manifest(job.identity(arguments), job.shard)
    check_output(job.output, manifest)
    return manifest


def ordered_filters(job: Job, contamination: Contamination | None) -> list[OrderedFilter]:
    """Return the filters that see all rows of a strategy, in the order of the prompts."""
    filters: list[OrderedFilter] = [contamination] if contamination is not None else []
    for text in job.filters:
        if parse_spec(text).name == DUPLICATES:
            filters.append(make_filter(text))  # type: ignore[arg-type] # the name tells its type
    return filters


def width_of(arguments: ModelArguments) -> int:
    """Return how many prompts to work on at a time: enough to keep every address busy."""
    return 2 * arguments.concurrency * len(arguments.base_url or (None,))
