"""Find the tasks, items and metrics that several runs have in common, and report what they do not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from fusion_eval.comparison.choice import is_asked_for
from fusion_eval.comparison.items import Entry, FilteredMetric, Item, all_have_documents, entries_of
from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import Run


@dataclass(frozen=True, slots=True)
class MatchedTask:
    """One task of several runs: the items and metrics that all of them have, in the order of the first run.

    `entries` has one mapping for each run, by item key.
    """

    task: str
    language: str | None
    items: tuple[Item, ...]
    entries: tuple[Mapping[str, Entry], ...]
    metrics: tuple[FilteredMetric, ...]


def match_runs(
    runs: Sequence[Run],
    allow_partial: bool,
    *,
    ignore_metrics: bool = False,
    wanted: Sequence[str] = (),
    allow_setup: Collection[str] = (),
) -> tuple[list[MatchedTask], list[str]]:
    """Match the tasks, items and metrics of several runs.

    Args:
        runs: The runs, the baseline first.
        allow_partial: Leave out what some run lacks, and add a note, instead of raising an error.
        ignore_metrics: Match tasks and items only. The matched tasks then have no metrics.
        wanted: Metrics that all runs should have; empty means all. Others may be missing in some run.
        allow_setup: What may differ between the set-ups of a task: `num_fewshot`.

    Returns:
        The tasks that all runs have, and notes on what is left out.

    Raises:
        ConfigError: The runs differ in a task's version, few-shot examples or targets; or, unless `allow_partial`,
            in their tasks, items or metrics.
    """
    notes: list[str] = []
    tasks = _common([(run.name, list(run.tasks)) for run in runs], "task", "", allow_partial, notes)
    for task in tasks:
        _check_same_setup(runs, task, allow_setup, notes)
    return [_match_task(runs, task, allow_partial, ignore_metrics, wanted, notes) for task in tasks], notes


def _match_task(
    runs: Sequence[Run],
    task: str,
    allow_partial: bool,
    ignore_metrics: bool,
    wanted: Sequence[str],
    notes: list[str],
) -> MatchedTask:
    parts = [run.tasks[task] for run in runs]
    by_document = all_have_documents(parts)
    entries = [entries_of(run, task, by_document) for run in runs]
    keys = _common_items(runs, task, entries, allow_partial, notes)
    _check_same_targets(runs, task, entries, keys)
    if differing := sum(len({entry[key].prompt for entry in entries}) > 1 for key in keys):
        notes.append(
            f"{task}: the prompts of {differing} items differ between the runs "
            "(chat template, system instruction or few-shot examples)"
        )
    metrics: list[FilteredMetric] = []
    if not ignore_metrics:
        by_run = [(run.name, _metrics(entry, keys)) for run, entry in zip(runs, entries, strict=True)]
        asked_for = [
            (run, [metric for metric in of_run if is_asked_for(metric[0], wanted)]) for run, of_run in by_run
        ]
        by_run = asked_for if any(of_run for _, of_run in asked_for) else by_run
        metrics = _common(by_run, "metric", f" of {task}", allow_partial, notes)
    items = tuple(entries[0][key].item for key in keys)
    return MatchedTask(task, parts[0].language, items, tuple(entries), tuple(metrics))


class VersionedTask(Protocol):
    """What must agree before two runs of a task can be compared. None means unknown."""

    @property
    def version(self) -> str | None:
        """The task's version."""

    @property
    def fewshot(self) -> int | None:
        """The number of examples in each prompt."""


def setup_difference(one: VersionedTask, other: VersionedTask, names: tuple[str, str]) -> str | None:
    """Describe how a task differs between two runs: `its version is 1.0 in a and 2.0 in b`. None if it does not."""
    for what, first, second in (
        ("version", one.version, other.version),
        ("number of few-shot examples", one.fewshot, other.fewshot),
    ):
        if first is not None and second is not None and first != second:
            return f"its {what} is {first} in {names[0]} and {second} in {names[1]}"
    return None


def format_limit(limit: float | None) -> str:
    """Return the value of `--limit` as text."""
    return "none" if limit is None else f"{limit:g}"


def _check_same_setup(runs: Sequence[Run], task: str, allow_setup: Collection[str], notes: list[str]) -> None:
    first = runs[0]
    for other in runs[1:]:
        infos = first.tasks[task].info, other.tasks[task].info
        if "num_fewshot" in allow_setup and (
            difference := setup_difference(
                replace(infos[0], version=None), infos[1], (first.name, other.name)
            )
        ):
            notes.append(f"{task}: {difference}")
            infos = replace(infos[0], fewshot=None), infos[1]
        if difference := setup_difference(*infos, (first.name, other.name)):
            raise ConfigError(
                f"{task} is not the same task in both runs: {difference}; run one of them again"
                + ("" if "version" in difference else ", or allow it with allow_setup=num_fewshot")
            )


def _common_items(
    runs: Sequence[Run],
    task: str,
    entries: Sequence[Mapping[str, Entry]],
    allow_partial: bool,
    notes: list[str],
) -> list[str]:
    """Return the keys of the items that all runs have, in the order of the first run."""
    shared = set(entries[0]).intersection(*entries[1:])
    if not shared:
        raise ConfigError(
            f"{task}: {' and '.join(run.name for run in runs)} have no item in common; they ran on different data"
        )
    for run, entry in zip(runs[1:], entries[1:], strict=True):
        in_both = len(set(entries[0]) & set(entry))
        only_first, only_other = len(entries[0]) - in_both, len(entry) - in_both
        if not only_first and not only_other:
            continue
        loss = f"{task}: {only_first} items are in {runs[0].name} alone and {only_other} in {run.name} alone"
        limits = runs[0].tasks[task].info.limit, run.tasks[task].info.limit
        if limits[0] != limits[1]:
            loss += f" (--limit {format_limit(limits[0])} and {format_limit(limits[1])})"
        if not allow_partial:
            raise ConfigError(f"{loss}; the option allow_partial compares the {in_both} that both have")
        notes.append(f"{loss}; {len(shared)} are compared")
    return [key for key in entries[0] if key in shared]


def _check_same_targets(
    runs: Sequence[Run], task: str, entries: Sequence[Mapping[str, Entry]], keys: Sequence[str]
) -> None:
    for run, entry in zip(runs[1:], entries[1:], strict=True):
        differing = sum(entry[key].target != entries[0][key].target for key in keys)
        if differing:
            raise ConfigError(
                f"{task} is not the same task in both runs: {differing} of {len(keys)} documents have another target "
                f"in {run.name} than in {runs[0].name}"
            )


def _metrics(entries: Mapping[str, Entry], keys: Sequence[str]) -> list[FilteredMetric]:
    return list(dict.fromkeys(metric for key in keys for metric in entries[key].metrics))


def _common(
    by_run: Sequence[tuple[str, Collection[Any]]],
    what: str,
    where: str,
    allow_partial: bool,
    notes: list[str],
) -> list[Any]:
    """Return what all runs have, in the order of the first run. Report the rest as an error, or as a note."""
    shared = [name for name in by_run[0][1] if all(name in names for _, names in by_run[1:])]
    for run, names in by_run:
        if extra := [_format_name(name) for name in names if name not in shared]:
            lacking = next(other for other, others in by_run if not set(names) <= set(others))
            plural, verb, them = ("s", "are", "them") if len(extra) > 1 else ("", "is", "it")
            names_of_extra = f"{', '.join(extra[:5])}{', …' * (len(extra) > 5)}"
            loss = f"{what}{plural} {names_of_extra}{where} {verb} in {run} and not in {lacking}"
            if not allow_partial:
                raise ConfigError(f"The {loss}; the option allow_partial leaves {them} out")
            notes.append(f"the {loss}, and {verb} left out")
    if not shared:
        runs = " and ".join(run for run, _ in by_run)
        several = len(by_run) > 1
        raise ConfigError(
            f"{runs} {'have' if several else 'has'} no {what}{where}{' in common' if several else ''}"
        )
    return shared


def _format_name(name: object) -> str:
    return ",".join(part for part in name if part != "none") if isinstance(name, tuple) else str(name)
