"""The formats of `fusion-eval export`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from fusion_eval.exports.subject import ExportedFiles, Subject

FORMATS: Mapping[str, str] = {
    "every-eval-ever": "every_eval_ever.files:write_every_eval_ever",
    "hf": "hub:write_hub",
    "table": "table.score_tables:write_tables",
    "card": "card.page:write_card",
    "bundle": "bundle.files:write_bundle",
}
"""The module and the function that writes each format. They are imported when they are used, for a fast command line."""

SITE = "site"
"""The format that is written from several comparisons, not from one subject."""


def writer_of(format: str) -> Callable[[Subject, Path], ExportedFiles]:
    """Return the function that writes a format to a folder."""
    writer = pkgutil.resolve_name(f"fusion_eval.exports.{FORMATS[format]}")
    return cast("Callable[[Subject, Path], ExportedFiles]", writer)
