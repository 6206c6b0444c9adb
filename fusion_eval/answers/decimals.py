"""Parse digits with separators by the conventions of a language."""

from __future__ import annotations

import re
from fractions import Fraction

DECIMAL_SIGNS = {
    "en": ".", "ja": ".", "ko": ".", "zh": ".", "ar": ".", "hi": ".", "sw": ".", "th": ".",
    "fr": ",", "de": ",", "es": ",", "it": ",", "pt": ",",
    "ru": ",.",  # Russian never puts a point between thousands
}  # fmt: skip
"""The decimal signs of each language, by ISO code."""

DECIMAL_PATTERN = r"(?:\d+(?:(?:[.,'٫٬]| (?=\d{3}(?!\d)))\d+)*|(?<![\d.,'٫٬])[.,٫]\d+)"
"""Pattern of digits with separators. A space between digits counts only as a separator of thousands."""


def parse_decimal(digits: str, language: str) -> Fraction | None:
    """Return the value of digits with separators, or None if the separators are in no valid order (`1.23.4`)."""
    if digits.isdigit():
        return Fraction(int(digits))
    whole, decimals = _split(digits, language)
    separators = set(re.sub(r"\d", "", whole))
    groups = re.split(r"\D", whole)
    if len(separators) > 1 or (separators and not _are_thousands(groups, language)):
        return None
    return Fraction(int("".join(groups) + decimals or "0"), 10 ** len(decimals))


def _split(digits: str, language: str) -> tuple[str, str]:
    """Return the digits before and after the decimal sign."""
    if "٫" in digits:
        whole, _, decimals = digits.rpartition("٫")
        return whole, decimals
    sign = max((".", ","), key=digits.rfind)
    whole, _, decimals = digits.rpartition(sign)
    if sign not in digits or sign in whole:
        return digits, ""
    only_separator = whole.isdigit()
    if only_separator and sign not in DECIMAL_SIGNS[language] and _are_thousands([whole, decimals], language):
        return digits, ""
    return whole, decimals


def _are_thousands(groups: list[str], language: str) -> bool:
    first, *middle, last = groups
    if not first or first[0] == "0" or len(last) != 3:
        return False
    indian = language in ("en", "hi") and len(first) <= 2 and all(len(group) == 2 for group in middle)
    return indian or (len(first) <= 3 and all(len(group) == 3 for group in middle))
