"""Compare numbers that are written in a named base, such as `52_8`."""

from __future__ import annotations

import re

from fusion_eval.answers.read_numbers import plain_characters, read_bare_number

_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_NAMES = {
    "two": "2",
    "binary": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "twelve": "12",
    "sixteen": "16",
}
_BASE = re.compile(
    r"(?:[A-Za-z]\s*=\s*)?\(?(?P<digits>(?=[A-Za-z]*\d)[\dA-Fa-f]+)\)?\s*"
    r"(?:_\s*\{?\s*\(?(?P<base>[a-z]+|\d{1,2})\)?\s*\}?|[,(]?\s*(?:in |en |auf |zur )?(?:base|Basis|басе|основание) (?P<named>[a-z]+|\d{1,2})\)?|\(?(?P<cjk>\d{1,2})\s?(?:进制|進制|進法|進数|진법)\)?)"
)


def is_same_in_base(answer: str, reference: str) -> bool | None:
    """Return whether the answer is the reference in the same base, or None if neither names a base.

    The base 10 needs no name. An answer to `52_8` may leave the base out, because the question names it.
    """
    digits, base = _split(answer)
    expected, expected_base = _split(reference)
    if expected_base:
        return (digits or _bare_digits(answer)) == expected and base in (expected_base, "")
    return False if base and read_bare_number(reference) is not None else None


def _split(text: str) -> tuple[str, str]:
    """Return the digits and the base of a number, or nothing if it names none but 10."""
    text = re.sub(r"[₀-₉]+", lambda match: "_" + match[0].translate(_LOWERED), text)
    text = re.sub(r"\\(?:text|mathrm)\s*\{([^{}]*)\}", r"\1", plain_characters(text))
    match = _BASE.fullmatch(re.sub(r"\$|\\[()\[\],]|\\(?:left|right)", "", text).strip(" ."))
    if match is None:
        return "", ""
    base = match["base"] or match["named"] or match["cjk"]
    base = _NAMES.get(base, base)
    digits = match["digits"].upper().lstrip("0") or "0"
    if not base.isdigit() or base == "10" or (not digits.isdigit() and int(base) <= 10):
        return "", ""
    return digits, base


def _bare_digits(text: str) -> str:
    return re.sub(r"\$|\s|^\w=", "", text).strip(".").upper().lstrip("0")
