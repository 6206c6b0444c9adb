"""How the tasks of a run were set up, as its results file has it: the data, the generation, the groups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fusion_eval.errors import printable
from fusion_eval.runs.files import Results, find, load_results, section
from fusion_eval.runs.provenance import newest_results
from fusion_eval.runs.reading import Run

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_FILES = (".py", ".json", ".jsonl", ".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Setup:
    """One task. None, or empty, where the results file says nothing."""

    hub_dataset: str | None = None
    """`owner/name` of a dataset on the hub; None for a loader, a folder, or data that the task makes itself."""
    dataset_config: str | None = None
    split: str | None = None
    """The one that is evaluated on."""
    revision: str | None = None
    generation: Mapping[str, Any] = field(default_factory=dict)
    """The harness's generation options, those of the command line included."""
    output_type: str | None = None
    aggregations: Mapping[str, str] = field(default_factory=dict)
    """How values become one, by metric: a name of the harness, or a function's source."""


def setups(run: Run) -> dict[str, Setup]:
    """By task, in the run's order."""
    files = {file.task: file.results for file in find(run.path).samples}
    found = {}
    for task in run.tasks:
        path = files.get(task)
        found[task] = _setup(section(section(load_results(path), "configs"), task) if path else {})
    return found


def outermost_groups(run: Run) -> dict[str, str]:
    """The group that no other group holds, by task and by group; absent for what is in no group.

    Releases before 0.4.3 do not say which tasks a group has.
    """
    parents: dict[str, str] = {}
    for group, members in section(newest_results(run), "group_subtasks").items():
        for member in members if isinstance(members, list) else ():
            parents.setdefault(str(member), str(group))
    return {name: _climb(name, parents) for name in parents}


def group_members(run: Run) -> dict[str, frozenset[str]]:
    """The tasks in each group, those of groups inside it included; empty for releases before 0.4.3."""
    children = {
        str(group): tuple(str(member) for member in members) if isinstance(members, list) else ()
        for group, members in section(newest_results(run), "group_subtasks").items()
    }
    return {group: frozenset(_leaves(group, children, frozenset())) for group in children}


def _leaves(name: str, children: Mapping[str, tuple[str, ...]], above: frozenset[str]) -> set[str]:
    if not children.get(name):
        return {name}
    inside = [child for child in children[name] if child not in above]
    return {leaf for child in inside for leaf in _leaves(child, children, above | {name})}


def _climb(name: str, parents: Mapping[str, str]) -> str:
    seen = {name}
    while name in parents and parents[name] not in seen:
        name = parents[name]
        seen.add(name)
    return name


def _setup(config: Results) -> Setup:
    loading = section(config, "dataset_kwargs")
    return Setup(
        hub_dataset=_hub_dataset(config, loading),
        dataset_config=_text(config.get("dataset_name")),
        split=_text(config.get("test_split")) or _text(config.get("validation_split")),
        revision=_text(loading.get("revision")),
        generation=section(config, "generation_kwargs"),
        output_type=_text(config.get("output_type")),
        aggregations=_aggregations(config),
    )


def _hub_dataset(config: Results, loading: Results) -> str | None:
    path = _text(config.get("dataset_path"))
    if not path or config.get("custom_dataset") or loading.get("load_from_disk"):
        return None
    return path if _HUB_ID.fullmatch(path) and not path.endswith(_FILES) else None


def _aggregations(config: Results) -> dict[str, str]:
    listed = config.get("metric_list")
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    return {
        entry["metric"]: entry["aggregation"]
        for entry in entries
        if isinstance(entry.get("metric"), str) and isinstance(entry.get("aggregation"), str)
    }


def _text(value: object) -> str | None:
    """Names alone, which no control code is part of."""
    return printable(value) or None if isinstance(value, str) else None
