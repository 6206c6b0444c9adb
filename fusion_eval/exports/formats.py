"""The formats of `fusion-eval export`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fusion_eval.exports.bundle.files import write_bundle
from fusion_eval.exports.card.page import write_card
from fusion_eval.exports.every_eval_ever.files import write_every_eval_ever
from fusion_eval.exports.hub import write_hub
from fusion_eval.exports.subject import ExportedFiles, Subject
from fusion_eval.exports.table.score_tables import write_tables

FORMATS: Mapping[str, Callable[[Subject, Path], ExportedFiles]] = {
    "every-eval-ever": write_every_eval_ever,
    "hf": write_hub,
    "table": write_tables,
    "card": write_card,
    "bundle": write_bundle,
}
"""The function that writes each format to a folder."""
