"""Find the language in which a task expects its answers."""

from __future__ import annotations

import itertools
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
"""English names of the 11 languages of the paper, by ISO 639-1 code."""

_CODES = {name.lower(): code for code, name in NAMES.items()}
_FIELDS = ("target_language", "language", "lang")
_TRANSLATION_TASK = re.compile(r"wmt|flores|iwslt|ntrex|tatoeba|mafand|phrases|translation|translate(?!d)")
_MISLEADING_NAME = re.compile(r"lsat_ar|mlqa")
"""`lsat_ar` is analytical reasoning in English; `mlqa` names the language of the context first."""


def language_of(task: str, doc: object) -> str | None:
    """Return the ISO code of the expected language: from a field of the document, else from the task's name.

    None is returned if the language is uncertain or not one of the 11. Prompts then ask for the language of the
    request, which is safe; a wrong language would not be.

    Args:
        task: Name of the task.
        doc: The document of the task.
    """
    fields: Mapping[str, object] = doc if isinstance(doc, Mapping) else {}
    for value in (str(fields.get(name, "")).strip().lower() for name in _FIELDS):
        code = re.fullmatch(r"([a-z]{2})(?:[-_][a-z0-9]+)?", value)
        if code:
            return code[1] if code[1] in NAMES else None
        if value in _CODES:
            return _CODES[value]
    return _language_in(task.lower())


def _language_in(name: str) -> str | None:
    """Return the code that a task's name contains between separators: `mgsm_direct_fr`, `mmlu_prox_de_law`.

    In names of translation tasks, two codes are source and target: `wmt24pp_en_pt`. In other names, two codes are
    ambiguous: `mgsm_en_cot_fr` reasons in English about French. `it` counts only at the end, because it is a word.
    """
    parts = re.split(r"[_\-.]", name)
    if _TRANSLATION_TASK.search(name):
        pairs = [b for a, b in itertools.pairwise(parts) if len(a) == len(b) == 2]
        return pairs[0] if pairs and pairs[0] in NAMES else None
    codes = {part for part in parts[:-1] if part in NAMES and part != "it"} | ({parts[-1]} & NAMES.keys())
    return codes.pop() if len(codes) == 1 and not _MISLEADING_NAME.search(name) else None
