"""Rewrite formulas of people and models in the LaTeX that math-verify can parse."""

from __future__ import annotations

import re
import unicodedata

from fusion_eval.answers.decimals import DECIMAL_SIGNS
from fusion_eval.answers.read_numbers import plain_characters

_SYMBOLS = {
    "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "×": r"\times ",
    "·": r"\cdot ", "÷": r"\div ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "±": r"\pm ", "∅": r"\emptyset ",
}  # fmt: skip
_AND = re.compile(
    r"\s(?:and|or|und|oder|et|ou|или|и|و|أو)\s|\s*(?:または|および|또는|或者|或|和|、)\s*|(?<=\d)(?:와|과|と)\s?(?=[\d-])"
)
_AND_IN_LANGUAGE = {"es": r"\s[ye]\s", "it": r"\s(?:e|ed)\s", "pt": r"\se\s"}
_ROOT = re.compile(r"(√|∛|∜|\\sqrt(?![\[{A-Za-z]))\s*(\d+(?:[.,]\d+)?|[A-Za-z]|\(([^()]*)\))")
_ROOTS = {"∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
_MIXED = re.compile(r"(?<![\d.,\w}^])(\d+)\s*\\[dt]?frac\s*\{(\d+)\}\s*\{(\d+)\}")
_PERIODIC = re.compile(r"(?<![\d.])(\d+)\.(\d*)(?:\\overline\s*\{(\d+)\}|\((\d+)\))")
_TEXT = re.compile(r"\\(?:text|mathrm|mbox)\s*\{([^{}]*)\}\s*(?:\^\s*\{?\d\}?)?\s*$")
_NOT_UNITS = {"even", "odd", "prime", "composite", "true", "false", "none", "and", "or", "mod", "not", "all"}
_REVERSED = {">": "<", r"\ge": r"\le", r"\geq": r"\leq"}
_INTERVAL = re.compile(r"^([\[\]])([^\[\]]+,[^\[\]]+)([\[\]])$")


def same_kind(answer: str, reference: str) -> bool:
    """Return False if the answer is another kind of object than the reference, which math-verify may not notice.

    A point is not a set or a list. An equation in several unknowns is not a number. Words at the end must be those of
    the reference, or a unit. A letter right before a digit (`x2`) is ambiguous, so it matches nothing.
    """
    if _brackets(answer) != _brackets(reference) and not re.search(
        r"[<>≤≥∈]|\\(?:[gl]eq?|in)(?![A-Za-z])", reference
    ):
        return False
    if re.search(r"=", reference) and "=" not in answer and not re.match(r"\W*[A-Za-z]\w*\W*=", reference):
        return False
    if re.search(r"(?<![\\A-Za-z{])[A-Za-z]\d", answer):
        return False
    words, expected = _words_at_the_end(answer), _words_at_the_end(reference)
    if expected:
        return not words or words == expected
    return not words or (words.isalpha() and len(words) <= 12 and words not in _NOT_UNITS)


def _brackets(text: str) -> str:
    """Return `(` if the text is a point or an interval, else nothing, as for sets and lists of solutions."""
    text = re.sub(r"\\(?:left|right)|\$|\s|\\boxed", "", text).rstrip(".。")
    several = re.fullmatch(r"([(\[\]])[^()]*[,;][^()]*([)\[\]])", text)
    return "(" if several else ""


def _words_at_the_end(text: str) -> str:
    found = _TEXT.search(text.rstrip(" $.。"))
    return found[1].strip().casefold() if found else ""


def to_latex(text: str, language: str) -> str:
    """Return an answer, written by the conventions of `language` (ISO code), as LaTeX for math-verify."""
    text = _ROOT.sub(_root_to_latex, "".join(map(_without_vulgar_fraction, text)))
    text = plain_characters(text).translate({ord(sign): _SYMBOLS[sign] for sign in _SYMBOLS})
    text = _TEXT.sub("", re.sub(r"\$|\*\*", "", text).rstrip(" .。"))
    text = re.sub(r"(?<![\\A-Za-z])pi(?![A-Za-z])", r"\\pi ", re.sub(r"(?<=\d)٫(?=\d)", ".", text))
    text = _with_decimal_points(text, language)
    text = _AND.sub(
        ", ", re.sub(_AND_IN_LANGUAGE[language], ", ", text) if language in _AND_IN_LANGUAGE else text
    )
    text = _PERIODIC.sub(_periodic_to_fraction, _MIXED.sub(_mixed_to_fraction, text)).rstrip(" .。").strip()
    return _with_round_brackets(_with_rising_inequalities(text))


def _without_vulgar_fraction(char: str) -> str:
    top, slash, bottom = unicodedata.normalize("NFKC", char).partition("⁄")
    return rf"\frac{{{top}}}{{{bottom}}}" if slash and bottom else char


def _root_to_latex(match: re.Match[str]) -> str:
    return f"{_ROOTS.get(match[1], chr(92) + 'sqrt')}{{{match[3] or match[2]}}}"


def _with_decimal_points(text: str, language: str) -> str:
    if DECIMAL_SIGNS[language] == ".":
        return text
    text = re.sub(r"(?<=\d)\{,\}(?=\d)", ".", text)
    if ";" in text or not re.search(r"[(\[{]\s*-?\d+,\d", text):
        text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    return text.replace(";", ",")


def _mixed_to_fraction(match: re.Match[str]) -> str:
    whole, top, bottom = (int(part) for part in match.groups())
    return rf"\frac{{{whole * bottom + top}}}{{{bottom}}}" if top < bottom else match[0]


def _periodic_to_fraction(match: re.Match[str]) -> str:
    whole, fixed, period = match[1], match[2], match[3] or match[4]
    bottom = (10 ** len(period) - 1) * 10 ** len(fixed)
    return rf"\frac{{{int(whole + fixed + period) - int(whole + fixed)}}}{{{bottom}}}"


def _with_rising_inequalities(text: str) -> str:
    """Return a falling chain of inequalities as a rising one: `b > a > c` becomes `c < a < b`."""
    parts = re.split(r"(\\[gl]eq?(?![A-Za-z])|[<>])", text)
    signs = parts[1::2]
    if len(signs) < 2 or not all(sign in _REVERSED for sign in signs):
        return text
    return "".join(_REVERSED.get(part, part) for part in reversed([part.strip() for part in parts]))


def _with_round_brackets(text: str) -> str:
    """Return an interval with round brackets at open ends: the French `]2, 3[` becomes `(2, 3)`."""
    found = _INTERVAL.match(text)
    if not found or (found[1], found[3]) == ("[", "]"):
        return text
    return f"{'(' if found[1] == ']' else '['}{found[2]}{')' if found[3] == '[' else ']'}"
