"""Words that join the members of a list, in all languages: and, or."""

from __future__ import annotations

AND = {
    "en": "and", "fr": "et", "de": "und|sowie", "es": "y|e", "ru": "и", "it": "e|ed", "pt": "e", "ja": "および|及び|と|かつ|そして|、", "ko": "그리고|및|와|과",
    "zh": "和|与|以及|及|且|、", "ar": "و", "hi": "और|तथा|एवं|व", "sw": "na|pia", "th": "และ|กับ",
}  # fmt: skip
OR = {
    "en": "or", "fr": "ou", "de": "oder|bzw\\.", "es": "o|u", "ru": "или|либо", "it": "o|oppure", "pt": "ou", "ja": "または|又は|もしくは|あるいは", "ko": "또는|혹은|이거나",
    "zh": "或者|或", "ar": "أو|او", "hi": "या|अथवा", "sw": "au|ama", "th": "หรือ",
}  # fmt: skip
"""Patterns of the words by language (ISO code)."""


def conjunctions(table: dict[str, str], language: str | None = None) -> str:
    """Return a pattern of the words of a table. Words of one letter count only in their own language.

    Args:
        table: `AND` or `OR`.
        language: ISO code of the language; None for all languages.
    """
    spaced, unspaced = [], []
    for code, words in table.items():
        for word in words.split("|"):
            if code in ("ja", "ko", "zh", "th"):
                if len(word) > 1 or word in "或、" or language in (code, None):
                    unspaced.append(word)
            elif language in (code, None) or len(word) > 1 or code in ("ru", "ar"):
                spaced.append(word)
    return rf"(?:(?<![^\W\d])(?:{'|'.join(dict.fromkeys(spaced))})(?![^\W\d])|{'|'.join(dict.fromkeys(unspaced))})"


CONJUNCTION = f"(?:{conjunctions(AND)}|{conjunctions(OR)})"
"""Pattern of any of the words in any language."""
