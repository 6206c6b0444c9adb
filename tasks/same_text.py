"""Whether two names are the same, in whatever spelling that carries no meaning."""

from __future__ import annotations

import importlib.util
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType


def _beside(name: str) -> ModuleType:
    """The module of a file beside this one: one in a process, however often the harness loads that file by its path."""
    path = Path(__file__).resolve().with_name(f"{name}.py")
    if (loaded := sys.modules.get(str(path))) is None:
        spec = importlib.util.spec_from_file_location(str(path), path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not there; copy the whole tasks folder")
        loaded = sys.modules[str(path)] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
    return loaded


_equivalence = _beside("equivalence")

_ARTICLES = {
    "en": r"(?:the|an|a)\s+",
    "fr": r"(?:les|le|la|une|un|des|du)\s+|l'\s?",
    "de": r"(?:der|die|das|den|dem|des|eine|ein)\s+",
    "es": r"(?:el|la|los|las|una|un)\s+",
    "it": r"(?:il|lo|la|gli|le|i|uno|una|un)\s+|(?:l|un)'\s?",
    "pt": r"(?:os|as|o|a|uma|um)\s+",
    "ar": "ال",
}
_LETTERS = str.maketrans({
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ё": "е",
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ـ": None,
})  # fmt: skip
_WITHOUT_SPACES = ("ja", "zh", "ko", "th")


def same_text(answer: str | None, references: Sequence[str], language: str) -> bool:
    """Whether an answer is one of the references, by `normal_text`, with or without what it adds in parentheses.

    A reference that is a number (a year) is compared by value.
    """
    if answer is None:
        return False
    bracketless = re.sub(r"[(（\[【][^()（）\[\]【】]*[)）\]】]", " ", answer)
    forms = {normal_text(answer, language), normal_text(bracketless, language)} - {""}
    if forms & {normal_text(reference, language) for reference in references}:
        return True
    values = {_equivalence.bare_number(reference) for reference in references} - {None}
    return bool(values) and not values.isdisjoint(_equivalence.readings(answer, language))


def normal_text(text: str, language: str) -> str:
    """A name without differences of spelling that carry no meaning.

    NFKC, no case, no punctuation, no article before it. Diacritics of Latin and Greek letters are left out (São Paulo
    is Sao Paulo), as are ё, Arabic vowel marks and the seats of hamza; those that make another letter are kept: й, the
    Japanese ゛ and ゜, Indic vowels. Blanks are left out in Japanese, Chinese, Korean and Thai.
    """
    text = "".join(map(_without_accent, unicodedata.normalize("NFKC", text).casefold())).translate(_LETTERS)
    text = re.sub(r"[’‘ʼ`´]", "'", text).strip(" \"'«»“”„*_.")
    if articles := _ARTICLES.get(language):
        text = re.sub(rf"^(?:{articles})(?=\w\w)", "", text)
    kept = (char if _is_of_a_word(char) else " " for char in text)
    return ("" if language in _WITHOUT_SPACES else " ").join("".join(kept).split())


def _without_accent(char: str) -> str:
    base = unicodedata.normalize("NFD", char)[0]
    name = unicodedata.name(base, "")
    if name.startswith(("LATIN", "GREEK")):
        return base
    arabic_mark = unicodedata.category(char) == "Mn" and unicodedata.name(char, "").startswith("ARABIC")
    latin_mark = "\u0300" <= char <= "\u036f"
    return "" if arabic_mark or latin_mark or unicodedata.category(char) == "Cf" else char


def _is_of_a_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M" or char in "ー+#"
