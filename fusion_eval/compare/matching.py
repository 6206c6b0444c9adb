"""What several runs have in common, and precisely what they have not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from fusion_eval.compare.items import Entry, Item, Metric, by_document, entries_of
from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import Run


@dataclass(frozen=True, slots=True)
class Matched:
    """One task in all runs: the items that all have, in the baseline's order, with their entries run by run."""

    task: str
    language: str | None
    items: tuple[Item, ...]
    entries: tuple[Mapping[str, Entry], ...]
    metrics: tuple[Metric, ...]


def match(
    runs: Sequence[Run], allow_partial: bool, *, texts_alone: bool = False
) -> tuple[list[Matched], list[str]]:
    """The tasks that all runs have, and notes on what fell out; with `texts_alone`, whatever their metrics are.

    Raises `ConfigError` where runs differ in what makes items comparable, and, unless `allow_partial`, in their
    tasks, items or metrics.
    """
    notes: list[str] = []
    tasks = _common([(run.name, list(run.tasks)) for run in runs], "task", "", allow_partial, notes)
    return [_match(runs, task, allow_partial, texts_alone, notes) for task in tasks], notes


def _match(
    runs: Sequence[Run], task: str, allow_partial: bool, texts_alone: bool, notes: list[str]
) -> Matched:
    parts = [run.tasks[task] for run in runs]
    _same_setup(runs, task)
    keyed = by_document(parts)
    entries = [entries_of(run, task, keyed) for run in runs]
    keys = _common_items(runs, task, entries, allow_partial, notes)
    _same_targets(runs, task, entries, keys)
    if differing := sum(len({entry[key].prompt for entry in entries}) > 1 for key in keys):
        notes.append(
            f"{task}: the prompts of {differing} items differ between the runs "
            "(chat template, system instruction or few-shot examples)"
        )
    metrics: list[Metric] = []
    if not texts_alone:
        found = [(run.name, _metrics(entry, keys)) for run, entry in zip(runs, entries, strict=True)]
        metrics = _common(found, "metric", f" of {task}", allow_partial, notes)
    items = tuple(entries[0][key].item for key in keys)
    return Matched(task, parts[0].language, items, tuple(entries), tuple(metrics))


class Setup(Protocol):
    """What decides, beside its items, whether a task is the same in two runs; None is not known."""

    @property
    def version(self) -> str | None:
        """The task's own."""

    @property
    def fewshot(self) -> int | None:
        """Examples in each prompt."""


def setups_differ(one: Setup, other: Setup, names: tuple[str, str]) -> str | None:
    """`its version is 1.0 in a and 2.0 in b`, or None."""
    for what, mine, its in (
        ("version", one.version, other.version),
        ("number of few-shot examples", one.fewshot, other.fewshot),
    ):
        if mine is not None and its is not None and mine != its:
            return f"its {what} is {mine} in {names[0]} and {its} in {names[1]}"
    return None


def _same_setup(runs: Sequence[Run], task: str) -> None:
    first = runs[0]
    for other in runs[1:]:
        ours, theirs = first.tasks[task].info, other.tasks[task].info
        if said := setups_differ(ours, theirs, (first.name, other.name)):
            raise ConfigError(f"{task} is not the same task in both runs: {said}; run one of them again")


def _common_items(
    runs: Sequence[Run],
    task: str,
    entries: Sequence[Mapping[str, Entry]],
    allow_partial: bool,
    notes: list[str],
) -> list[str]:
    shared = set(entries[0]).intersection(*entries[1:])
    if not shared:
        raise ConfigError(
            f"{task}: {' and '.join(run.name for run in runs)} have no item in common; they ran on different data"
        )
    for run, entry in zip(runs[1:], entries[1:], strict=True):
        pair = set(entries[0]) & set(entry)
        left, right = len(entries[0]) - len(pair), len(entry) - len(pair)
        if not left and not right:
            continue
        said = f"{task}: {left} items are in {runs[0].name} alone and {right} in {run.name} alone"
        limits = runs[0].tasks[task].info.limit, run.tasks[task].info.limit
        if limits[0] != limits[1]:
            said += f" (--limit {limit_told(limits[0])} and {limit_told(limits[1])})"
        if not allow_partial:
            raise ConfigError(f"{said}; --allow_partial compares the {len(pair)} that both have")
        notes.append(f"{said}; {len(shared)} are compared")
    return [key for key in entries[0] if key in shared]


def limit_told(limit: float | None) -> str:
    """What `--limit` was."""
    return "none" if limit is None else f"{limit:g}"


def _same_targets(
    runs: Sequence[Run], task: str, entries: Sequence[Mapping[str, Entry]], keys: Sequence[str]
) -> None:
    for run, entry in zip(runs[1:], entries[1:], strict=True):
        differing = sum(entry[key].target != entries[0][key].target for key in keys)
        if differing:
            raise ConfigError(
                f"{task} is not the same task in both runs: {differing} of {len(keys)} documents have another target "
                f"in {run.name} than in {runs[0].name}"
            )


def _metrics(entries: Mapping[str, Entry], keys: Sequence[str]) -> list[Metric]:
    return list(dict.fromkeys(metric for key in keys for metric in (*entries[key].values, *entries[key].odd)))


def _common(
    found: Sequence[tuple[str, Collection[Any]]], what: str, where: str, allow_partial: bool, notes: list[str]
) -> list[Any]:
    """What all have, in the first one's order; the rest is an error, or with `allow_partial` a note."""
    shared = [name for name in found[0][1] if all(name in names for _, names in found[1:])]
    for owner, names in found:
        if extra := [_shown(name) for name in names if name not in shared]:
            lacking = next(other for other, has in found if not set(names) <= set(has))
            said = f"{what} {', '.join(extra[:5])}{', …' * (len(extra) > 5)}{where} is in {owner} and not in {lacking}"
            if not allow_partial:
                raise ConfigError(f"The {said}; --allow_partial leaves it out")
            notes.append(f"the {said}, and is left out")
    if not shared:
        names = " and ".join(owner for owner, _ in found)
        raise ConfigError(f"{names} have no {what}{where} in common")
    return shared


def _shown(name: object) -> str:
    return ",".join(part for part in name if part != "none") if isinstance(name, tuple) else str(name)
