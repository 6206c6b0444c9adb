"""`fusion-eval verify`: every number of a bundle, computed again from the samples, without a model."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fusion_eval import __version__
from fusion_eval.comparison import FILE_NAME, read_comparison
from fusion_eval.errors import ConfigError
from fusion_eval.export.bundle.archive import unpack, wrong_sums
from fusion_eval.export.bundle.files import CONTENTS, DRAWN, SCHEMA_VERSION, VERDICTS, Contents, draw
from fusion_eval.export.bundle.findings import Findings
from fusion_eval.export.bundle.verify_comparison import verify_comparison
from fusion_eval.export.bundle.verify_results import verify_results
from fusion_eval.export.subject import Subject
from fusion_eval.runs.answered import read_answered
from fusion_eval.runs.origin import origin_of
from fusion_eval.runs.run import Run, read_runs
from fusion_eval.traces import Totals, read_traces


@dataclass(frozen=True, slots=True)
class Verified:
    """Sentences on what differs, and on what could not be computed again."""

    numbers: int
    differences: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The last line of what is printed."""
        if self.differences:
            return f"{len(self.differences):,} differences; {self.numbers:,} numbers were computed again"
        return f"all {self.numbers:,} numbers that were computed again agree"


def verify(bundle: Path) -> Verified:
    """Of an archive, or of the folder that it unpacks to.

    Checksums; values, standard errors and groups of the results files; the rows of the comparison; counts, tokens and dollars by the
    traces; the answers of the samples by the traces; and what is drawn from all this. The values of single items are the
    samples' own: they are what everything else rests on. Raises `ConfigError` for what is no bundle, or damaged.
    """
    if bundle.is_dir():
        return _verify(bundle)
    with tempfile.TemporaryDirectory() as place:
        unpack(bundle, Path(place))
        return _verify(Path(place))


def _verify(folder: Path) -> Verified:
    contents = _contents(folder)
    findings = Findings(differences=wrong_sums(folder))
    runs = tuple(read_runs([_run_folder(folder, name) for name in contents.runs]))
    for run in runs:
        verify_results(run, findings)
        _verify_traces(run, findings)
    beside = folder / FILE_NAME
    comparison = read_comparison(beside) if beside.is_file() else None
    if comparison:
        verify_comparison(comparison, runs, folder / VERDICTS, findings)
    if contents.fusion_eval == __version__:
        _verify_drawn(Subject(folder, runs, comparison), findings)
    else:
        findings.notes.append(
            f"{', '.join(DRAWN)} were drawn by version {contents.fusion_eval} and are not drawn again by {__version__}"
        )
    return Verified(findings.checked, tuple(findings.differences), tuple(dict.fromkeys(findings.notes)))


def _contents(folder: Path) -> Contents:
    path = folder / CONTENTS
    try:
        contents = msgspec.json.decode(path.read_bytes(), type=Contents)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The bundle has no {CONTENTS} that can be read, so it is none of ours: {error}"
        ) from error
    if contents.schema_version != SCHEMA_VERSION:
        raise ConfigError(
            f"The bundle has schema_version {contents.schema_version}, and this version reads {SCHEMA_VERSION}"
        )
    return contents


def _run_folder(folder: Path, name: str) -> Path:
    if name in ("", ".", "..") or "/" in name or "\\" in name or not (folder / name).is_dir():
        raise ConfigError(f"{CONTENTS} names a run '{name}', which the bundle does not have")
    return folder / name


def _verify_traces(run: Run, findings: Findings) -> None:
    """What was spent, and that the answers which were scored are those that were given."""
    if not run.traces:
        return
    totals, finals = Totals(), {}
    for path in run.traces:
        for trace in read_traces(path):
            totals.add(trace)
            if trace.doc_id is not None:
                finals[trace.task, trace.doc_id, trace.copy] = trace.final
    stated = origin_of(run).totals
    findings.compare_all(f"{run.name}: totals", stated, _as_json(totals))
    for item in read_answered(run):
        for copy, answer in enumerate(item.answers):
            key = (item.task, item.sample.doc_id, copy)
            if key in finals and finals[key] != answer:
                findings.differences.append(
                    f"{run.name}: the answer to document {item.sample.doc_id} of {item.task} is another in the samples than "
                    "in the traces"
                )


def _as_json(totals: Totals) -> Mapping[str, object]:
    decoded: Mapping[str, object] = msgspec.json.decode(msgspec.json.encode(dataclasses.asdict(totals)))
    return decoded


def _verify_drawn(subject: Subject, findings: Findings) -> None:
    with tempfile.TemporaryDirectory() as place:
        draw(subject, Path(place))
        for name in DRAWN:
            there, again = subject.path / name, Path(place) / name
            if there.exists() != again.exists() or (
                there.exists() and there.read_bytes() != again.read_bytes()
            ):
                findings.differences.append(f"{name} is not what the results, samples and comparison give")
