"""The engine for a cluster: the stages run in the actors of a Ray Data pipeline, and the driver writes."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fusion_eval.argument_values import OFF
from fusion_eval.errors import ConfigError, EndpointError, FusionEvalError
from fusion_eval.model_arguments import ModelArguments, parse
from fusion_eval.models.cluster.opener import ClusterOpener, names_cluster_model
from fusion_eval.models.cluster.processor import NEEDS_RAY, connect
from fusion_eval.models.endpoint import Endpoint
from fusion_eval.models.opener import Opener
from fusion_eval.synth.actor_store import ActorStore, actors_folder
from fusion_eval.synth.engine import in_order
from fusion_eval.synth.filters import row_filters
from fusion_eval.synth.job import Job
from fusion_eval.synth.prompts import SourcePrompt
from fusion_eval.synth.rows import Failure, Result, Row
from fusion_eval.synth.run import ThisProcess
from fusion_eval.synth.stages import Stages

BLOCK = 32
"""Prompts that one actor takes at a time. A lost actor's block is done again."""
_WAVE = 20_000
"""Prompts that are in the cluster at a time. It bounds the driver's memory."""
_IN_WORK = 8_192
"""Prompts in work at a time with `vllm:NAME`: a batch of their candidates lasts much longer than loading the model."""


class Answered(msgspec.Struct):
    """The results of one prompt on their way to the driver, by strategy."""

    rows: dict[str, Row] = {}
    failures: dict[str, Failure] = {}
    error: str | None = None
    """Why the job has to stop."""
    notes: list[str] = []
    """What the actor has to report since its last answer, such as a teacher that it gave up."""


_encode = msgspec.msgpack.Encoder().encode
_decode_prompt = msgspec.msgpack.Decoder(SourcePrompt).decode
_decode_answered = msgspec.msgpack.Decoder(Answered).decode


class StagesActor:
    """An actor with models and a store of its own. It runs the stages on the prompts of a block.

    Args:
        strategies: The strategies, as text.
        model_args: The model arguments.
        filters: The filters that look at one row alone, as text.
        min_teachers: See `Job`.
        stop: Texts that end an answer.
        workers: How many actors share the endpoints and the budget.
        folder: The driver's folder, which relative paths among the arguments start from.
    """

    def __init__(
        self,
        strategies: Sequence[str],
        model_args: Mapping[str, object],
        filters: Sequence[str],
        min_teachers: int | None,
        stop: Sequence[str],
        workers: int,
        folder: str,
    ) -> None:
        if Path(folder).is_dir():
            os.chdir(folder)
        arguments = parse(model_args)
        arguments = dataclasses.replace(arguments, concurrency=max(1, arguments.concurrency // workers))
        cache = None if arguments.cache is OFF else arguments.cache
        self._store = ActorStore(actors_folder(cache), cache)
        self._opener = Opener(arguments, self._store)
        self._opener.budget.share(workers)
        self._notes: list[str] = []
        self._stages = Stages(
            strategies,
            arguments,
            self._opener,
            filters=row_filters(filters),
            min_teachers=min_teachers,
            stop=stop,
            report=self._notes.append,
        )

    async def __call__(self, batch: Mapping[str, Any]) -> AsyncIterator[dict[str, list[bytes]]]:
        """Yield the results of a block, in the order of its prompts."""
        answered: list[bytes] = []
        prompts = [_decode_prompt(bytes(prompt)) for prompt in batch["prompt"]]
        await in_order(
            iter(prompts), self._answer, lambda results: answered.append(_encode(results)), len(prompts)
        )
        yield {"answered": answered}

    async def _answer(self, prompt: SourcePrompt) -> Answered:
        try:
            results = await self._stages.answer(prompt)
        except FusionEvalError as error:
            return Answered(error=str(error))
        notes = self._notes.copy()
        self._notes.clear()
        return Answered(
            {result.strategy: result for result in results if isinstance(result, Row)},
            {result.strategy: result for result in results if isinstance(result, Failure)},
            notes=notes,
        )


class RayEngine:
    """Runs the stages on a Ray cluster: the one that `RAY_ADDRESS` names, or else one on this machine.

    With a model `vllm:NAME`, the cluster's GPUs answer by the batch inference of `ray.data.llm`, and the stages run here.

    Args:
        workers: How many actors; None is one for each node. For `vllm:NAME`, the most engines of each model.
        report: Is called with each line of progress.
        actor_cpus: Cores that Ray sets aside for an actor, which mostly waits for endpoints.

    Raises:
        ConfigError: Ray is not installed.
    """

    def __init__(
        self,
        workers: int | None = None,
        report: Callable[[str], None] = lambda line: None,
        actor_cpus: float = 1.0,
    ) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ConfigError(NEEDS_RAY)
        self._workers, self._report, self._actor_cpus = workers, report, actor_cpus

    def endpoints(self) -> list[Endpoint]:
        """Return no endpoint: they are in the actors."""
        return []

    def run(
        self,
        job: Job,
        arguments: ModelArguments,
        prompts: Iterator[SourcePrompt],
        deliver: Callable[[Sequence[Result]], None],
    ) -> None:
        """Answer all prompts and deliver their results in order.

        Raises:
            EndpointError: The job has to stop; the message is the actor's.
        """
        if names_cluster_model(arguments):
            here = ThisProcess(
                self._report, lambda named, store: ClusterOpener(named, store, self._workers), _IN_WORK
            )
            here.run(job, arguments, prompts, deliver)
            return
        ray = connect()
        ray.data.DataContext.get_current().execution_options.preserve_order = True
        workers = self._workers or sum(node["Alive"] for node in ray.nodes())
        noted: set[str] = set()
        while wave := list(itertools.islice(prompts, _WAVE)):
            for encoded in self._answered(ray.data, job, wave, workers):
                answered = _decode_answered(encoded)
                if answered.error is not None:
                    raise EndpointError(answered.error)
                for note in answered.notes:
                    if note not in noted:  # each actor finds it by itself
                        noted.add(note)
                        self._report(note)
                deliver(
                    [
                        answered.rows[strategy] if strategy in answered.rows else answered.failures[strategy]
                        for strategy in job.strategies
                    ]
                )

    def _answered(self, data: Any, job: Job, wave: Sequence[SourcePrompt], workers: int) -> Iterator[bytes]:
        """Yield the results of some prompts, in their order."""
        import pyarrow as pa

        blocks = [wave[start : start + BLOCK] for start in range(0, len(wave), BLOCK)]
        tables = [pa.table({"prompt": [_encode(prompt) for prompt in block]}) for block in blocks]
        actors = min(workers, len(blocks))
        answered = data.from_arrow(tables).map_batches(
            StagesActor,
            batch_size=None,
            fn_constructor_args=(
                job.strategies,
                dict(job.model_args),
                job.filters,
                job.min_teachers,
                job.stop,
                actors,
                str(Path.cwd()),
            ),
            compute=data.ActorPoolStrategy(size=actors),
            num_cpus=self._actor_cpus,
        )
        for row in answered.iter_rows():
            yield bytes(row["answered"])
