"""NeMo-Skills' generations: a file `output-rs<seed>.jsonl` for each random seed, in one folder for each benchmark.

A line has `problem` (or `question`), `expected_answer`, `generation`, `predicted_answer`, and after evaluation `symbolic_correct`,
`is_correct` or `judgement`. Line i of every file answers the same problem, so the files' lines i are one pool.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.pools import Imported, ImportedItem, ImportedTask, SystemAnswer, messages_of
from fusion_eval.imports.source import DataFile, Source, required
from fusion_eval.types import Candidate

METRIC = "exact_match"
_NAME = re.compile(r"output(?:-rs(\d+))?\.jsonl(\.gz)?")
_CORRECT = ("symbolic_correct", "is_correct", "judge_correct")
_JUDGEMENT = re.compile(r"judge?ment:\s*(yes|no)", re.IGNORECASE)


def matches(source: Source) -> bool:
    """Return whether files of that name hold generations."""
    return any(_NAME.fullmatch(file.name) and "generation" in file.first() for file in source.files)


def read(source: Source) -> Imported:
    """Read all folders: the run `single` is the first seed, and `majority` votes on the predicted answers."""
    imported = Imported()
    folders: dict[Path, list[DataFile]] = {}
    for file in source.files:
        if _NAME.fullmatch(file.name):
            folders.setdefault(file.path.parent, []).append(file)
    for folder, files in folders.items():
        name = (
            folder.resolve().name
            if len(folders) > 1 or source.files[0].path != Path(source.name)
            else source.stem
        )
        task = imported.task(name, None)
        _read_folder(task, sorted(files, key=_seed))
        if not task.metrics:
            imported.notes.append(
                f"{name}: no line says whether it is correct ({', '.join(_CORRECT)} or judgement), so there are no scores"
            )
    return imported


def _seed(file: DataFile) -> int:
    named = _NAME.fullmatch(file.name)
    return int(named[1]) if named and named[1] else -1


def _read_folder(task: ImportedTask, files: Sequence[DataFile]) -> None:
    if len(files) > 1 and _seed(files[0]) < 0:
        raise ConfigError(
            f"{files[0].path} has greedy answers and {files[1].path} sampled ones, which are not one pool; move one of them to "
            "a folder of its own"
        )
    for rows in zip_longest(*(file.records() for file in files)):
        present = [row for row in rows if row is not None]
        if len(present) < len(files):
            short = files[rows.index(None)].path
            raise ConfigError(
                f"{present[0][0]}: {short} ends before this line; all files of a pool need the same problems"
            )
        where, first = present[0]
        problem = _problem(first)
        for other, row in present[1:]:
            if _problem(row) != problem:
                raise ConfigError(
                    f"{other}: the problem is not the one of {where}; the files are not one pool"
                )
        pool = tuple(_candidate(row, file, place) for file, (place, row) in zip(files, present, strict=True))
        scores = tuple(_values(row) for _, row in present)
        if any(scores):
            task.metrics[METRIC] = True
        answers = {"single": SystemAnswer(pool[0].text, scores[0], 0)}
        winner = _majority([row for _, row in present])
        if winner is not None:
            answers["majority"] = SystemAnswer(pool[winner].text, scores[winner], winner)
        target = str(first.get("expected_answer", ""))
        task.add(
            ImportedItem(str(len(task.items)), messages_of(problem, where), where, pool, scores, target),
            answers,
        )


def _problem(row: Mapping[str, Any]) -> object:
    return row.get("problem", row.get("question"))


def _candidate(row: Mapping[str, Any], file: DataFile, where: str) -> Candidate:
    text, tokens = required(row, "generation", str, where), row.get("num_generated_tokens")
    written = tokens if isinstance(tokens, int) else 0
    return Candidate(text, "nemo-skills", max(_seed(file), 0), completion_tokens=written)


def _values(row: Mapping[str, Any]) -> dict[str, float]:
    for name in _CORRECT:
        if isinstance(row.get(name), bool):
            return {METRIC: float(row[name])}
    judged = _JUDGEMENT.search(str(row.get("judgement", "")))
    return {METRIC: float(judged[1].lower() == "yes")} if judged else {}


def _majority(rows: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the place of the first row with the most frequent predicted answer; None without predicted answers."""
    predicted = [row.get("predicted_answer") for row in rows]
    if "predicted_answer" not in rows[0]:
        return None
    votes = Counter(str(answer) for answer in predicted if answer is not None)
    if not votes:
        return 0
    best = votes.most_common(1)[0][0]
    return next(place for place, answer in enumerate(predicted) if str(answer) == best)


reader = Reader(matches, read)
