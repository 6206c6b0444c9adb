"""The language that a task asks its answer in, where the task says so."""

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
"""The 11 languages of the paper, by ISO 639-1 code."""

_CODES = {name.lower(): code for code, name in NAMES.items()}
_FIELDS = ("target_language", "language", "lang")
_TRANSLATES = re.compile(r"wmt|flores|iwslt|ntrex|tatoeba|mafand|phrases|translation|translate(?!d)")
_MISLEADS = re.compile(r"lsat_ar|mlqa")
"""Analytical reasoning in English; a context's language before its question's."""


def language_of(task: str, doc: object) -> str | None:
    """Code of the answer's language: from the document's own field, else from the task's name.

    None where neither says it for certain, or it is none of the 11: prompts then ask for the language that the task
    itself asks for, which does no harm, while a wrong language does.
    """
    fields: Mapping[str, object] = doc if isinstance(doc, Mapping) else {}
    for said in (str(fields.get(name, "")).strip().lower() for name in _FIELDS):
        code = re.fullmatch(r"([a-z]{2})(?:[-_][a-z0-9]+)?", said)
        if code:
            return code[1] if code[1] in NAMES else None
        if said in _CODES:
            return _CODES[said]
    return _language_in(task.lower())


def _language_in(name: str) -> str | None:
    """From `mgsm_direct_fr`, `mmlu_prox_de_law`, `ja_leaderboard_mgsm`: a code anywhere between separators.

    Two codes are source and target where the task translates (`wmt24pp_en_pt`, `flores_de-ca`, which is Catalan and
    so None), and else tell nothing: `mgsm_en_cot_fr` thinks in English about French. `it` is a word as well, and
    counts at the end alone.
    """
    parts = re.split(r"[_\-.]", name)
    if _TRANSLATES.search(name):
        pairs = [b for a, b in itertools.pairwise(parts) if len(a) == len(b) == 2]
        return pairs[0] if pairs and pairs[0] in NAMES else None
    codes = {part for part in parts[:-1] if part in NAMES and part != "it"} | ({parts[-1]} & NAMES.keys())
    return codes.pop() if len(codes) == 1 and not _MISLEADS.search(name) else None
