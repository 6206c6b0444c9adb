"""Read one number as people write it in a language: digits of any script, separators, CJK numerals, fractions.

If a form is ambiguous, the language decides: `1,234` is 1234 in English and 1.234 in German. German uses the point
between thousands. There, a single point separates thousands only if three digits follow it and one to three precede
it, the first of them not 0: `1.234` is 1234, but `0.650` and `12.5` are decimals. Two kinds of separators, or a
repeated one, are never ambiguous.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable
from fractions import Fraction

from fusion_eval.answers.cjk_numerals import FIRST_CHARACTER, with_ascii_numerals
from fusion_eval.answers.decimals import DECIMAL_PATTERN, DECIMAL_SIGNS, parse_decimal
from fusion_eval.answers.number_words import CHANGES_VALUE, CHANGES_VALUE_AFTER, CHANGES_VALUE_BEFORE, SCALES

MAX_CHARACTERS = 300
"""A longer text is not one number."""

# Short letter sequences that can follow a number without being a variable.
_UNITS = {
    "m", "s", "g", "h", "l", "L", "C", "F", "km", "cm", "mm", "kg", "mg", "ml", "cl", "dl", "hr", "min",
    "am", "pm", "lb", "in", "ft", "oz", "yd", "mi",
}  # fmt: skip
_ORDINALS = {"th", "st", "nd", "rd"}
_FRENCH_ORDINALS = {"e", "er", "re", "de", "nd"}
_LETTER_SCALES = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9}
_MONEY = re.compile(r"([$€£¥₹] ?\d[\d.,]*) ?(?:(m)|bn?)(?![^\W\d])")
"""An amount of money with a letter for millions or billions, which is a unit behind other numbers."""
_PAIR = re.compile(r"[^\w(（]*[(（]\s*[-+]?\d+\s*,\s*[-+]?\d+\s*[)）]\W*")
_LIST_OF_REFERENCE = re.compile(r"[(\[]\s*[-+]?[\d.]+,|,(?!\d{3}(?!\d))")
"""Commas that are not between thousands, by the conventions of English."""
_TENTHS = re.compile(r"(?<![\d.])(\d{1,2}) ?[割成할](?:(\d) ?[分푼])?(?:(\d)[厘리])?(?![\w])")

_VULGAR = re.compile("[¼-¾⅐-⅞↉]")
_RAISED = re.compile("[⁰¹²³⁴-⁹⁺⁻]+")
_PLAIN_CHARACTERS = str.maketrans({
    **dict.fromkeys("−‐‑‒–﹣－", "-"), **dict.fromkeys("’‘′＇", "'"),
    "！": "。", "№": " ", "º": "°", "ª": "°", "∕": "/", "⁄": "/", "⟋": "/", "٪": "%", "،": ",", "↉": "0/3",
})  # fmt: skip
_LATEX: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r"\{\s*([.,])\s*\}"), r"\1"),
    (re.compile(r"\\[$%#&_]"), lambda match: match[0][1:]),
    (re.compile(r"\\!|\\(?:left|right|displaystyle)(?![A-Za-z])|\*\*|__|`"), ""),
    (re.compile(r"\\[,;:> ()\[\]]|~|\$|\\quad(?![A-Za-z])"), " "),
    (re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\^\s*\{?\s*\\(?:circ|degree)\s*\}?"), "°"),
    (re.compile(r"\\(?:times|cdot)(?![A-Za-z])"), "×"),
    (re.compile(r"\\approx(?![A-Za-z])"), "≈"),
    (
        re.compile(r"\\[dtc]?frac\s*(?:\{\s*(-?[\d.,]+)\s*\}|(\d))\s*(?:\{\s*([\d.,]+)\s*\}|(\d))"),
        lambda match: f" {match[1] or match[2]}/{match[3] or match[4]} ",
    ),
]
_MINUS_WORD = re.compile(
    r"(?:^|(?<=\s))(?<!au )(?<!al )(?<!lo )(?:minus|negative|moins|menos|meno|минус|سالب|ناقص|ऋण|hasi)\s+(?=\d)|(?:マイナス|마이너스|负|負|零下|영하)\s*(?=\d|"
    + FIRST_CHARACTER + ")",
    re.IGNORECASE,
)  # fmt: skip
_POWER = r"(?:[eE]|\s*[×x*·⋅]\s*10\s*\^)\s*\{?\s*\(?(?P<power>[-+]?\d{1,3})\)?\s*\}?(?!\d)"
_FRACTION = rf"\(?(?P<top>{DECIMAL_PATTERN})\)?\s*/\s*\(?(?P<bottom>{DECIMAL_PATTERN})\)?"
_NUMBER = re.compile(
    rf"(?P<before>[^\d]*?)(?P<value>(?:(?P<whole>\d+)\s+(?P<part>\d+)\s*/\s*(?P<of>\d+)"
    rf"|10\s*\^\s*\{{?(?P<ten>-?\d{{1,3}})\}}?(?!\d)|{_FRACTION}|(?P<decimal>{DECIMAL_PATTERN})(?:{_POWER})?))(?P<after>\D*)"
)
_RAISED_UNIT = re.compile(r"(?<=[^\W\d]) ?\^ ?\{?-?\d\}?")
_PER = re.compile(r"/\s*(?=[^\W\d]{2})|(?<=[^\W\d])/(?=[^\W\d])")
_MATHS = re.compile(r"[\\^_={}*/<>≤≥≠√∛∜π∞+\[\]|±∪∩×·]")
_SIGN = re.compile(
    r"(?:^|[^\w\s)])\s*-\s*[^\w\s]{0,2}\s*$|(?<!\w)-[^\w\s]{0,2}$|^-\s*[A-Z]{0,3}\s*[^\w\s]?\s*$"
)
_WORD = re.compile(r"[^\W\d]+(?:[\u0300-\u036f\u0900-\u0903\u093a-\u094f]+[^\W\d]*)*")
_ALL_SCALES = "|".join(sorted({word for words in SCALES.values() for word in words}, key=len, reverse=True))
_THAI = "|".join(SCALES["th"])
_SCALE_WORD = re.compile(
    rf"[\s-]*({_THAI}|(?:{_ALL_SCALES})(?![^\W\d]|[\u0300-\u036f\u0900-\u094f]))\.?", re.IGNORECASE
)
_SCALE_BEFORE = re.compile(rf"(?<![^\W\d])({_ALL_SCALES})\s*$", re.IGNORECASE)
_CODE = re.compile(r"(?:^|[^A-Za-z])(?:[A-Z]{3}|Rs|RM)$")


def read_number(text: str, language: str) -> Fraction | None:
    r"""Return the value of the only number in a text, or None if the text does not hold exactly one plain number.

    Words, currencies, units and punctuation around the number are ignored. A percent sign is ignored as well: `25 %`
    is 25. Scale words of the language count (`1,5 Mio.`, `3 тыс.`), and so do CJK numerals in any language. None is
    returned for two numbers (`3–5`, `12.05.2024`), for a variable or a root (`3x`, `\sqrt{2}`), and for a text of
    more than 300 characters.

    Args:
        text: The text.
        language: ISO code of the language whose conventions apply.

    Raises:
        ValueError: The conventions of the language are unknown.
    """
    if language not in DECIMAL_SIGNS:
        raise ValueError(f"numbers cannot be read in '{language}'; there are {', '.join(DECIMAL_SIGNS)}")
    return _read(text, language) if len(text) <= MAX_CHARACTERS else None


def read_bare_number(text: str) -> Fraction | None:
    """Return the value of a number without any words, as data sets write references; else None.

    The number is read by the conventions of English.
    """
    if len(text) > MAX_CHARACTERS or _WORD.search(_normalized(text)):
        return None
    return None if _LIST_OF_REFERENCE.search(_normalized(text)) else _read(text, "en")


def plain_characters(text: str) -> str:
    """Return the text with ASCII digits, minus signs and fractions, in half width, without invisible marks."""
    if text.isascii():
        return text
    text = re.sub("[㎜-㎥]", lambda match: " " + unicodedata.normalize("NFKC", match[0]).rstrip("23"), text)
    text = _VULGAR.sub(lambda match: f" {unicodedata.normalize('NFKC', match[0])} ", text)
    text = _RAISED.sub(lambda match: f"^{{{unicodedata.normalize('NFKC', match[0])}}}", text)
    text = unicodedata.normalize("NFKC", text.translate(_PLAIN_CHARACTERS)).translate(_PLAIN_CHARACTERS)
    return "".join(_ascii_digit(char) for char in text if unicodedata.category(char) != "Cf")


def _ascii_digit(char: str) -> str:
    value = None if char.isascii() else unicodedata.decimal(char, None)
    return char if value is None else str(value)


@functools.lru_cache(maxsize=4096)
def _normalized(text: str) -> str:
    """Normalize the text as far as no language matters. The cache serves both readings of an answer."""
    if text.isascii() and text.isdigit():
        return text
    text = re.sub(r"(?<![A-Za-z])(?:R|US)\\?\$", "$", plain_characters(text))
    text = _MONEY.sub(lambda match: f"{match[1]}{'M' if match[2] else 'B'}", text)
    text = " ".join(_without_latex(text).split())
    text = re.sub(r"(?<=\d)( ?(?:[kcmd]?m|ft|in|yd))[23](?![\w.,])", r"\1", text)
    text = re.sub(r"(?<![\w_])\d{1,3}(?:_\d{3})+(?![\w_])", lambda match: match[0].replace("_", ""), text)
    text = re.sub(r"(?:^|(?<=\s))—(?=\d)", "-", text)
    return _PER.sub(" ", _MINUS_WORD.sub("-", text))


def _without_latex(text: str) -> str:
    if not re.search(r"[\\{}$~*_`^]", text):
        return text
    for pattern, replacement in _LATEX:
        text = pattern.sub(replacement, text)
    return text


@functools.lru_cache(maxsize=4096)
def _read(text: str, language: str) -> Fraction | None:
    text = _normalized(text)
    if text.isdigit():
        return Fraction(int(text))
    if CHANGES_VALUE.search(text):
        return None
    if _PAIR.fullmatch(text):
        return None
    text = _TENTHS.sub(_tenths_to_percent, _RAISED_UNIT.sub("", with_ascii_numerals(text, language)))
    match = _NUMBER.fullmatch(text.lstrip("=≈ "))
    if match is None:
        return None
    before, after = match["before"], match["after"]
    scale, after = _scale(before, after, language)
    if scale is None or not _is_alone(before, after, language):
        return None
    size = _size(match, language)
    if size is None:
        return None
    value: Fraction = scale * (-size if _SIGN.search(before) else size)
    return value


def _tenths_to_percent(match: re.Match[str]) -> str:
    """Return tenths, hundredths and thousandths as percent: 3割5分 is 35 %."""
    tenths, hundredths, thousandths = (int(part or 0) for part in match.groups())
    percent = 10 * tenths + hundredths
    return f"{percent}.{thousandths} %" if thousandths else f"{percent} %"


def _scale(before: str, after: str, language: str) -> tuple[int | None, str]:
    """Return the factor of the scale words next to a number, and the text after these words.

    The factor is None if the words belong to another language: `3 Billionen` is not 3 in English.
    """
    if (letter := re.match(r"[kKMB](?![^\W\d])", after)) is not None:
        return _LETTER_SCALES[letter[0]], after[1:]
    scale = 1
    while (word := _SCALE_WORD.match(after)) is not None:
        if (factor := SCALES.get(language, {}).get(word[1].lower())) is None:
            return (None if scale == 1 else scale), after
        scale, after = scale * factor, after[word.end() :]
    if (word := _SCALE_BEFORE.search(before)) is not None:
        if language != "sw" or scale > 1 or (factor := SCALES["sw"].get(word[1].lower())) is None:
            return None, after
        scale = factor
    return scale, after


def _is_alone(before: str, after: str, language: str) -> bool:
    """Return whether nothing around the number makes it part of a larger expression."""
    if (
        _MATHS.search(re.sub(r"[-+]\s*$", "", before))
        or _MATHS.search(after)
        or after.lstrip().startswith("!")
    ):
        return False
    if CHANGES_VALUE_BEFORE.search(before) or CHANGES_VALUE_AFTER.search(after):
        return False
    words = _WORD.findall(after)
    if words and words[0].isascii():
        attached = after.startswith(words[0])
        if (len(words) == 1 and len(words[0]) == 1) or (attached and len(words[0]) < 3):
            ordinal = language == "fr" and attached and words[0] in _FRENCH_ORDINALS
            return ordinal or words[0] in _UNITS | _ORDINALS
    # A letter or a call right before the number makes it part of an expression: x2, f(3.
    return not re.search(r"[A-Za-zα-ω]\(?$", before) or bool(_CODE.search(before))


def _size(match: re.Match[str], language: str) -> Fraction | None:
    """Return the absolute value of the number that `_NUMBER` matched, or None if it is not valid."""
    if match["ten"]:
        return _ten_to(match["ten"])
    if match["whole"]:
        whole, part, of = int(match["whole"]), int(match["part"]), int(match["of"])
        if part < of:
            return whole + Fraction(part, of)
        thousands = parse_decimal(f"{whole} {part}", language)
        return None if thousands is None or of == 0 else thousands / of
    if match["top"]:
        top, bottom = parse_decimal(match["top"], language), parse_decimal(match["bottom"], language)
        return top / bottom if top is not None and bottom else None
    value: Fraction | None = parse_decimal(match["decimal"], language)
    return value * _ten_to(match["power"]) if value is not None and match["power"] else value


def _ten_to(power: str) -> Fraction:
    exponent = int(power)
    return Fraction(10**exponent) if exponent >= 0 else Fraction(1, 10**-exponent)
