"""Load data sets of the Hugging Face hub, or local copies of them.

If the environment variable FUSION_EVAL_DATA=DIR is set, the file `DIR/<repository>/<configuration>/<split>.jsonl`
replaces the hub. It holds one JSON object a line, with the columns of the hub's data set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets

from fusion_eval.models.hub import data_sets

VARIABLE = "FUSION_EVAL_DATA"


@dataclass(frozen=True, slots=True)
class Part:
    """One split of one configuration of a data set on the hub."""

    repository: str
    configuration: str
    split: str

    def __str__(self) -> str:
        return f"{self.repository} ({self.configuration}, {self.split})"

    def file_in(self, root: Path) -> Path:
        """Return the path of this part's file in a copy at `root`."""
        return root / self.repository / self.configuration / f"{self.split}.jsonl"


def load(
    language: str,
    repository: str,
    configuration: str | None = None,
    split: str = "test",
    columns: Sequence[str] = (),
    **_metadata: object,
) -> dict[str, datasets.Dataset]:
    """Load one split for the harness, which expects a mapping from split names to rows.

    Every row gets the field `language`; a column of that name in the data set is replaced.

    Args:
        language: ISO code of the task's language.
        repository: Name of the data set on the hub.
        configuration: Configuration of the data set; by default the language.
        split: Name of the split.
        columns: Columns that the rows must have.
        **_metadata: Other metadata and `dataset_kwargs` of the task, which the harness passes along.

    Raises:
        FileNotFoundError: The local copy lacks the file.
        ValueError: The local copy is damaged, or a column is missing or has empty values.
        OSError: The hub cannot be read.
    """
    rows = load_rows(Part(repository, configuration or language, split), columns)
    # Data sets spell languages as names, codes or regions; metrics and judges' prompts expect ISO codes.
    others = rows.remove_columns([name for name in rows.column_names if name == "language"])
    return {split: others.add_column("language", [language] * len(rows))}


def load_rows(part: Part, columns: Sequence[str] = ()) -> datasets.Dataset:
    """Load the rows as the hub has them. Raises the same errors as `load`."""
    if folder := os.environ.get(VARIABLE):
        path = part.file_in(Path(folder).expanduser())
        rows, source = _read_copy(path), str(path)
    else:
        rows, source = _load_or_suggest_copy(part), str(part)
    _check_columns(rows, columns, source)
    return rows


def load_from_hub(part: Part) -> datasets.Dataset:
    """Load a part from the hub; from the cache of an earlier load if the hub does not answer.

    Raises:
        OSError: The part cannot be read. The message is the reason, in one line.
    """
    return data_sets.load(part.repository, part.configuration, part.split)


def _load_or_suggest_copy(part: Part) -> datasets.Dataset:
    try:
        return load_from_hub(part)
    except OSError as error:
        raise OSError(
            f"{part.repository} ({part.configuration}) cannot be loaded from the Hugging Face hub ({error}); go online, or "
            f"set {VARIABLE}=DIR, where {part.file_in(Path('DIR'))} is a copy, which `fusion-eval tasks --copy_to DIR` makes "
            "on a machine that is online"
        ) from error


def _read_copy(path: Path) -> datasets.Dataset:
    if not path.is_file():
        raise FileNotFoundError(
            f"{VARIABLE} is set, but there is no {path}; put the hub's rows there as JSON lines, or unset "
            f"{VARIABLE} to load them from the hub"
        )
    rows: list[dict[str, object]] = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.strip():
            rows.append(_parse_row(line, f"{path}, line {number}"))
            if rows[-1].keys() != rows[0].keys():
                raise ValueError(
                    f"{path}, line {number}: its columns differ from the first line's; copy the file again"
                )
    if not rows:
        raise ValueError(f"{path} is empty; copy the hub's rows into it as JSON lines")
    return datasets.Dataset.from_list(rows)


def _parse_row(line: bytes, source: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except ValueError:  # neither JSON nor, perhaps, UTF-8
        row = None
    if not isinstance(row, dict):
        raise ValueError(f"{source}: this is no JSON object; copy the file again")
    return row


def _check_columns(rows: datasets.Dataset, columns: Sequence[str], source: str) -> None:
    for name in columns:
        if name not in rows.column_names:
            raise ValueError(
                f"{source} has no column {name}; it has {', '.join(rows.column_names)}. Copy the hub's rows again"
            )
        if None in (values := rows[name][:]):
            raise ValueError(
                f"{source}, row {values.index(None) + 1}: its {name} is empty; copy the hub's rows again"
            )
