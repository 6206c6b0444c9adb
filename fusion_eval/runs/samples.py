"""Read a sample file of the harness: the documents, and the value of each metric for each of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from fusion_eval.errors import ConfigError
from fusion_eval.runs.records import read_records
from fusion_eval.runs.results_file import NO_SCORE
from fusion_eval.runs.values import Parts, Value, described, metric_parts, metric_value
from fusion_eval.types import without_surrogates

_NOT_METRICS = frozenset(
    (
        *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
        *("doc_hash", "prompt_hash", "target_hash"),
    )
)
_COMPARES_LABELS = re.compile(r"(?i)(?<![a-z])(f1|mcc)(?![a-z0-9])")
"""Their pairs of labels look like pairs of texts."""
_USE_THE_REST = "the option allow_partial uses the rest"


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of one document under one filter.

    `prompt` and `target` are hashes of texts. `doc_key` is a hash of the whole document, None if the file has no
    documents.
    """

    doc_id: int
    doc: Mapping[str, Any]
    doc_key: str | None
    prompt: str | None
    target: str
    filter: str
    values: Mapping[str, Value]
    unusable: Mapping[str, str] = field(default_factory=dict)
    """Metrics whose value is neither a finite number nor a segment, such as `[log-likelihood, words]`: what it is."""
    parts: Mapping[str, Parts] = field(default_factory=dict)
    """The values that are lists, of metrics that are unusable as they stand or compare labels."""
    names: tuple[str, ...] = ()
    """The metrics in the order of the task."""
    not_a_number: tuple[str, ...] = ()
    """Metrics whose value is NaN, which counts as no value."""
    where: str = field(default="", compare=False)
    """The place in the file, such as `line 3`."""


def read_samples(
    path: Path, filters: Sequence[str] = (), allow_broken: bool = False
) -> tuple[list[Sample], int]:
    """Read a sample file.

    Args:
        path: The file.
        filters: The task's filters in order. Old releases did not write the filter of a sample; their files repeat
            all documents once for each filter.
        allow_broken: Skip lines that cannot be read.

    Returns:
        The samples, and the number of lines that were skipped.

    Raises:
        ConfigError: A line cannot be read, and `allow_broken` is false or the samples do not name their filter.
    """
    repeats: Counter[int] = Counter()
    samples, broken_lines, unnamed = [], 0, False
    for where, record in read_records(path):
        sample = _sample(where, record, filters, repeats)
        # Without a name, a sample's filter is known by the order of samples, and a gap would shift it.
        unnamed = unnamed or (len(filters) > 1 and isinstance(record, dict) and "filter" not in record)
        if sample:
            samples.append(sample)
        elif allow_broken and not unnamed:
            broken_lines += 1
        else:
            raise ConfigError(
                f"{path}, {where} is not a sample of the harness, or is cut off; "
                + ("its samples do not name their filter, so all are needed" if unnamed else _USE_THE_REST)
            )
    return samples, broken_lines


def has_sample(path: Path) -> bool:
    """Return whether the first record of a file is a sample of the harness."""
    try:
        record = next((record for _, record in read_records(path)), None)
    except ConfigError:
        return False
    return (
        isinstance(record, dict) and "doc_id" in record and not {"resps", "filtered_resps"}.isdisjoint(record)
    )


def is_sample(record: object) -> TypeGuard[dict[str, Any]]:
    """Return whether a record has the form that samples of all releases share."""
    return _metric_names(record) is not None


def _metric_names(record: object) -> list[str] | None:
    """Return the names of a sample's metrics; None for a record that is no sample."""
    if not isinstance(record, dict) or not isinstance(record.get("doc_id"), int):
        return None
    names = (
        record["metrics"] if "metrics" in record else [name for name in record if name not in _NOT_METRICS]
    )
    # Names with half a surrogate pair can be neither printed nor written.
    is_valid = isinstance(names, list) and all(
        isinstance(n, str) and n == without_surrogates(n) for n in names
    )
    return names if is_valid else None


def first_prompt(record: Mapping[str, Any]) -> object:
    """Return the prompt of a record's first request; None if it has none.

    Requests are `{"gen_args_0": {"arg_0": prompt, …}, …}`; releases before 0.4.3 wrote a list of lists. Some releases
    wrote chat messages as a list of one text.
    """
    match record.get("arguments"):
        case {"gen_args_0": {"arg_0": prompt}} | [[prompt, *_], *_]:
            return prompt[0] if isinstance(prompt, list) and len(prompt) == 1 else prompt
    return None


def _sample(where: str, record: object, filters: Sequence[str], repeats: Counter[int]) -> Sample | None:
    names = _metric_names(record)
    if names is None or not isinstance(record, dict):
        return None
    doc_id, doc = record["doc_id"], record.get("doc")
    values, unusable, parts = {}, {}, {}
    for name in names:
        raw = record.get(name)
        try:
            if name != NO_SCORE:
                values[name] = metric_value(raw)
        except TypeError:
            unusable[name] = described(raw)
        is_listed = isinstance(raw, list) and (name in unusable or _COMPARES_LABELS.search(name))
        if is_listed and (listed := metric_parts(raw)):
            parts[name] = listed
    order = repeats[doc_id]
    repeats[doc_id] += 1
    return Sample(
        doc_id=doc_id,
        doc=doc if isinstance(doc, dict) else {},
        doc_key=_stored_hash(record, "doc_hash") or _doc_hash(doc),
        prompt=_stored_hash(record, "prompt_hash") or _prompt_hash(first_prompt(record)),
        target=_stored_hash(record, "target_hash") or _sha256(str(record.get("target"))),
        filter=without_surrogates(
            str(record.get("filter") or (filters[order] if order < len(filters) else "none"))
        ),
        values=values,
        unusable=unusable,
        parts=parts,
        names=tuple(names),
        not_a_number=tuple(name for name in names if record.get(name) != record.get(name)),
        where=where,
    )


def _stored_hash(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) and value else None


def _doc_hash(doc: object) -> str | None:
    """Hash a document as the harness does since 0.4.3, so that older files match newer ones."""
    try:
        return _sha256(json.dumps(doc, indent=2, ensure_ascii=False)) if doc else None
    except RecursionError:
        return _sha256(repr(type(doc)))


def _prompt_hash(prompt: object) -> str | None:
    if prompt is None:
        return None
    return _sha256(prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()
