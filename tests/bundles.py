"""Make bundles for tests, and forge them: a forger updates the checksums, the card, the tables and the report."""

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
from fusion_eval.exports.bundle.archive import SUMS, unpack
from fusion_eval.exports.bundle.differ import Differ
from fusion_eval.exports.bundle.files import CONTENTS, draw_pages
from fusion_eval.exports.subject import Subject
from fusion_eval.runs.comparison import FILE_NAME, read_comparison
from fusion_eval.runs.reading import read_runs
from fusion_eval.runs.totals import Totals
from fusion_eval.runs.traces import FILE_NAME as TRACES
from fusion_eval.types import Answer, Candidate, Pool, Prompt, Trace, to_json

Edit = Callable[[Any], None]


def export_bundle(path: Path, folder: Path) -> Path:
    """Export the run, or runs, at `path` as a bundle into `folder`. Return the unpacked bundle."""
    assert main(["export", str(path), "--format", "bundle", "-o", str(folder)]) == 0
    unpack(folder / "bundle.zip", folder / "unpacked")
    return folder / "unpacked"


def only_match(folder: Path, pattern: str) -> Path:
    """Return the only file that matches a pattern."""
    (path,) = folder.glob(pattern)
    return path


def edit_json(path: Path, edit: Edit) -> None:
    """Change a JSON file, or the first line of a file of lines, and update the checksums."""
    text = path.read_text(encoding="utf-8")
    first, *rest = text.splitlines() if path.suffix == ".jsonl" else [text]
    content = json.loads(first)
    edit(content)
    path.write_text("\n".join([json.dumps(content, ensure_ascii=False), *rest]) + "\n", encoding="utf-8")
    update_checksums(next(folder for folder in path.parents if (folder / SUMS).exists()))


def update_checksums(folder: Path) -> None:
    """Write the checksums of all files of a bundle again."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SUMS]
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in files
    ]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def forge(folder: Path, name: str, edit: Edit) -> None:
    """Change a JSON file of the bundle, and draw all pages again."""
    edit_json(folder / name, edit)
    runs = read_runs([folder / run for run in json.loads((folder / CONTENTS).read_text())["runs"]])
    beside = folder / FILE_NAME
    draw_pages(Subject(folder, tuple(runs), read_comparison(beside) if beside.exists() else None), folder)
    update_checksums(folder)


def assert_difference(result: Differ, *words: str) -> None:
    """Assert that one difference has all these words."""
    assert any(all(word in difference for word in words) for difference in result.differences), (
        result.differences
    )


def traced_run(folder: Path, answers: Sequence[str], **config: Any) -> Path:
    """Write a run of one strategy with these answers and their traces. `config` is part of its results file."""
    totals, lines = Totals(), []
    for document, answer in enumerate(answers):
        candidate = Candidate(answer, "a", 0, prompt_tokens=10, completion_tokens=2, cost=0.25)
        pool = Pool(Prompt("?"), (candidate,))
        trace = Trace("quiz", document, 0, "single", None, pool, Answer(answer, chosen=0), answer)
        totals.add(trace)
        lines.append(to_json(trace) + b"\n")
    rows = [
        sample | {"resps": [[answer]], "filtered_resps": [answer]}
        for sample, answer in zip(samples([1.0] * len(answers)), answers, strict=True)
    ]
    stated = msgspec.json.decode(msgspec.json.encode(asdict(totals)))
    reported = {"quiz": {"acc,none": 1.0, "acc_stderr,none": 0.0, "sample_len": len(answers)}}
    our_run(
        folder, "single", {"lab/a": "openai|http://here/v1|lab/a|chat"}, tasks={"quiz": rows}, reported=reported,
        overrides={"totals": stated, **config},
    )  # fmt: skip
    (folder / TRACES).write_bytes(b"".join(lines))
    return folder
