"""What a run spent, and that the answers which were scored are those that were given, by its traces."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import msgspec

from fusion_eval.export.bundle.findings import Findings
from fusion_eval.runs.answered import read_answered
from fusion_eval.runs.provenance import read_provenance
from fusion_eval.runs.reading import Run
from fusion_eval.runs.results_file import section
from fusion_eval.runs.totals import Totals
from fusion_eval.runs.traces import read_traces

Place = tuple[str, int, int]
"""Task, document, and which of its copies."""
_BY_NAME = ("departures", "roles")
"""Parts of the totals of which every entry is stated, however old the file."""


@dataclass(slots=True)
class _Traced:
    totals: Totals = field(default_factory=Totals)
    answers: dict[Place, str] = field(default_factory=dict)
    unplaced: int = 0
    """Traces that do not tell their document."""


def verify_traces(run: Run, findings: Findings) -> None:
    """Totals, and every answer. Notes say what there are no traces of."""
    stated = read_provenance(run).totals
    if not run.traces:
        if stated:
            findings.leave(f"{run.name}: there are no traces, and its totals are not computed again")
        return
    traced = _read(run)
    if stated:
        _totals(f"{run.name}: totals", stated, traced.totals, findings)
    else:
        findings.notes.append(f"{run.name}: the results file states no totals, and there are traces")
    _answers(run, traced, findings)


def _read(run: Run) -> _Traced:
    traced = _Traced()
    for path in run.traces:
        for trace in read_traces(path):
            traced.totals.add(trace)
            if trace.doc_id is None:
                traced.unplaced += 1
            else:
                traced.answers[trace.task, trace.doc_id, trace.copy] = trace.final
    return traced


def _totals(where: str, stated: Mapping[str, object], totals: Totals, findings: Findings) -> None:
    computed: Mapping[str, object] = msgspec.json.decode(msgspec.json.encode(dataclasses.asdict(totals)))
    findings.compare_all(where, stated, computed)
    for name in stated:
        if name not in computed:
            findings.leave(f"{where}: {name} is not known here, and is not computed again")
    for part in _BY_NAME:
        one, other = section(stated, part), section(computed, part)
        for name in sorted(set(one) ^ set(other)) if part in stated else ():
            findings.compare(f"{where}: {part}: {name}", one.get(name), other.get(name))


def _answers(run: Run, traced: _Traced, findings: Findings) -> None:
    seen: set[tuple[str, str, int]] = set()
    answered: set[Place] = set()
    for item in read_answered(run):
        document = f"document {item.sample.doc_id} of {item.task}"
        once = (item.task, item.sample.filter, item.sample.doc_id)
        if once in seen:
            findings.differences.append(f"{run.name}: {document} is there twice")
        seen.add(once)
        for copy, answer in enumerate(item.answers):
            place = (item.task, item.sample.doc_id, copy)
            answered.add(place)
            if traced.answers.get(place, answer) != answer:
                findings.differences.append(
                    f"{run.name}: the answer to {document} is another in the samples than in the traces"
                )
    _untraced(run, answered - set(traced.answers), traced.unplaced, findings)
    _unanswered(run, [place for place in traced.answers if place not in answered], findings)


def _untraced(run: Run, places: Collection[Place], unplaced: int, findings: Findings) -> None:
    """Traces are those of the last evaluation: of tasks that were evaluated before it there are none any more."""
    files = run.files.samples
    last = max(files, key=lambda file: file.date).results
    of_last = {file.task for file in files if file.results == last}
    lost = sorted(place for place in places if place[0] in of_last)
    others = len(places) - len(lost)
    if others:
        findings.leave(
            f"{run.name}: {others:,} answers are of an earlier evaluation, whose traces are not here", others
        )
    if len(lost) > unplaced:
        task, document, _ = lost[0]
        findings.differences.append(
            f"{run.name}: {len(lost) - unplaced:,} answers have no trace; the first without one is that to document "
            f"{document} of {task}"
        )
    elif lost:
        findings.leave(
            f"{run.name}: {len(lost):,} answers have traces that do not tell their document", len(lost)
        )


def _unanswered(run: Run, places: Collection[Place], findings: Findings) -> None:
    """Answers that were given, and are not among those that were scored."""
    kept = sorted(place for place in places if place[0] in run.tasks)
    if kept:
        task, document, _ = kept[0]
        findings.differences.append(
            f"{run.name}: {len(kept):,} traced answers are not in the samples; the first is that to document {document} of "
            f"{task}"
        )
    if len(places) > len(kept):
        findings.notes.append(f"{run.name}: there are traces of tasks that left no samples")
