"""Build the numbers of a benchmark in the shared schema: the metric, the score and its error, the data, the generation."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fusion_eval.exports.system import ANSWER_SETTINGS, System, sampling_settings
from fusion_eval.runs.metric_facts import MetricFacts, facts_of
from fusion_eval.runs.provenance import Provenance, ReportedScore
from fusion_eval.runs.reading import Run
from fusion_eval.runs.task_setup import TaskSetup
from fusion_eval.text.printable import printable
from fusion_eval.text.redaction import public_signature
from fusion_eval.types import without_surrogates

_LENGTH_OPTIONS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
_OPTIONS_WITH_FIELDS = ("temperature", "top_p", "top_k", *_LENGTH_OPTIONS)
"""Generation options for which the schema has a field."""
_ERROR_METHODS = dict.fromkeys(("mean", "acc_all"), "analytic") | dict.fromkeys(
    ("bleu", "chrf", "f1_score", "matthews_corrcoef", "median", "nanmean", "perplexity", "ter"), "bootstrap"
)
"""How the harness computes the standard error of each aggregation."""


@dataclass(frozen=True, slots=True)
class Source:
    """A run, with all that its results file says about it."""

    run: Run
    origin: Provenance
    system: System
    setups: Mapping[str, TaskSetup]
    totals: Mapping[str, str]
    """Counts, tokens and cost of the whole run."""


@lru_cache(maxsize=1024)
def result_id(task: str, metric: str, filtered: str) -> str:
    """Return the id that joins a number with its items. It is unique in a file, which may hold several tasks."""
    return printable(f"{task}:{metric}" + ("" if filtered == "none" else f":{filtered}"))


@lru_cache(maxsize=1024)
def evaluation_name(task: str, filtered: str) -> str:
    """Return the task, with the filter if it has one."""
    return printable(task if filtered == "none" else f"{task}/{filtered}")


def results(
    source: Source, reported: Sequence[ReportedScore], members: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Return an entry for each number. `members` has the tasks of each group."""
    return [_result(source, number, members.get(number.task, ())) for number in reported]


def _result(source: Source, number: ReportedScore, members: Sequence[str]) -> dict[str, Any]:
    setup = source.setups.get(number.task, TaskSetup())
    return {
        "evaluation_result_id": result_id(number.task, number.metric, number.filter),
        "evaluation_name": evaluation_name(number.task, number.filter),
        "source_data": _data(number, setup, members),
        "metric_config": _metric(source.run, number),
        "score_details": _score(number, setup, members),
        "generation_config": _generation(source, number.task, setup),
    }


def _data(number: ReportedScore, setup: TaskSetup, members: Sequence[str]) -> dict[str, Any]:
    if setup.hub_dataset is None:
        about = {"tasks": ", ".join(map(printable, members))} if number.group and members else {}
        return {"dataset_name": printable(number.task), "source_type": "other", "additional_details": about}
    more = {"config": setup.dataset_config, "revision": setup.revision}
    return {
        "dataset_name": setup.hub_dataset,
        "source_type": "hf_dataset",
        "hf_repo": setup.hub_dataset,
        **({"hf_split": setup.split} if setup.split else {}),
        **({"samples_number": number.n} if number.n else {}),
        "additional_details": as_texts(more),
    }


def _metric(run: Run, number: ReportedScore) -> dict[str, Any]:
    facts = facts_of(number.metric, [number.value])
    task = run.tasks.get(number.task)
    undirected = task is not None and number.metric in task.info.undirected
    more = {
        "filter": number.filter,
        "bounds_status": None if facts else "unknown",
        "polarity": "neither end is better" if undirected else None,
        "metric_id_status": None if facts and facts.id else "unregistered",
    }
    return {
        "evaluation_description": printable(f"{number.metric} of {number.task}")
        + ("" if number.filter == "none" else f" after the filter {printable(number.filter)}"),
        "metric_id": printable((facts and facts.id) or f"lm-evaluation-harness.{number.metric}"),
        "metric_name": printable(number.metric),
        **({"metric_unit": facts.unit} if facts and facts.unit else {}),
        "lower_is_better": not number.higher_is_better,
        **(_bounds(facts) if facts else {}),
        "additional_details": as_texts(more),
    }


def _bounds(facts: MetricFacts) -> dict[str, Any]:
    """Return the range of a metric. JSON has no infinity, but the schema has a word for it."""
    high = facts.high if math.isfinite(facts.high) else "Infinity"
    return {"score_type": "continuous", "min_score": facts.low, "max_score": high}


def _score(number: ReportedScore, setup: TaskSetup, members: Sequence[str]) -> dict[str, Any]:
    method = _ERROR_METHODS.get(setup.aggregations.get(number.metric, ""))
    error = number.stderr if number.stderr is not None and math.isfinite(number.stderr) else None
    uncertainty = {
        **(
            {"standard_error": {"value": error, **({"method": method} if method else {})}}
            if error is not None
            else {}
        ),
        **({"num_samples": number.n} if number.n else {}),
    }
    aggregate = {"aggregate_of": ", ".join(members)} if number.group and members else {}
    return {
        "score": number.value,
        **({"details": as_texts(aggregate)} if aggregate else {}),
        **({"uncertainty": uncertainty} if uncertainty else {}),
    }


def _generation(source: Source, task: str, setup: TaskSetup) -> dict[str, Any]:
    origin, part = source.origin, source.run.tasks.get(task)
    more = {
        **{
            f"task_{name}": value
            for name, value in setup.generation.items()
            if name not in _OPTIONS_WITH_FIELDS
        },
        "num_fewshot": part.info.fewshot if part else None,
        "task_version": part.info.version if part else None,
        "task_hash": origin.task_hashes.get(task),
        "language": part.language if part else None,
        "output_type": setup.output_type,
        "limit": origin.limit,
        "chat_template": origin.chat_template,
        "system_instruction": origin.system_instruction,
        **origin.seeds,
        **(_strategy_details(source, setup) if origin.strategy else {}),
    }
    return {"generation_args": _arguments(origin, setup), "additional_details": as_texts(more)}


def _strategy_details(source: Source, setup: TaskSetup) -> dict[str, object]:
    """Return how this package made the answers. A task's temperature of 0 is not used for the candidates."""
    origin, system = source.origin, source.system
    settings = {
        name: origin.settings.get(name)
        for name in ANSWER_SETTINGS
        if system.fusor or not name.startswith("fusor_")
    }
    if settings["temperature"] is None and (preset := origin.settings.get("sampling")):
        settings["temperature"] = f"not set: that of sampling={preset}"
    elif settings["temperature"] is None and not setup.generation.get("temperature"):
        settings["temperature"] = "not set: the default of fusion_eval"
    return {
        "strategy": origin.strategy,
        "n": origin.settings.get("n"),
        "samplers": list(system.samplers),
        **settings,
        **sampling_settings(origin),
        "task_temperature": setup.generation.get("temperature"),
        "fusor": system.fusor,
        "fusor_prompt": origin.prompt if system.fusor else None,
        "scorer": system.scorer,
        "signature": public_signature(origin.signature),
    }


def _arguments(origin: Provenance, setup: TaskSetup) -> dict[str, Any]:
    """Return the generation arguments. Our settings win over the task's; the schema has no place for several temperatures."""
    ours, task = origin.settings, setup.generation
    temperatures = ours.get("temperature")
    temperature = task.get("temperature")
    if origin.strategy:
        single = temperatures[0] if isinstance(temperatures, list) and len(temperatures) == 1 else None
        temperature = single if temperatures else temperature or None
    lengths = [ours.get("max_tokens"), *(task.get(name) for name in _LENGTH_OPTIONS)]
    length = next((n for n in lengths if isinstance(n, int) and not isinstance(n, bool) and n > 0), None)
    options = {
        "temperature": temperature,
        "top_p": task.get("top_p") if ours.get("top_p") is None else ours.get("top_p"),
        "top_k": task.get("top_k"),
    }
    numbers = {name: value for name, value in options.items() if is_number(value)}
    return numbers | ({"max_tokens": length} if length else {})


def is_number(value: object) -> bool:
    """Return whether a value is a finite number, the only kind that JSON has."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@lru_cache(maxsize=4096)
def _printable_name(name: str) -> str:
    return printable(name)


def as_texts(values: Mapping[str, object]) -> dict[str, str]:
    """Return values as text, which is all that the schema's free fields take. Those that are None are left out."""
    return {
        _printable_name(name): without_surrogates(
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        )
        for name, value in values.items()
        if value is not None
    }
