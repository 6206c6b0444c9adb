"""Find the language in which a task expects its answers."""

from __future__ import annotations

import functools
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
_THREE_LETTERS = {
    **{
        "eng": "en",
        "fra": "fr",
        "fre": "fr",
        "deu": "de",
        "ger": "de",
        "spa": "es",
        "rus": "ru",
        "ita": "it",
    },
    **{
        "por": "pt",
        "jpn": "ja",
        "kor": "ko",
        "zho": "zh",
        "chi": "zh",
        "cmn": "zh",
        "ara": "ar",
        "arb": "ar",
    },
}
"""ISO 639-2 and 639-3 codes of the same languages."""
_FIELDS = ("target_language", "language", "lang")
_TRANSLATION_TASK = re.compile(
    r"wmt|flores|iwslt|ntrex|tatoeba|mafand|phrases|translation|translate(?!d)"
    r"|opus_?(?:100|books)|europarl|covost|multi30k|tico_?19"
)
_CODE = r"[A-Za-z]{2,3}(?:[_-](?:[A-Z]{2}|[A-Z][a-z]{3}|latn|cyrl|arab|hans|hant|jpan|hang))?"
"""Two or three letters, with or without a region or a script: `pt`, `pt_BR`, `por`, `por_Latn`."""
_PAIR = re.compile(rf"(?<![^\W_])(?=({_CODE})([-_.]to[-_.]|2|[-_.])({_CODE})(?![^\W_]))")
"""Source and target: `en-fr`, `eng_Latn-fra_Latn`, `en_to_fr`. It is a lookahead, because pairs can overlap."""
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
    target = translation_target(task)
    for name in _FIELDS:
        if target and name != "target_language":
            break  # the language that a translation task's document names may be its source's
        if name not in fields:
            continue
        value = str(fields[name]).strip().lower()
        if re.fullmatch(r"[a-z]{2}(?:[-_][a-z0-9]+)*|[a-z]{3}[-_][a-z]{4}", value) or value in _THREE_LETTERS:
            return _known(value)
        if value in _CODES:
            return _CODES[value]
    return _known(target) if target else _language_in(task.lower())


@functools.lru_cache(maxsize=1024)
def translation_target(task: str) -> str | None:
    """Return the code of the target language as the name of a translation task has it: `fra_Latn`, `pt_BR`, `ro`.

    None is returned for other tasks, and for names without a source and a target.
    """
    if not _TRANSLATION_TASK.search(task.lower()):
        return None
    for pair in _PAIR.finditer(task):
        source, between, target = pair[1][:3].lower().rstrip("-_"), pair[2], pair[3][:3].lower().rstrip("-_")
        known = source in _THREE_LETTERS or target in _THREE_LETTERS
        if len(source) == len(target):
            if len(source) == 2 or known:
                return pair[3]
        # An unknown word of three letters is a code only in `en-amh`, not in `new_en`.
        elif known or (between == "-" and (source in NAMES or target in NAMES)):
            return pair[3]
    return None


def _known(code: str) -> str | None:
    """Return the ISO 639-1 code if the language is one of the 11."""
    code = re.split(r"[-_]", code.lower())[0]
    code = _THREE_LETTERS.get(code, code)
    return code if code in NAMES else None


@functools.lru_cache(maxsize=1024)
def _language_in(name: str) -> str | None:
    """Return the code that a task's name contains between separators: `mgsm_direct_fr`, `mmlu_prox_de_law`.

    Names with two codes are ambiguous: `mgsm_en_cot_fr` reasons in English about French. So are those of translation
    tasks with one code. `it` counts only at the end, because it is a word.
    """
    if _TRANSLATION_TASK.search(name) or _MISLEADING_NAME.search(name):
        return None
    parts = re.split(r"[_\-.]", name)
    codes = {part for part in parts[:-1] if part in NAMES and part != "it"} | ({parts[-1]} & NAMES.keys())
    return codes.pop() if len(codes) == 1 else None
