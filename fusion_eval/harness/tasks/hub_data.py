"""Data sets of the Hugging Face hub, or copies of them in a folder where the hub cannot be reached.

With the environment variable FUSION_EVAL_DATA=DIR, `DIR/<repository>/<configuration>/<split>.jsonl` stands in
for the hub: one JSON object a line, with the columns that the hub's data set has.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import datasets

VARIABLE = "FUSION_EVAL_DATA"


def load(
    language: str,
    repository: str,
    configuration: str | None = None,
    split: str = "test",
    columns: Sequence[str] = (),
    **_metadata: object,
) -> dict[str, datasets.Dataset]:
    """One split of a configuration (by default the one named as `language`, an ISO code), by the split's name.

    Every document gets `language`, whatever the data set itself says in a column of that name. The harness passes a
    task's whole metadata and `dataset_kwargs`; the rest of them is not needed here. Raises FileNotFoundError or
    ValueError where the copy is missing, damaged, or without one of the `columns`, OSError where the hub cannot be read.
    """
    rows = rows_of(repository, configuration or language, split, columns)
    # One spelling for the metrics and the judge's prompts: hub data sets write names, codes or regions, or nothing.
    others = rows.remove_columns([name for name in rows.column_names if name == "language"])
    return {split: others.add_column("language", [language] * len(rows))}


def rows_of(repository: str, configuration: str, split: str, columns: Sequence[str] = ()) -> datasets.Dataset:
    """The rows as the hub has them; raises as `load` does."""
    place = f"{repository}/{configuration}/{split}.jsonl"
    if folder := os.environ.get(VARIABLE):
        path = Path(folder).expanduser() / place
        rows, where = _read_copy(path), str(path)
    else:
        rows, where = (
            _from_hub(repository, configuration, split, place),
            f"{repository} ({configuration}, {split})",
        )
    _check(rows, columns, where)
    return rows


def _check(rows: datasets.Dataset, columns: Sequence[str], where: str) -> None:
    for name in columns:
        if name not in rows.column_names:
            raise ValueError(
                f"{where} has no column {name}; it has {', '.join(rows.column_names)}. Copy the hub's rows again"
            )
        if None in (values := rows[name][:]):
            raise ValueError(
                f"{where}, row {values.index(None) + 1}: its {name} is empty; copy the hub's rows again"
            )


def _read_copy(path: Path) -> datasets.Dataset:
    if not path.is_file():
        raise FileNotFoundError(
            f"{VARIABLE} is set, but there is no {path}; put the hub's rows there as JSON lines, or unset "
            f"{VARIABLE} to load them from the hub"
        )
    rows: list[dict[str, object]] = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.strip():
            rows.append(_row(line, f"{path}, line {number}"))
            if rows[-1].keys() != rows[0].keys():
                raise ValueError(
                    f"{path}, line {number}: its columns differ from the first line's; copy the file again"
                )
    if not rows:
        raise ValueError(f"{path} is empty; copy the hub's rows into it as JSON lines")
    return datasets.Dataset.from_list(rows)


def _row(line: bytes, where: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except ValueError:  # no JSON, or no UTF-8
        row = None
    if not isinstance(row, dict):
        raise ValueError(f"{where}: this is no JSON object; copy the file again")
    return row


def _from_hub(repository: str, configuration: str, split: str, place: str) -> datasets.Dataset:
    try:
        with _quiet_retries():
            return datasets.load_dataset(repository, configuration, split=split)
    except Exception as error:  # the data sets library raises anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OSError(
            f"{repository} ({configuration}) cannot be loaded from the Hugging Face hub; go online, or set "
            f"{VARIABLE}=DIR, where DIR/{place} is a copy (the hub said: {reason})"
        ) from error


@contextmanager
def _quiet_retries() -> Iterator[None]:
    """Where the hub cannot be reached, its client logs each of its tries; one sentence at the end says it all."""
    client = logging.getLogger("huggingface_hub")
    level = client.level
    client.setLevel(logging.ERROR)
    try:
        yield
    finally:
        client.setLevel(level)
