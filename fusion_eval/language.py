"""The language that a task asks its answer in, where the task says so."""

from __future__ import annotations

import re
from collections.abc import Mapping

NAMES = {
    "en": "English",
    "fr": "French",
    "de": "German",
    "es": "Spanish",
    "ru": "Russian",
    "it": "Italian",
    "pt": "Portuguese",
    "ja": "Japanese",
    "ko": "Korean",
    "zh": "Chinese",
    "ar": "Arabic",
}
"""The 11 languages of the paper, by ISO 639-1 code."""

_FIELDS = ("target_language", "language", "lang")


def language_of(task: str, doc: Mapping[str, object]) -> str | None:
    """Code of the answer's language: from the document's own field, else from the task's name (`mgsm_cot_fr`).

    None where neither says it; prompts then ask for the language that the task itself asks for.
    """
    for field in _FIELDS:
        code = str(doc.get(field, "")).lower()[:2] if isinstance(doc, Mapping) else ""
        if code in NAMES and len(str(doc[field])) in (2, 5):
            return code
    for part in reversed(re.split(r"[_\-.]", task.lower())):
        if part in NAMES:
            return part
    return None
