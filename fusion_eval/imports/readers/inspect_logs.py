"""Logs of inspect_ai, `.eval` or JSON, by inspect's own `read_eval_log` (extra `inspect`).

The epochs of a sample are its pool. Samples without an output are left out. A score is a number, a boolean, or one of inspect's
letters: C (correct) 1, P (partial) 0.5, I (incorrect) and N (no answer) 0. A scorer whose value is an object gives a metric for each
of its keys.
"""

from __future__ import annotations

import importlib
import json
import math
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.imports.finding import Reader
from fusion_eval.imports.pools import Imported, ImportedItem, ImportedTask, SystemAnswer
from fusion_eval.imports.source import Source, is_inspect_log
from fusion_eval.text.parse_errors import why_unreadable
from fusion_eval.text.redaction import safe_message
from fusion_eval.types import Candidate, Message

_LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}


def matches(source: Source) -> bool:
    """Return whether the source has logs of inspect_ai."""
    return any(file.rows is None and is_inspect_log(file.path) for file in source.files)


def read(source: Source) -> Imported:
    """Read all logs: a task for each of theirs, a run for each model, which takes the first epoch."""
    return read_logs([file.path for file in source.files if is_inspect_log(file.path)], mean=False)[0]


def read_logs(paths: Sequence[Path], *, mean: bool) -> tuple[Imported, list[str]]:
    """Read logs.

    Args:
        paths: The logs.
        mean: Give each item the mean over its epochs, as inspect reports it; else the values of the first epoch.

    Returns:
        The tasks, and for each log the name of its run: the model's, with a number if several logs of a task have it.

    Raises:
        ConfigError: inspect_ai is missing, or a log cannot be read or has no samples.
    """
    imported, names = Imported(), []
    pictures, without_output = list[str](), list[str]()
    for path in paths:
        log = _load(path)
        task = imported.task(str(log.eval.task).replace("/", "_"))
        by_id: dict[int | str, list[Any]] = {}
        for sample in log.samples or ():
            by_id.setdefault(sample.id, []).append(sample)
        if not by_id:
            raise ConfigError(f"{path} has no samples (status {log.status}); log them with log_samples=True")
        if log.status != "success":
            imported.notes.append(f"{path} ended with status {log.status}; its {len(by_id)} samples are used")
        names.append(_unused(str(log.eval.model), task))
        for sample_id, epochs in by_id.items():
            key = _key(sample_id, by_id)
            where = f"{path}, sample {key}"
            if not _add(task, names[-1], key, sorted(epochs, key=lambda one: one.epoch), where, mean):
                without_output.append(where)
            if not _all_text(epochs[0].input):
                pictures.append(where)
        if not task.metrics:
            imported.notes.append(f"{path}: no sample has a score that is a number")
    for what, places in (
        ("samples without an output, {}, are left out, the first is {}", without_output),
        ("inputs with parts that are no text, {}, keep only their text, the first is {}", pictures),
    ):
        if places:
            imported.notes.append(what.format(f"{len(places):,}", places[0]))
    return imported, names


def _key(sample_id: int | str, ids: Collection[int | str]) -> str:
    """Return a sample's id as a text; a text of digits is quoted if the log has the number as an id, too."""
    digits = isinstance(sample_id, str) and sample_id.isdecimal() and int(sample_id) in ids
    return json.dumps(sample_id) if digits else str(sample_id)


def _unused(model: str, task: ImportedTask) -> str:
    number, name = 1, model
    while name in task.answers:
        number += 1
        name = f"{model} ({number})"
    return name


def _load(path: Path) -> Any:
    try:
        inspect_log = importlib.import_module("inspect_ai.log")
    except ImportError as error:
        raise ConfigError(
            f"{path} is a log of inspect_ai; install its reader: pip install 'fusion-eval[inspect]'"
        ) from error
    try:
        log = inspect_log.read_eval_log(str(path))
    except Exception as error:  # the library raises errors of many kinds
        reason = safe_message(why_unreadable(error)) or type(error).__name__
        if path.suffix == ".eval" and not zipfile.is_zipfile(path):
            reason = _why_no_archive(path)
        raise ConfigError(f"{path} cannot be read as a log of inspect_ai: {reason}") from error
    newest = inspect_log.EvalLog.model_fields["version"].default
    if log.version > newest:
        raise ConfigError(
            f"{path} is a log of version {log.version}, and the installed inspect_ai knows {newest}; update it"
        )
    return log


def _why_no_archive(path: Path) -> str:
    with path.open("rb") as file:
        beginning = file.read(2)
    if not beginning:
        return "it is empty"
    return "the archive is cut off" if beginning == b"PK" else "it is no archive"


def _add(task: ImportedTask, model: str, key: str, epochs: list[Any], where: str, mean: bool) -> bool:
    """Add a sample with its epochs; return False if none of them has an output."""
    first = epochs[0]
    pool = tuple(_candidate(sample, model, place) for place, sample in enumerate(epochs))
    scores = tuple(_values(sample) for sample in epochs)
    for name in dict.fromkeys(name for values in scores for name in values):
        task.metrics.setdefault(name, True)
    target = first.target if isinstance(first.target, str) else "\n".join(map(str, first.target))
    values = _mean(scores) if mean else scores[0]
    if all(one.error for one in pool):
        return False
    answer = SystemAnswer(pool[0].text, values, 0 if pool[0].error is None else None, pool, scores)
    task.merge(ImportedItem(key, _prompt(first.input), where, target=target), {model: answer})
    return True


def _all_text(value: Any) -> bool:
    """Return whether an input has no parts other than text, such as pictures."""
    contents = [] if isinstance(value, str) else [turn.content for turn in value]
    return all(isinstance(one, str) or all(part.type == "text" for part in one) for one in contents)


def _prompt(value: Any) -> tuple[Message, ...]:
    if isinstance(value, str):
        return (Message("user", value),)
    return tuple(Message(str(turn.role), str(turn.text)) for turn in value)


def _candidate(sample: Any, model: str, place: int) -> Candidate:
    """Return the output of one epoch; a failed candidate if the sample has an error or no output."""
    output, error = sample.output, getattr(sample.error, "message", None) if sample.error else None
    if error or not output.choices:
        message = safe_message(str(error or "the sample has no output"))
        return Candidate("", model, place, "error", error=message)
    usage = output.usage
    return Candidate(
        str(output.completion or ""),
        model,
        place,
        str(output.stop_reason or "stop").replace("max_tokens", "length"),
        prompt_tokens=getattr(usage, "input_tokens", 0) or 0,
        completion_tokens=getattr(usage, "output_tokens", 0) or 0,
    )


def _values(sample: Any) -> dict[str, float]:
    values: dict[str, float] = {}
    for scorer, score in (sample.scores or {}).items():
        parts: Mapping[str, Any] = score.value if isinstance(score.value, dict) else {"": score.value}
        for part, raw in parts.items():
            number = _number(raw)
            if number is not None:
                values[f"{scorer}_{part}" if part else str(scorer)] = number
    return values


def _number(raw: Any) -> float | None:
    if isinstance(raw, str):
        if raw in _LETTERS:
            return _LETTERS[raw]
        try:
            raw = float(raw)
        except ValueError:
            return None
    return float(raw) if isinstance(raw, bool | int | float) and math.isfinite(raw) else None


def _mean(scores: tuple[Mapping[str, float], ...]) -> dict[str, float]:
    names = dict.fromkeys(name for values in scores for name in values)
    known = {name: [values[name] for values in scores if name in values] for name in names}
    return {name: math.fsum(values) / len(values) for name, values in known.items()}


reader = Reader(matches, read)
