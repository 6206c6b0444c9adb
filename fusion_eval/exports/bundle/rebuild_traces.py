"""Compute a run's totals again from its traces, and compare its answers with the traced ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import msgspec

from fusion_eval.exports.bundle.differ import Differ, Exactly, NotComputed, by_name
from fusion_eval.runs.answered import read_answered
from fusion_eval.runs.provenance import read_provenance
from fusion_eval.runs.reading import Run
from fusion_eval.runs.results_file import section
from fusion_eval.runs.totals import Totals
from fusion_eval.runs.traces import read_traces
from fusion_eval.types import Trace

Place = tuple[str, int, int]
"""Task, document, and the number of the answer to it."""
_COMPLETE = ("departures", "roles")
"""Parts of the totals in which a results file of any version names every entry."""


def compare_traces(run: Run, differ: Differ) -> None:
    """Compare the totals of a run's results file, and the answers of its samples, with its traces."""
    stated = read_provenance(run).totals
    if not run.traces:
        if stated:
            differ.skip(f"{run.name}: there are no traces to compute its totals from")
        return
    traces = [trace for path in run.traces for trace in read_traces(path)]
    if stated:
        differ.compare(f"{run.name}: totals", stated, _totals(run.name, stated, traces))
    else:
        differ.note(f"{run.name}: there are traces, but the results file has no totals")
    _compare_answers(run, traces, differ)


def _totals(run: str, stated: Mapping[str, object], traces: list[Trace]) -> Mapping[str, object]:
    totals = Totals()
    for trace in traces:
        totals.add(trace)
    computed: dict[str, object] = msgspec.json.decode(msgspec.json.encode(dataclasses.asdict(totals)))
    complete = {part: Exactly(section(computed, part)) for part in _COMPLETE}
    unknown = {name: NotComputed(f"{run}: totals: {name} is not known here") for name in stated}
    return unknown | computed | complete


def _compare_answers(run: Run, traces: list[Trace], differ: Differ) -> None:
    """Compare every answer: each needs a trace, and each trace of a task with samples needs an answer."""
    answers = list(_answers(run))
    answered = dict.fromkeys(place for place, _, _ in answers)
    traced: dict[Place, object] = {
        (trace.task, trace.doc_id, trace.copy): trace.final for trace in traces if trace.doc_id is not None
    }
    if any(task not in run.tasks for task, _, _ in traced):
        differ.note(f"{run.name}: there are traces of tasks without samples")
    known = traced | _untraced(run, [place for place in answered if place not in traced], traces)
    expected = Exactly(
        {_label(place, filtered): known[place] for place, filtered, _ in answers if place in known}
    )
    expected |= {
        _label(place): final
        for place, final in traced.items()
        if place not in answered and place[0] in run.tasks
    }
    found = by_name((_label(place, filtered), answer) for place, filtered, answer in answers)
    differ.compare(f"{run.name}: answers", found, expected)


def _untraced(run: Run, places: list[Place], traces: list[Trace]) -> dict[Place, NotComputed]:
    """Return the answers that need no trace. The traces of a folder are those of the last evaluation into it."""
    newest = max(run.files.samples, key=lambda file: file.date).results
    of_newest = {file.task for file in run.files.samples if file.results == newest}
    earlier = NotComputed(f"{run.name}: some answers are of an earlier evaluation, whose traces are not here")
    unnamed = NotComputed(f"{run.name}: some traces do not name their document")
    recent = [place for place in places if place[0] in of_newest]
    excused = recent[: sum(trace.doc_id is None for trace in traces)]
    return dict.fromkeys(excused, unnamed) | {place: earlier for place in places if place[0] not in of_newest}


def _answers(run: Run) -> Iterator[tuple[Place, str, str]]:
    """Yield the place, the filter and the text of every answer."""
    for item in read_answered(run):
        for copy, answer in enumerate(item.answers):
            yield (item.task, item.sample.doc_id, copy), item.sample.filter, answer


def _label(place: Place, filtered: str = "none") -> str:
    task, document, copy = place
    label = f"document {document} of {task}"
    return label + (f", answer {copy + 1}" if copy else "") + ("" if filtered == "none" else f", {filtered}")
