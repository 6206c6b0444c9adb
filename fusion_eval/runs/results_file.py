"""Read a results file of the harness. Its parts may be missing, or hold anything: other programs write such files too."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.runs.plain_file import open_plain
from fusion_eval.text.parse_errors import why_unreadable
from fusion_eval.types import without_surrogates

NO_SCORE = "bypass"
"""`--predict_only` writes this in place of the task's metrics. Its value, 999, says nothing."""
Results = Mapping[str, Any]
"""A results file, or a part of one."""

_LARGEST = 1 << 28
"""Bytes of a results file, unpacked. A small archive can hold far more."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def load_results(path: Path) -> Results:
    """Read a results file.

    Raises:
        ConfigError: The file cannot be read, or is not a results file.
    """
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)  # a run of many tasks needs the same file once for each task
def _load(path: Path, _modified: int) -> Results:
    try:
        with open_plain(path) as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST >> 20} MiB, which no results file is")
        text = content.decode("utf-8-sig")
        results = json.loads(text)
        if _SURROGATE.search(text):  # half a pair can be neither printed nor written
            results = json.loads(without_surrogates(json.dumps(results, ensure_ascii=False)))
    except (OSError, EOFError, ValueError, RecursionError, zlib.error) as error:
        raise ConfigError(f"The results file {path} cannot be read: {why_unreadable(error)}") from error
    if not isinstance(results, dict) or not isinstance(results.get("results"), dict):
        raise ConfigError(f"{path} is not a results file of the harness: it has no 'results'")
    return results


def has_results(path: Path) -> bool:
    """Return whether a JSON file of any name is a results file of the harness."""
    try:
        with open_plain(path) as file:
            if not file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
                return False
        return bool(section(load_results(path), "results"))
    except (ConfigError, OSError, EOFError, ValueError, zlib.error):
        return False


def section(results: Results, name: str) -> Results:
    """Return the mapping under `name`; empty if there is none."""
    part = results.get(name)
    return part if isinstance(part, Mapping) else {}


def mappings(results: Results, name: str) -> list[Results]:
    """Return the mappings in the list under `name`; empty if there is none."""
    listed = results.get(name)
    return [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []


def text_or_none(value: object) -> str | None:
    """Return a text that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def number_or_none(value: object) -> float | None:
    """Return a number, which the harness writes as text at times. Return None for NaN and anything else."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return None if number is None or number != number else number


def split_metric(key: str) -> tuple[str, str] | None:
    """Split `exact_match,strict` into a metric and its filter. Return None for standard errors and other keys."""
    metric, comma, filtered = key.partition(",")
    return (metric, filtered) if comma and not metric.endswith("_stderr") else None
