"""Make synthetic training data, and merge the parts that several machines made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fusion_eval.api.argument_types import checks_types
from fusion_eval.errors import ConfigError
from fusion_eval.models.hub.names import HUB, read_hub_name

if TYPE_CHECKING:
    from fusion_eval.strategies import Strategy
    from fusion_eval.synth.contamination import Contamination
    from fusion_eval.synth.job import Job
    from fusion_eval.synth.merge import Merged
    from fusion_eval.synth.prompts import Source, SourcePrompt
    from fusion_eval.synth.run import Made


@checks_types
def synthesize(
    prompts: str | Path,
    output: str | Path,
    *,
    strategies: str | Sequence[str | Strategy] = ("fusion",),
    model_args: Mapping[str, object] | None = None,
    columns: str | Mapping[str, str] = "",
    format: Literal["messages", "prompt_completion"] = "messages",
    pairs: bool = False,
    filters: str = "",
    decontaminate: str | Sequence[str] = (),
    allow_benchmarks: bool = False,
    min_teachers: int | None = None,
    stop: str | Sequence[str] = (),
    shard: str | None = None,
    limit: int | None = None,
    engine: Literal["local", "ray"] = "local",
    workers: int | None = None,
    report: Callable[[str], None] = print,
) -> Made:
    """Answer prompts by a pool of teachers and a strategy, and write the answers as a data set.

    Args:
        prompts: A JSONL or Parquet file, `-`, `hf:OWNER/NAME[/CONFIG][:SPLIT]`, or a task of the harness.
        output: Folder for the data set. With several strategies, each has a folder in it.
        strategies: Strategies as text or as values. They share one pool for each prompt.
        model_args: Model arguments, as in `run`; the embedded model by default.
        columns: Which columns hold what: `"prompt=question,language=lang"`, or a mapping.
        format: "messages", or "prompt_completion" for plain texts.
        pairs: Also write pairs of a better and a worse answer.
        filters: Filters such as `"language,refusal,length(most=4000),duplicates"`.
        decontaminate: Tasks of the harness whose texts no row may share 13 words in a row with.
        allow_benchmarks: Accept the package's own benchmarks as prompts.
        min_teachers: The fewest models that a pool needs candidates of; by default all.
        stop: Texts that end an answer, such as a newline for teachers without a chat template.
        shard: The part to make, `"i/n"` with i from 0; by default all, or this process's place in a Slurm array.
        limit: The first prompts of the source.
        engine: "local" is this process, "ray" a Ray cluster.
        workers: The actors of the engine "ray"; by default one for each node.
        report: Is called with each line of progress.

    Returns:
        The counts of rows, of failures by reason, and the cost.
    """
    from fusion_eval.argument_values import names_in
    from fusion_eval.strategies.specs import read_strategies
    from fusion_eval.synth.filters import read_filters
    from fusion_eval.synth.job import Job, read_shard
    from fusion_eval.synth.prompts import read_columns
    from fusion_eval.synth.run import make

    text = (
        columns
        if isinstance(columns, str)
        else ",".join(f"{name}={value}" for name, value in columns.items())
    )
    job = Job(
        output=Path(output),
        prompts=str(prompts),
        strategies=read_strategies(strategies),
        model_args=model_args or {},
        columns=read_columns(text),
        format=format,
        pairs=pairs,
        filters=read_filters(filters),
        decontaminate=names_in(decontaminate),
        allow_benchmarks=allow_benchmarks,
        min_teachers=min_teachers,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        shard=read_shard(shard, os.environ),
        limit=limit,
    )
    source, texts = open_source(job), evaluation_texts(job)
    if engine == "ray":
        from fusion_eval.synth.ray_engine import RayEngine

        return make(job, source, report, texts, RayEngine(workers, report))
    return make(job, source, report, texts)


@checks_types
def merge(folders: Sequence[str | Path], output: str | Path, *, allow_overlap: bool = False) -> Merged:
    """Put the shards of one job together.

    Args:
        folders: The outputs of `synthesize` with `shard`.
        output: Folder for the whole data set.
        allow_overlap: Keep the first folder's rows where shards overlap, instead of raising an error.

    Returns:
        The counts, with what is there twice and what is missing.
    """
    from fusion_eval.synth.merge import merge as merge_folders

    return merge_folders([Path(folder) for folder in folders], Path(output), allow_overlap=allow_overlap)


def open_source(job: Job) -> Source:
    """Return the prompts of a job.

    Raises:
        ConfigError: They cannot be read, or are a benchmark of the package.
    """
    from fusion_eval.synth import sources

    name = job.prompts
    if not name.strip():
        raise ConfigError(
            "--prompts is empty; name a file, a data set hf:OWNER/NAME, a task, or - for standard input"
        )
    if name == sources.STANDARD_INPUT:
        return sources.open_standard_input(job.columns)
    if name.startswith(HUB):
        hub_name = read_hub_name(name)
        _refuse_benchmark(job, (), hub_name.path)
        return sources.open_hub(hub_name, job.columns)
    path = Path(name)
    if path.exists() or path.suffix or "/" in name:
        return sources.open_file(path, job.columns)
    names = tuple(part for part in name.split(",") if part)
    _refuse_benchmark(job, names, None)
    return _task_source(name, names)


def evaluation_texts(job: Job) -> Contamination | None:
    """Return the filter of a job's evaluation tasks; None if it names none."""
    if not job.decontaminate:
        return None
    from fusion_eval.harness.tasks.prompts import task_texts
    from fusion_eval.synth.contamination import Contamination

    return Contamination(task_texts(job.decontaminate))


def _refuse_benchmark(job: Job, names: Sequence[str], dataset: str | None) -> None:
    from fusion_eval.harness.tasks.prompts import is_benchmark

    if not job.allow_benchmarks and is_benchmark(names, dataset):
        raise ConfigError(
            f"{job.prompts} is a benchmark of this package, and a student that trains on it cannot be measured by it; "
            "take other prompts, or add --allow_benchmarks"
        )


def _task_source(name: str, names: Sequence[str]) -> Source:
    from fusion_eval.harness import host
    from fusion_eval.harness.tasks.loading import task_manager
    from fusion_eval.harness.tasks.prompts import task_prompts
    from fusion_eval.synth.prompts import Source, make_prompt
    from fusion_eval.types import Prompt

    host.silence()
    try:
        task_manager(names, None)
    except ConfigError as error:
        raise ConfigError(f"--prompts {name} is neither a file nor a task. {error}") from error

    def read() -> Iterator[SourcePrompt]:
        for number, (own_id, text, language) in enumerate(task_prompts(names)):
            yield make_prompt(number, Prompt(text), language, own_id)

    return Source(name, read)
