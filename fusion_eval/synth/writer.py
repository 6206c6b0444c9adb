"""Write the data sets of a job: rows, pairs, failures, cards and the manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from fusion_eval.runs.writing import write_file
from fusion_eval.synth.card import Example, dataset_card, index_card
from fusion_eval.synth.files import PartFiles
from fusion_eval.synth.job import Job
from fusion_eval.synth.manifest import Counts, Manifest, write_manifest
from fusion_eval.synth.pairs import pairs_of
from fusion_eval.synth.prompts import prompt_text
from fusion_eval.synth.rows import ERROR, Failure, Result, Row, dropped
from fusion_eval.synth.tables import (
    failure_record,
    failure_schema,
    pair_record,
    pair_schema,
    plain_prompt,
    row_record,
    row_schema,
)
from fusion_eval.text.file_names import safe_file_name

EXAMPLES = 2


class OrderedFilter(Protocol):
    """A filter that must see the rows in the prompts' order, or that holds an index of its own."""

    @property
    def name(self) -> str:
        """The filter's name, the reason of what it drops."""
        ...

    def objection(self, row: Row) -> str | None:
        """Return why the row is dropped; None if it stays."""
        ...


class StrategyWriter:
    """Writes the data set of one strategy.

    Args:
        job: What is made.
        strategy: The strategy.
        staging: A folder for unfinished files.
        filters: The filters that see all rows of the strategy.
    """

    def __init__(self, job: Job, strategy: str, staging: Path, filters: Sequence[OrderedFilter]) -> None:
        self._job, self._filters = job, filters
        self.folder, self.strategy, self.counts = job.folder(strategy), strategy, Counts()
        self.examples: list[Example] = []
        own = staging / safe_file_name(strategy)
        self._rows = PartFiles(self.folder / "data", own / "data", row_schema(job.format), job.rows_per_file)
        self._failed = PartFiles(
            self.folder, own / "failed", failure_schema(), job.rows_per_file, "failed.parquet"
        )
        self._pairs = PartFiles(
            self.folder / "pairs", own / "pairs", pair_schema(job.format), job.rows_per_file
        )

    def add(self, result: Result) -> None:
        """Write one result, in the order of the prompts."""
        if isinstance(result, Row) and (objection := self._objection(result)):
            result = dropped(result, *objection)
        self.counts.add_cost(result.prompt_tokens, result.completion_tokens, result.cost)
        if isinstance(result, Failure):
            self.counts.failed[result.reason] = self.counts.failed.get(result.reason, 0) + 1
            self._failed.add(failure_record(result))
            return
        usable = (candidate.model for candidate in result.candidates if candidate.error is None)
        self.counts.add_row(result.language, fell_back=result.fallback is not None, teachers=usable)
        if len(self.examples) < EXAMPLES:
            self.examples.append((prompt_text(result.prompt), result.completion))
        self._rows.add(row_record(result, self._job.format))
        if self._job.pairs:
            for pair in pairs_of(result):
                self.counts.pairs += 1
                self._pairs.add(pair_record(result, pair, self._job.format))

    def _objection(self, row: Row) -> tuple[str, str] | None:
        """Return the reason for which a row is dropped, and what happened; None if it stays."""
        if self._job.format != "messages" and plain_prompt(row.prompt) is None:
            return ERROR, "a chat of several turns is no plain text; use --format messages"
        found = ((one.name, one.objection(row)) for one in self._filters)
        return next(((name, reason) for name, reason in found if reason), None)

    def place(self, manifest: Manifest) -> None:
        """Put the files in place, with the card."""
        self._rows.place()
        self._failed.place()
        if self._job.pairs:
            self._pairs.place()
        card = dataset_card(self._job, self.strategy, self.counts, manifest, self.examples)
        write_file(self.folder / "README.md", card.encode())

    def abandon(self) -> None:
        """Close open files after an error."""
        for files in (self._rows, self._failed, self._pairs):
            files.abandon()


class JobWriter:
    """Writes the data sets of all strategies of a job.

    Args:
        job: What is made.
        manifest: Gets the counts.
        staging: A folder for unfinished files.
        filters: Makes the filters that see all rows of one strategy.
    """

    def __init__(
        self,
        job: Job,
        manifest: Manifest,
        staging: Path,
        filters: Callable[[], Sequence[OrderedFilter]] = tuple,
    ) -> None:
        self._job, self._manifest = job, manifest
        self._writers = {
            strategy: StrategyWriter(job, strategy, staging, filters()) for strategy in job.strategies
        }
        self.cost: float | None = 0.0
        """US dollars so far; None once a price is unknown."""

    def add(self, results: Sequence[Result]) -> None:
        """Write the results of one prompt, one for each strategy."""
        for number, result in enumerate(results):
            self._writers[result.strategy].add(result)
            if result.cost is not None:
                shared = (result.pool_cost or 0.0) if number else 0.0
                self.cost = None if self.cost is None else self.cost + result.cost - shared
            elif result.completion_tokens:
                self.cost = None

    def finish(self, prompts: int) -> dict[str, Counts]:
        """Put all files in place.

        Args:
            prompts: How many prompts the source has, over all shards.

        Returns:
            The counts by strategy.
        """
        counts = {strategy: writer.counts for strategy, writer in self._writers.items()}
        self._manifest.prompts, self._manifest.strategies, self._manifest.cost = prompts, counts, self.cost
        for writer in self._writers.values():
            writer.place(self._manifest)
        if len(self._writers) > 1:
            write_file(self._job.output / "README.md", index_card(self._job, self._manifest).encode())
        write_manifest(self._job.output, self._manifest)
        return counts

    def __enter__(self) -> JobWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is not None:
            for writer in self._writers.values():
                writer.abandon()
