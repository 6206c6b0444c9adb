"""One number, as it is written in a language: digits of any script, its separators, CJK numerals, fractions.

Where a form has more than one reading, the language decides: `1,234` is 1234 in English and 1.234 in German. A lone
separator that the language uses between thousands is a decimal sign unless three digits stand behind it and one to
three before it, not beginning with 0 (`0.650` and `12.5` are decimals in German, `1.234` is not). Two kinds of
separators, or one that is repeated, are not ambiguous in any language.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable
from fractions import Fraction

from fusion_eval.answers import cjk_numerals as _numerals
from fusion_eval.answers import decimals as _decimals
from fusion_eval.answers import number_words as _words

DECIMAL_SIGNS = _decimals.DECIMAL_SIGNS
_DECIMAL = _decimals.PATTERN
_BEGINS_A_NUMERAL = _numerals.FIRST

LONGEST = 300
"""Characters; a longer text is not one number."""

# Letters: what may be glued to a number, or be its only word, without being a variable.
_UNITS = {
    "m", "s", "g", "h", "l", "L", "C", "F", "km", "cm", "mm", "kg", "mg", "ml", "cl", "dl", "hr", "min",
    "am", "pm", "lb", "in", "ft", "oz", "yd", "mi",
}  # fmt: skip
_ORDINALS = {"th", "st", "nd", "rd"}
_GLUED_IN_FRENCH = {"e", "er", "re", "de", "nd"}
_GREAT = {"K": 10**3, "M": 10**6}

_VULGAR = re.compile("[¼-¾⅐-⅞↉]")
_RAISED = re.compile("[⁰¹²³⁴-⁹⁺⁻]+")
_PLAIN = str.maketrans({
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
    + _BEGINS_A_NUMERAL + ")",
    re.IGNORECASE,
)  # fmt: skip
_POWER = r"(?:[eE]|\s*[×x*·⋅]\s*10\s*\^)\s*\{?\s*\(?(?P<power>[-+]?\d{1,3})\)?\s*\}?(?!\d)"
_FRACTION = rf"\(?(?P<top>{_DECIMAL})\)?\s*/\s*\(?(?P<bottom>{_DECIMAL})\)?"
_NUMBER = re.compile(
    rf"(?P<before>[^\d]*?)(?P<value>(?:(?P<whole>\d+)\s+(?P<part>\d+)\s*/\s*(?P<of>\d+)"
    rf"|10\s*\^\s*\{{?(?P<ten>-?\d{{1,3}})\}}?(?!\d)|{_FRACTION}|(?P<decimal>{_DECIMAL})(?:{_POWER})?))(?P<after>\D*)"
)
_RAISED_UNIT = re.compile(r"(?<=[^\W\d]) ?\^ ?\{?-?\d\}?")
_PER = re.compile(r"/\s*(?=[^\W\d]{2})|(?<=[^\W\d])/(?=[^\W\d])")
_MATHS = re.compile(r"[\\^_={}*/<>≤≥≠√∛∜π∞+\[\]|±∪∩×·]")
_SIGN = re.compile(
    r"(?:^|[^\w\s)])\s*-\s*[^\w\s]{0,2}\s*$|(?<!\w)-[^\w\s]{0,2}$|^-\s*[A-Z]{0,3}\s*[^\w\s]?\s*$"
)
_WORD = re.compile(r"[^\W\d]+(?:[\u0300-\u036f\u0900-\u0903\u093a-\u094f]+[^\W\d]*)*")
_ALL_SCALES = "|".join(
    sorted({word for words in _words.SCALES.values() for word in words}, key=len, reverse=True)
)
_THAI = "|".join(_words.SCALES["th"])
_SCALE_WORD = re.compile(
    rf"[\s-]*({_THAI}|(?:{_ALL_SCALES})(?![^\W\d]|[\u0300-\u036f\u0900-\u094f]))\.?", re.IGNORECASE
)
_SCALE_BEFORE = re.compile(rf"(?<![^\W\d])({_ALL_SCALES})\s*$", re.IGNORECASE)
_CODE = re.compile(r"(?:^|[^A-Za-z])(?:[A-Z]{3}|Rs|RM)$")


def read_number(text: str, language: str) -> Fraction | None:
    """The value of the one number in `text`, by the conventions of `language` (an ISO code); else None.

    Words, currencies and punctuation around it are left out, and so is a percent sign, as a unit: `25 %` is 25.
    Scale words of the language count (`1,5 Mio.`, `3 тыс.`), CJK numerals in any language. A text with two numbers
    (`3–5`, `12.05.2024`), with a variable or a root (`3x`, `\\sqrt{2}`) or over 300 characters is None. Raises
    ValueError for a language without conventions.
    """
    if language not in DECIMAL_SIGNS:
        raise ValueError(f"numbers cannot be read in '{language}'; there are {', '.join(DECIMAL_SIGNS)}")
    return _read(text, language) if len(text) <= LONGEST else None


def read_bare_number(text: str) -> Fraction | None:
    """As `read_number` reads English, but with no word beside the number: how data sets write a reference."""
    bare = len(text) <= LONGEST and not _WORD.search(_plain(text))
    return _read(text, "en") if bare else None


def simplify(text: str) -> str:
    """`text` with ASCII digits, minus signs and fractions, half-width, without marks of direction and width."""
    if text.isascii():
        return text
    text = re.sub("[㎜-㎥]", lambda match: " " + unicodedata.normalize("NFKC", match[0]).rstrip("23"), text)
    text = _VULGAR.sub(lambda match: f" {unicodedata.normalize('NFKC', match[0])} ", text)
    text = _RAISED.sub(lambda match: f"^{{{unicodedata.normalize('NFKC', match[0])}}}", text)
    text = unicodedata.normalize("NFKC", text.translate(_PLAIN)).translate(_PLAIN)
    return "".join(_ascii(char) for char in text if unicodedata.category(char) != "Cf")


def _ascii(char: str) -> str:
    value = None if char.isascii() else unicodedata.decimal(char, None)
    return char if value is None else str(value)


@functools.lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    """What does not depend on the language, so that it is done once for two readings."""
    if text.isascii() and text.isdigit():
        return text
    text = re.sub(r"(?<![A-Za-z])(?:R|US)\\?\$", "$", simplify(text))
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
    text = _plain(text)
    if text.isdigit():
        return Fraction(int(text))
    if _words.CHANGED.search(text):
        return None
    text = _RAISED_UNIT.sub("", _numerals.with_ascii_numerals(text, language))
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


def _scale(before: str, after: str, language: str) -> tuple[int | None, str]:
    """What the scale words beside a number multiply it by, and what stands behind these.

    None where they are another language's, as `3 Billionen` is not 3 in English.
    """
    if (great := re.match(r"[KM](?![^\W\d])", after)) is not None:
        return _GREAT[great[0]], after[1:]
    scale = 1
    while (word := _SCALE_WORD.match(after)) is not None:
        if (factor := _words.SCALES.get(language, {}).get(word[1].lower())) is None:
            return (None if scale == 1 else scale), after
        scale, after = scale * factor, after[word.end() :]
    if (word := _SCALE_BEFORE.search(before)) is not None:
        if language != "sw" or scale > 1 or (factor := _words.SCALES["sw"].get(word[1].lower())) is None:
            return None, after
        scale = factor
    return scale, after


def _is_alone(before: str, after: str, language: str) -> bool:
    """Whether nothing around the number makes it a part of a greater expression."""
    if (
        _MATHS.search(re.sub(r"[-+]\s*$", "", before))
        or _MATHS.search(after)
        or after.lstrip().startswith("!")
    ):
        return False
    if _words.CHANGED_BEFORE.search(before) or _words.CHANGED_BEHIND.search(after):
        return False
    words = _WORD.findall(after)
    if words and words[0].isascii():
        glued = after.startswith(words[0])
        if (len(words) == 1 and len(words[0]) == 1) or (glued and len(words[0]) < 3):
            ordinal = language == "fr" and glued and words[0] in _GLUED_IN_FRENCH
            return ordinal or words[0] in _UNITS | _ORDINALS
    # A letter or a call right before it: x2, f(3
    return not re.search(r"[A-Za-zα-ω]\(?$", before) or bool(_CODE.search(before))


def _size(match: re.Match[str], language: str) -> Fraction | None:
    if match["ten"]:
        return _ten_to(match["ten"])
    if match["whole"]:
        whole, part, of = int(match["whole"]), int(match["part"]), int(match["of"])
        if part < of:
            return whole + Fraction(part, of)
        thousands = _decimals.decimal(f"{whole} {part}", language)
        return None if thousands is None or of == 0 else thousands / of
    if match["top"]:
        top, bottom = _decimals.decimal(match["top"], language), _decimals.decimal(match["bottom"], language)
        return top / bottom if top is not None and bottom else None
    value: Fraction | None = _decimals.decimal(match["decimal"], language)
    return value * _ten_to(match["power"]) if value is not None and match["power"] else value


def _ten_to(power: str) -> Fraction:
    exponent = int(power)
    return Fraction(10**exponent) if exponent >= 0 else Fraction(1, 10**-exponent)
