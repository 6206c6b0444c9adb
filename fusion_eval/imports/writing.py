"""Write imported tasks as runs: results, samples and traces in the form of runs of this package."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fusion_eval import __version__
from fusion_eval.errors import ConfigError
from fusion_eval.imports.pools import Imported, ImportedTask, SystemAnswer, Values
from fusion_eval.imports.recorded_task import digest_of
from fusion_eval.runs.traces import FILE_NAME, TraceFile
from fusion_eval.runs.writing import write_file
from fusion_eval.text.file_names import safe_file_name
from fusion_eval.types import Answer, Candidate, Message, Pool, Prompt, Trace, without_surrogates


def write_runs(
    imported: Imported, tasks: Sequence[ImportedTask], folder: Path, origin: Mapping[str, object], date: float
) -> list[Path]:
    """Write a run for each system.

    Args:
        imported: What the reader made of the source.
        tasks: Its tasks with whole pools.
        folder: Gets one folder for each system.
        origin: What the results files say of the source.
        date: When the source was made, in seconds since 1970.

    Returns:
        The folders of the runs.

    Raises:
        ConfigError: A folder cannot be written to, or two systems would have the same one.
    """
    systems = list(dict.fromkeys(system for task in tasks for system in task.answers))
    folders = {system: run_folder(folder, system) for system in systems}
    for system, path in folders.items():
        others = [other for other in systems if other != system and folders[other] == path]
        if others:
            raise ConfigError(
                f"The runs of '{system}' and '{others[0]}' would both be {path.name}; rename one"
            )
    stamp = datetime.datetime.fromtimestamp(date, datetime.UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
    for system, path in folders.items():
        own = [task for task in tasks if task.answers.get(system)]
        for task in own:
            lines = (
                _sample(task, place, system, answer) for place, answer in sorted(task.answers[system].items())
            )
            content = _json_lines(lines) if task.samples is None else task.samples.read_bytes()
            write_file(path / f"samples_{safe_file_name(task.name)}_{stamp}.jsonl", content)
        results = imported.results or _results(system, own, origin, date)
        write_file(path / f"results_{stamp}.json", json.dumps(results, indent=2, ensure_ascii=False).encode())
        _write_traces(path / FILE_NAME, system, own)
    return list(folders.values())


def run_folder(folder: Path, system: str) -> Path:
    """Return the folder of a system's run. A slash becomes `__`, as the harness writes it."""
    return folder / safe_file_name(system.replace("/", "__"))


def _sample(task: ImportedTask, place: int, system: str, answer: SystemAnswer) -> dict[str, Any]:
    item = task.items[place]
    doc, prompt, text = (
        document(task, place, [system]),
        _prompt_text(item.prompt),
        without_surrogates(answer.text),
    )
    values = {name: answer.values.get(name) for name in task.metrics}
    return {
        "doc_id": task.doc_id(place),
        "doc": doc,
        "target": item.target,
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {}}},
        "resps": [[text]],
        "filtered_resps": [text],
        "filter": "none",
        "metrics": list(task.metrics),
        # Without what is recorded, so that runs of separate imports match.
        "doc_hash": _sha256(
            json.dumps({name: doc[name] for name in ("id", "prompt", "target")}, ensure_ascii=False)
        ),
        "prompt_hash": _sha256(prompt),
        "target_hash": _sha256(item.target),
        **values,
    }


def document(task: ImportedTask, place: int, systems: Iterable[str]) -> dict[str, Any]:
    """Return the document of an item, with the recorded values of the texts that some systems have for it.

    Args:
        task: The task.
        place: The place of the item.
        systems: The systems whose answers, and pools behind them, count.
    """
    item = task.items[place]
    recorded: dict[str, dict[str, float]] = {}
    for system in systems:
        answer = task.answers[system].get(place)
        if answer is not None:
            candidates, scores = task.pool(place, system)
            texts = [*(one.text for one in candidates[: len(scores)]), answer.text]
            for text, values in zip(texts, [*scores, answer.values], strict=True):
                recorded.setdefault(digest_of(text), dict(values))
    return {
        "id": item.key,
        "prompt": _prompt_text(item.prompt),
        "target": item.target,
        **({"language": task.language} if task.language else {}),
        **item.fields,
        **({"recorded": recorded} if any(recorded.values()) else {}),
    }


def _prompt_text(messages: Sequence[Message]) -> str:
    if len(messages) == 1 and messages[0].role == "user":
        return without_surrogates(messages[0].content)
    return json.dumps([{"role": one.role, "content": one.content} for one in messages], ensure_ascii=False)


def _results(
    system: str, tasks: Sequence[ImportedTask], origin: Mapping[str, object], date: float
) -> dict[str, Any]:
    counts = {task.name: len(task.answers[system]) for task in tasks}
    return {
        "results": {task.name: _aggregates(task, system) for task in tasks},
        "configs": {
            task.name: {
                "task": task.name,
                "output_type": "generate_until",
                "metric_list": [
                    {"metric": name, "aggregation": "mean", "higher_is_better": better}
                    for name, better in task.metrics.items()
                ],
                "metadata": {"version": 1.0, **({"language": task.language} if task.language else {})},
            }
            for task in tasks
        },
        "versions": {task.name: 1.0 for task in tasks},
        "n-shot": {task.name: 0 for task in tasks},
        "higher_is_better": {task.name: dict(task.metrics) for task in tasks},
        "n-samples": {name: {"original": count, "effective": count} for name, count in counts.items()},
        "config": {
            "model": "imported",
            "model_args": None,
            "limit": None,
            "fusion_eval_version": __version__,
            "imported": dict(origin),
        },
        "date": date,
        "model_name": system,
        "model_name_sanitized": system.replace("/", "__"),
    }


def _aggregates(task: ImportedTask, system: str) -> dict[str, Any]:
    aggregates: dict[str, Any] = {"alias": task.name, "sample_len": len(task.answers[system])}
    for name in task.metrics:
        values = [answer.values[name] for answer in task.answers[system].values() if name in answer.values]
        if values:
            mean = math.fsum(values) / len(values)
            variance = math.fsum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
            aggregates[f"{name},none"] = mean
            aggregates[f"{name}_stderr,none"] = math.sqrt(variance / len(values))
    return aggregates


def _write_traces(path: Path, system: str, tasks: Sequence[ImportedTask]) -> None:
    """Write the traces of a system; none if the source has no pools."""
    places = [(task, place) for task in tasks for place in sorted(task.answers[system])]
    with_pool = [(task, place) for task, place in places if task.pool(place, system)[0]]
    if with_pool:
        with TraceFile(path) as traces:
            for index, (task, place) in enumerate(with_pool):
                traces.add(index, _trace(task, place, system))


def _trace(task: ImportedTask, place: int, system: str) -> Trace:
    item, answer = task.items[place], task.answers[system][place]
    candidates, scores = task.pool(place, system)
    text = without_surrogates(answer.text)
    return Trace(
        task=task.name,
        doc_id=task.doc_id(place),
        copy=0,
        strategy=system,
        language=task.language,
        pool=Pool(Prompt(messages=item.prompt), candidates),
        answer=Answer(text, chosen=answer.chosen, scores=_pool_scores(task, candidates, scores)),
        final=text,
    )


def _pool_scores(
    task: ImportedTask, candidates: Sequence[Candidate], scores: Sequence[Values]
) -> tuple[float | None, ...]:
    """Return the values of the usable candidates by the task's first metric; none if they have no value of it."""
    first = next(iter(task.metrics), None)
    if first is None or not any(first in values for values in scores):
        return ()
    pairs = zip(candidates, scores, strict=True)
    return tuple(values.get(first) for candidate, values in pairs if candidate.error is None)


def _json_lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records).encode(
        errors="replace"
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
