"""Bundles for tests, and what somebody does who forges one: with checksums, card, tables and report made right again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
from export_runs import our_run
from run_folders import samples

from fusion_eval.cli.main import main
from fusion_eval.export.bundle.archive import SUMS, unpack
from fusion_eval.export.bundle.differ import Differ
from fusion_eval.export.bundle.files import CONTENTS, draw
from fusion_eval.export.subject import Subject
from fusion_eval.runs.comparison import FILE_NAME, read_comparison
from fusion_eval.runs.reading import read_runs
from fusion_eval.runs.totals import Totals
from fusion_eval.runs.traces import FILE_NAME as TRACES
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace, to_json

Edit = Callable[[Any], None]


def packed(path: Path, folder: Path) -> Path:
    """The run, or runs, at `path` as a bundle in `folder`, unpacked."""
    assert main(["export", str(path), "--format", "bundle", "-o", str(folder)]) == 0
    unpack(folder / "bundle.zip", folder / "unpacked")
    return folder / "unpacked"


def the_one(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def edited(path: Path, edit: Edit) -> None:
    """A JSON file, or the first line of a file of lines, changed; and the checksum made right again."""
    text = path.read_text(encoding="utf-8")
    first, *rest = text.splitlines() if path.suffix == ".jsonl" else [text]
    content = json.loads(first)
    edit(content)
    path.write_text("\n".join([json.dumps(content, ensure_ascii=False), *rest]) + "\n", encoding="utf-8")
    resummed(next(folder for folder in path.parents if (folder / SUMS).exists()))


def resummed(folder: Path) -> None:
    """As whoever changes a bundle on purpose would."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SUMS]
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in files
    ]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def forged(folder: Path, name: str, edit: Edit) -> None:
    """A JSON file of the bundle changed, and all that is drawn from it drawn again."""
    edited(folder / name, edit)
    runs = read_runs([folder / run for run in json.loads((folder / CONTENTS).read_text())["runs"]])
    beside = folder / FILE_NAME
    draw(Subject(folder, tuple(runs), read_comparison(beside) if beside.exists() else None), folder)
    resummed(folder)


def the_sentence(found: Differ, *words: str) -> str:
    """The difference that has all these words."""
    (said,) = [one for one in found.differences if all(word in one for word in words)][:1] or [None]
    assert said, found.differences
    return said


def traced_run(folder: Path, finals: Sequence[str], **told: Any) -> Path:
    """A run of one strategy that gave these answers, each with its trace; `told` is of the results file."""
    totals, lines = Totals(), []
    for place, final in enumerate(finals):
        pool = Pool(
            Prompt("?"), (Candidate(final, "a", 0, prompt_tokens=10, completion_tokens=2, cost=0.25),)
        )
        trace = Trace("quiz", place, 0, "single", None, pool, Answer(final, chosen=0), final)
        totals.add(trace)
        lines.append(to_json(trace) + b"\n")
    rows = [
        sample | {"resps": [[final]], "filtered_resps": [final]}
        for sample, final in zip(samples([1.0] * len(finals)), finals, strict=True)
    ]
    stated = msgspec.json.decode(msgspec.json.encode(asdict(totals)))
    reported = {"quiz": {"acc,none": 1.0, "acc_stderr,none": 0.0, "sample_len": len(finals)}}
    our_run(
        folder, "single", {"lab/a": "openai|http://here/v1|lab/a|chat"}, tasks={"quiz": rows}, reported=reported,
        told={"totals": stated, **told},
    )  # fmt: skip
    (folder / TRACES).write_bytes(b"".join(lines))
    return folder
