"""Whether two names are the same, in whatever spelling that carries no meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from fusion_eval.answers import equivalence as _equivalence
from fusion_eval.answers import number_words as _words

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


_BRACKETED = re.compile(r"[(（\[【][^()（）\[\]【】]*[)）\]】]")


def same_text(answer: str | None, references: Sequence[str], language: str) -> bool:
    """Whether an answer is one of the references, by `normal_text`; what one of the two adds in parentheses is left out.

    A reference that is a number (a year) is compared by value, and `before 1969` or `1969 BC` is not 1969.
    """
    if answer is None:
        return False
    full, bare = _forms(answer, language)
    for reference in references:
        whole, bracketless = _forms(reference, language)
        if (full and full in (whole, bracketless)) or (bare and bare == whole):
            return True
    if _words.OTHER_TIME.search(answer):
        return False
    values = {_equivalence.bare_number(reference) for reference in references} - {None}
    return bool(values) and not values.isdisjoint(_equivalence.readings(answer, language))


def _forms(text: str, language: str) -> tuple[str, str]:
    """With and without what stands in parentheses."""
    return normal_text(text, language), normal_text(_BRACKETED.sub(" ", text), language)


def normal_text(text: str, language: str) -> str:
    """A name without differences of spelling that carry no meaning.

    NFKC, no case, no article before it, no punctuation but signs, points, dashes and slashes of numbers. Initials are
    one word (U.S.A. is USA). Diacritics of Latin and Greek letters are left out (São Paulo
    is Sao Paulo), as are ё, Arabic vowel marks and the seats of hamza; those that make another letter are kept: й, the
    Japanese ゛ and ゜, Indic vowels. Blanks are left out in Japanese, Chinese, Korean and Thai.
    """
    text = "".join(map(_without_accent, unicodedata.normalize("NFKC", text).casefold())).translate(_LETTERS)
    text = re.sub(r"[’‘ʼ`´]", "'", text).strip(" \"'«»“”„*_").rstrip(".")
    if articles := _ARTICLES.get(language):
        text = re.sub(rf"^(?:{articles})(?=\w\w)", "", text)
    text = re.sub("[−‐‑‒–—]", "-", text).replace("⁄", "/").replace("٫", ".").replace("٬", ",")
    text = re.sub(r"(?<=\d)\s*([-/:])\s*(?=\d)", r"\1", text)
    kept = (char if _is_of_a_word(char) or _is_of_a_number(text, at) else " " for at, char in enumerate(text))
    words = " ".join("".join(kept).split())
    if language in _WITHOUT_SPACES:
        return re.sub(r"(?<!\d) | (?!\d)", "", words)  # 1 2 is not 12
    return re.sub(r"(?<![^ ])([^\W\d]) (?=[^\W\d](?: |$))", r"\1", words)


def _without_accent(char: str) -> str:
    base = unicodedata.normalize("NFD", char)[0]
    name = unicodedata.name(base, "")
    if name.startswith(("LATIN", "GREEK")):
        return base
    arabic_mark = unicodedata.category(char) == "Mn" and unicodedata.name(char, "").startswith("ARABIC")
    latin_mark = "\u0300" <= char <= "\u036f"
    return "" if arabic_mark or latin_mark or unicodedata.category(char) == "Cf" else char


def _is_of_a_number(text: str, at: int) -> bool:
    """A separator between digits, or the sign before them."""
    before, behind = text[at - 1 : at], text[at + 1 : at + 2]
    if not behind.isdigit():
        return False
    return text[at] in ".,-/:" if before.isdigit() else text[at] in "-." and not before.isalnum()


def _is_of_a_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M" or char in "ー+#"
