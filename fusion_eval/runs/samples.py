"""One sample file of the harness, line by line: which document, and what each metric says of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError

_NOT_METRICS = frozenset(
    (
        *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
        *("doc_hash", "prompt_hash", "target_hash"),
    )
)


@dataclass(frozen=True, slots=True)
class Pair:
    """What a corpus metric (BLEU, chrF, TER) keeps of a document until all are scored together.

    A run of the harness has one hypothesis; of several, equally likely ones, the statistics are averaged.
    """

    references: tuple[str, ...]
    hypotheses: tuple[str, ...]


_LARGEST = 10**100
_THE_REST = "--allow_partial compares the rest"

Value = float | Pair | None
"""None where the file holds a null or NaN; infinities and other shapes (`[log-likelihood, words]`) are in `Sample.odd`."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A document's values under one filter. `prompt` and `target` are hashes, `doc_key` one of the whole document."""

    doc_id: int
    doc: Mapping[str, Any]
    doc_key: str | None
    prompt: str | None
    target: str
    filter: str
    values: Mapping[str, Value]
    odd: tuple[str, ...] = ()
    """Metrics whose value is neither a finite number nor a pair of texts."""


def read_samples(
    path: Path, filters: Sequence[str] = (), allow_broken: bool = False
) -> tuple[list[Sample], int]:
    """(The samples of a file, the number of its lines that cannot be read).

    `filters` are the task's, in order, for files of releases that did not write a sample's filter: these repeat the
    documents once per filter. Raises `ConfigError`, which names the line, unless `allow_broken`.
    """
    seen: Counter[int] = Counter()
    samples, broken, unnamed = [], 0, False
    for where, record in records(path):
        sample = _sample(record, filters, seen) if isinstance(record, dict) else None
        # Which filter a sample is of is told by their order then, and a gap would shift it.
        unnamed = unnamed or (len(filters) > 1 and isinstance(record, dict) and "filter" not in record)
        if sample:
            samples.append(sample)
        elif allow_broken and not unnamed:
            broken += 1
        else:
            raise ConfigError(
                f"{path}, {where} is not a sample of the harness, or is cut off; "
                + ("its samples do not name their filter, so all are needed" if unnamed else _THE_REST)
            )
    return samples, broken


def records(path: Path) -> Iterator[tuple[str, object]]:
    """(Where, what) of a file of lines, or of one array as releases before 0.4.4 wrote; None is not JSON."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            if file.read(1) == "[":
                file.seek(0)
                yield from _elements(file.read())
                return
            file.seek(0)
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"line {number}", _parsed(line)
    except OSError as error:
        raise ConfigError(f"The samples {path} cannot be read: {error.strerror}") from error


def _elements(text: str) -> Iterator[tuple[str, object]]:
    """Of a JSON array, one by one, so that a truncated file gives what it has."""
    decoder, at, number = json.JSONDecoder(), 1, 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if text.startswith("]", at):
            return
        number += 1
        try:
            element, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield f"line {text.count(chr(10), 0, at) + 1}", None
            return
        yield f"sample {number}", element


def _parsed(line: str) -> object:
    try:
        return json.loads(line)  # NaN and Infinity, which the harness writes, included
    except (ValueError, RecursionError):
        return None


def _sample(record: Mapping[str, Any], filters: Sequence[str], seen: Counter[int]) -> Sample | None:
    """None where the record is not of the form that every release shares."""
    doc_id, doc = record.get("doc_id"), record.get("doc")
    names = record.get("metrics", [name for name in record if name not in _NOT_METRICS])
    if (
        not isinstance(doc_id, int)
        or not isinstance(names, list)
        or not all(_is_name(name) for name in names)
    ):
        return None
    values, odd = {}, []
    for name in names:
        try:
            values[name] = value_of(record.get(name))
        except TypeError:
            odd.append(name)
    order = seen[doc_id]
    seen[doc_id] += 1
    return Sample(
        doc_id,
        doc if isinstance(doc, dict) else {},
        _hash(record, "doc_hash") or _doc_hash(doc),
        _hash(record, "prompt_hash") or _prompt_hash(record.get("arguments")),
        _hash(record, "target_hash") or _sha256(str(record.get("target"))),
        str(record.get("filter") or (filters[order] if order < len(filters) else "none")),
        values,
        tuple(odd),
    )


def _is_name(name: object) -> bool:
    """Half a surrogate pair could be neither printed nor written."""
    return isinstance(name, str) and name == name.encode(errors="replace").decode()


def _hash(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) and value else None


def value_of(raw: object) -> Value:
    """A metric's value as the harness wrote it. Raises TypeError for what is neither a number nor a (reference, hypothesis) pair."""
    if raw is None:
        return None
    if isinstance(raw, bool | int | float):
        return _finite(raw)
    if isinstance(raw, str):  # as older releases wrote what JSON did not know
        return value_of(_number(raw))
    match raw:
        case [str() as reference, str() as hypothesis]:
            return Pair((reference,), (hypothesis,))
        case [[*references], str() as hypothesis]:
            texts = tuple(reference for reference in references if isinstance(reference, str))
            if texts and len(texts) == len(references):
                return Pair(texts, (hypothesis,))
        case [reference, [str() as hypothesis]]:
            return value_of([reference, hypothesis])
    raise TypeError


def _finite(raw: float) -> float | None:
    """None for NaN. Infinities are no missing values, and neither they nor what overflows can be averaged."""
    if abs(raw) > _LARGEST:
        raise TypeError
    return None if math.isnan(raw) else float(raw)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TypeError from None


def _doc_hash(doc: object) -> str | None:
    """As the harness computes it since 0.4.3, so that older files can be paired with newer ones."""
    return _sha256(json.dumps(doc, indent=2, ensure_ascii=False)) if doc else None


def _prompt_hash(arguments: object) -> str | None:
    """Of the first request's prompt: `{"gen_args_0": {"arg_0": …}}`, or a list of lists."""
    match arguments:
        case {"gen_args_0": {"arg_0": prompt}} | [[prompt, *_], *_]:
            return _sha256(prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False))
    return None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()
