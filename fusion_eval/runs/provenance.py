"""How a run was made, and what the harness reported of it: the results file, for those who tell others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.runs.files import Results, find, load_results, section
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_info import higher_is_better

_SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")


@dataclass(frozen=True, slots=True)
class Reported:
    """One number of a results file: a metric of a task, or of a group of tasks."""

    task: str
    metric: str
    filter: str
    value: float
    stderr: float | None
    n: int | None
    """Items."""
    higher_is_better: bool
    group: bool
    """Whether `task` is a group; only single tasks have samples of their own."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the newest results file of a run says. None, or empty, where it says nothing."""

    model: str | None = None
    """As the harness names it; its type where it has no name."""
    model_type: str | None = None
    """`--model`: `hf`, `vllm`, `fusion`, …"""
    strategy: str | None = None
    """This and the next six are of runs made with this package alone."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    """The samplers' identities."""
    fusor: str | None = None
    """Who fused, and how was chosen, where the strategy does so."""
    scorer: str | None = None
    prompt: str | None = None
    """The fusor's template and the first digits of its hash: `paper c6fe9ee0`."""
    totals: Mapping[str, Any] = field(default_factory=dict)
    """Counts, tokens and cost, as `traces.Totals`."""
    signature: str | None = None
    model_args: object = None
    """Of a run made without this package."""
    gen_kwargs: object = None
    limit: float | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the software, by its name: `lm_eval`, `fusion_eval`, `transformers`."""
    date: float | None = None
    """Seconds since 1970."""
    seconds: float | None = None
    """The evaluation took."""
    chat_template: bool = False
    system_instruction: str | None = None
    task_hashes: Mapping[str, str] = field(default_factory=dict)


def origin_of(run: Run) -> Origin:
    """Of the run's newest results file; raises `ConfigError` where that cannot be read."""
    results = newest_results(run)
    config = section(results, "config")
    strategy = _text(config.get("strategy"))
    seconds = results.get("total_evaluation_time_seconds")
    return Origin(
        model=_text(results.get("model_name")) or _text(config.get("model")),
        model_type=_text(config.get("model")),
        strategy=strategy,
        settings=section(config, "settings"),
        models=tuple(str(name) for name in _listed(config.get("models"))),
        fusor=_text(config.get("fusor")) if strategy not in (None, "single", "bon") else None,
        scorer=_text(config.get("scorer")) if strategy == "bon" else None,
        prompt=" ".join(
            filter(None, [_text(config.get("prompt_template")), _text(config.get("prompt_hash"))])
        )
        or None,
        totals=section(config, "totals"),
        signature=_text(config.get("signature")),
        model_args=None if strategy else config.get("model_args"),
        gen_kwargs=config.get("gen_kwargs"),
        limit=_number(config.get("limit")),
        seeds={name: config[name] for name in _SEEDS if isinstance(config.get(name), int)},
        versions=_versions(results, config),
        date=_number(results.get("date")),
        seconds=_number(seconds),
        chat_template=bool(results.get("chat_template")),
        system_instruction=_text(results.get("system_instruction")),
        task_hashes={str(task): str(found) for task, found in section(results, "task_hashes").items()},
    )


def reported(run: Run) -> list[Reported]:
    """Every number of the tasks of a run, in their order, then of the groups in its newest results file."""
    files = {file.task: file.results for file in find(run.path).samples}
    found: list[Reported] = []
    for task in run.tasks:
        path = files.get(task)
        found += _of(load_results(path) if path else {}, "results", task, run)
    newest = newest_results(run)
    members = section(newest, "group_subtasks")
    for group in section(newest, "groups"):
        if str(group) in members and not _whole(
            str(group), members, run
        ):  # of one sample file of several, say
            continue
        found += _of(newest, "groups", str(group), run)
    return found


def _whole(group: str, members: Results, run: Run) -> bool:
    """Whether the run has all tasks of a group, or is of this task; releases before 0.4.3 do not say which these are."""
    inside = members.get(group)
    if not isinstance(inside, list) or not inside:
        return group in run.tasks
    return all(_whole(str(name), {**members, group: []}, run) for name in inside)


def _of(results: Results, part: str, task: str, run: Run) -> list[Reported]:
    values = section(section(results, part), task)
    said = section(section(results, "higher_is_better"), task)
    infos = [run.tasks[task].info] if task in run.tasks else []
    items = values.get("sample_len", section(section(results, "n-samples"), task).get("effective"))
    found = []
    for key, value in values.items():
        metric, comma, filtered = key.partition(",")
        number = _number(value)
        if not comma or number is None or metric.endswith("_stderr"):
            continue
        better = said.get(metric)
        found.append(
            Reported(
                task,
                metric,
                filtered,
                number,
                _number(values.get(f"{metric}_stderr,{filtered}")),
                items if isinstance(items, int) else None,
                better if isinstance(better, bool) else higher_is_better(metric, infos),
                part == "groups",
            )
        )
    return found


def newest_results(run: Run) -> Results:
    """The results file that was written last; empty where there is none."""
    files = [file for file in find(run.path).samples if file.results]
    newest = max(files, key=lambda file: file.date, default=None)
    return load_results(newest.results) if newest and newest.results else {}


def _versions(results: Results, config: Results) -> dict[str, str]:
    said = {
        "lm_eval": results.get("lm_eval_version"),
        "transformers": results.get("transformers_version"),
        "fusion_eval": config.get("fusion_eval_version"),
    }
    return {name: str(version) for name, version in said.items() if version and version != "N/A"}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    """NaN is no number; the harness writes some numbers as text."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return None if number is None or number != number else number


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
