"""Decide whether two names are the same, apart from differences of spelling without meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from fusion_eval.answers.equivalence import possible_values
from fusion_eval.answers.number_words import CHANGES_YEAR
from fusion_eval.answers.read_numbers import read_bare_number

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
    """Return whether an answer is one of the references, both normalized by `normalize_text`.

    Additions in parentheses are ignored if only one of the two has them. A reference that is a number, such as a year,
    is compared by value; `before 1969` and `1969 BC` are not 1969.

    Args:
        answer: The final answer of a reply; None if the reply has none.
        references: The accepted answers.
        language: ISO code of the language of the answer and the references.
    """
    if answer is None:
        return False
    full, shortened = _with_and_without_parentheses(answer, language)
    for reference in references:
        full_reference, shortened_reference = _with_and_without_parentheses(reference, language)
        if full and full in (full_reference, shortened_reference):
            return True
        if shortened and shortened == full_reference:
            return True
    if CHANGES_YEAR.search(answer):
        return False
    values = {read_bare_number(reference) for reference in references} - {None}
    return bool(values) and not values.isdisjoint(possible_values(answer, language))


def _with_and_without_parentheses(text: str, language: str) -> tuple[str, str]:
    return normalize_text(text, language), normalize_text(_BRACKETED.sub(" ", text), language)


def normalize_text(text: str, language: str) -> str:
    """Return a name without differences of spelling that carry no meaning.

    The text is normalized to NFKC and lower case. These are removed:

    - a leading article, and punctuation except in numbers (signs, points, dashes, slashes);
    - points and spaces between initials (U.S.A. becomes USA);
    - diacritics of Latin and Greek letters (São Paulo becomes Sao Paulo), Arabic vowel marks and the seats of hamza;
      ё becomes е. Marks that make another letter stay: й, the Japanese ゛ and ゜, Indic vowels;
    - spaces in Japanese, Chinese, Korean and Thai, except between digits.

    Args:
        text: The name.
        language: ISO code of its language.
    """
    text = "".join(map(_without_accent, unicodedata.normalize("NFKC", text).casefold())).translate(_LETTERS)
    text = re.sub(r"[’‘ʼ`´]", "'", text).strip(" \"'«»“”„*_").rstrip(".")
    if articles := _ARTICLES.get(language):
        text = re.sub(rf"^(?:{articles})(?=\w\w)", "", text)
    text = re.sub("[−‐‑‒–—]", "-", text).replace("⁄", "/").replace("٫", ".").replace("٬", ",")
    text = re.sub(r"(?<=\d)\s*([-/:])\s*(?=\d)", r"\1", text)
    kept = (
        char if _is_part_of_word(char) or _is_part_of_number(text, index) else " "
        for index, char in enumerate(text)
    )
    words = " ".join("".join(kept).split())
    if language in _WITHOUT_SPACES:
        return re.sub(r"(?<!\d) | (?!\d)", "", words)  # but 1 2 is not 12
    return re.sub(r"(?<![^ ])([^\W\d]) (?=[^\W\d](?: |$))", r"\1", words)


def _without_accent(char: str) -> str:
    base = unicodedata.normalize("NFD", char)[0]
    name = unicodedata.name(base, "")
    if name.startswith(("LATIN", "GREEK")):
        return base
    arabic_mark = unicodedata.category(char) == "Mn" and unicodedata.name(char, "").startswith("ARABIC")
    latin_mark = "\u0300" <= char <= "\u036f"
    return "" if arabic_mark or latin_mark or unicodedata.category(char) == "Cf" else char


def _is_part_of_number(text: str, index: int) -> bool:
    """Return whether the character is a separator between digits or a sign before them."""
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    if not after.isdigit():
        return False
    return text[index] in ".,-/:" if before.isdigit() else text[index] in "-." and not before.isalnum()


def _is_part_of_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M" or char in "ー+#"
