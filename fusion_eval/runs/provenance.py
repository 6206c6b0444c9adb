"""Read from a results file how a run was made, and the numbers that the harness reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.runs.reading import Run
from fusion_eval.runs.results_file import (
    NO_SCORE,
    Results,
    number_or_none,
    section,
    split_metric,
    text_or_none,
)
from fusion_eval.runs.task_info import higher_is_better
from fusion_eval.runs.task_setup import group_members
from fusion_eval.text.specs import spec_name

_SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")


@dataclass(frozen=True, slots=True)
class ReportedScore:
    """One number of a results file: a metric of a task, or of a group of tasks."""

    task: str
    metric: str
    filter: str
    value: float
    stderr: float | None
    n: int | None
    """The number of items."""
    higher_is_better: bool
    group: bool
    """Whether `task` is a group. Only single tasks have samples of their own."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a run was made, as its newest results file says. Unknown values are None, or empty."""

    model: str | None = None
    """The model's name in the harness; its type if it has no name."""
    model_type: str | None = None
    """The value of `--model`: `hf`, `vllm`, `fusion`, …"""
    strategy: str | None = None
    """Only runs of this package have a strategy and the fields up to `signature`."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    """The identities of the models that sampled."""
    fusor: str | None = None
    """Who fused, for strategies that fuse."""
    scorer: str | None = None
    """Who chose, for Best-of-N."""
    prompt: str | None = None
    """The fusor's template and the first digits of its hash: `paper c6fe9ee0`."""
    totals: Mapping[str, Any] = field(default_factory=dict)
    """Counts, tokens and cost, as in `Totals`."""
    signature: str | None = None
    model_args: object = None
    """Only for runs of other packages."""
    gen_kwargs: object = None
    limit: float | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of `lm_eval`, `fusion_eval` and `transformers`."""
    date: float | None = None
    """Seconds since 1970."""
    seconds: float | None = None
    """How long the evaluation took."""
    chat_template: bool = False
    system_instruction: str | None = None
    task_hashes: Mapping[str, str] = field(default_factory=dict)


def read_provenance(run: Run) -> Provenance:
    """Read how a run was made.

    Raises:
        ConfigError: The run's newest results file cannot be read.
    """
    results = run.files.newest_results()
    config = section(results, "config")
    strategy = text_or_none(config.get("strategy"))
    name = spec_name(strategy or "")
    template = [text_or_none(config.get("prompt_template")), text_or_none(config.get("prompt_hash"))]
    models = config.get("models")
    return Provenance(
        model=text_or_none(results.get("model_name")) or text_or_none(config.get("model")),
        model_type=text_or_none(config.get("model")),
        strategy=strategy,
        settings=section(config, "settings"),
        models=tuple(map(str, models)) if isinstance(models, list) else (),
        fusor=text_or_none(config.get("fusor")) if name not in ("", "single", "bon") else None,
        scorer=text_or_none(config.get("scorer")) if name == "bon" else None,
        prompt=" ".join(filter(None, template)) or None,
        totals=section(config, "totals"),
        signature=text_or_none(config.get("signature")),
        model_args=None if strategy else config.get("model_args"),
        gen_kwargs=config.get("gen_kwargs"),
        limit=number_or_none(config.get("limit")),
        seeds={name: config[name] for name in _SEEDS if isinstance(config.get(name), int)},
        versions=_versions(results, config),
        date=number_or_none(results.get("date")),
        seconds=number_or_none(results.get("total_evaluation_time_seconds")),
        chat_template=bool(results.get("chat_template")),
        system_instruction=text_or_none(results.get("system_instruction")),
        task_hashes={str(task): str(digest) for task, digest in section(results, "task_hashes").items()},
    )


def reported_scores(run: Run) -> list[ReportedScore]:
    """Return every number that the harness reported: for the run's tasks in their order, then for its groups.

    A group is left out if the run lacks one of its tasks.
    """
    scores: list[ReportedScore] = []
    for task in run.tasks:
        scores += _scores(run.files.results(task), "results", task, run)
    newest = run.files.newest_results()
    members = group_members(run)
    for group in section(newest, "groups"):
        if str(group) not in members or members[str(group)] <= set(run.tasks):
            scores += _scores(newest, "groups", str(group), run)
    return scores


def _scores(results: Results, part: str, task: str, run: Run) -> list[ReportedScore]:
    values = section(section(results, part), task)
    directions = section(section(results, "higher_is_better"), task)
    infos = [run.tasks[task].info] if task in run.tasks else []
    n = values.get("sample_len", section(section(results, "n-samples"), task).get("effective"))
    scores = []
    for key, value in values.items():
        split, number = split_metric(key), number_or_none(value)
        if split is None or number is None:
            continue
        metric, filtered = split
        if metric == NO_SCORE:
            continue
        better = directions.get(metric)
        scores.append(
            ReportedScore(
                task=task,
                metric=metric,
                filter=filtered,
                value=number,
                stderr=number_or_none(values.get(f"{metric}_stderr,{filtered}")),
                n=n if isinstance(n, int) else None,
                higher_is_better=better if isinstance(better, bool) else higher_is_better(metric, infos),
                group=part == "groups",
            )
        )
    return scores


def _versions(results: Results, config: Results) -> dict[str, str]:
    versions = {
        "lm_eval": results.get("lm_eval_version"),
        "transformers": results.get("transformers_version"),
        "fusion_eval": config.get("fusion_eval_version"),
    }
    return {name: str(version) for name, version in versions.items() if version and version != "N/A"}
