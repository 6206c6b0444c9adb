"""Formulas as people and models write them, in the LaTeX that math-verify's grammar knows."""

from __future__ import annotations

import re
import unicodedata

from fusion_eval.answers import read_numbers as _numbers

_SYMBOLS = {
    "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "×": r"\times ",
    "·": r"\cdot ", "÷": r"\div ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "±": r"\pm ", "∅": r"\emptyset ",
}  # fmt: skip
_AND = re.compile(
    r"\s(?:and|or|und|oder|et|ou|или|и|و|أو)\s|\s*(?:または|および|또는|或者|或|和|、)\s*|(?<=\d)(?:와|과|と)\s?(?=[\d-])"
)
_AND_OF = {"es": r"\s[ye]\s", "it": r"\s(?:e|ed)\s", "pt": r"\se\s"}
_ROOT = re.compile(r"(√|∛|∜|\\sqrt(?![\[{A-Za-z]))\s*(\d+(?:[.,]\d+)?|[A-Za-z]|\(([^()]*)\))")
_ROOTS = {"∛": r"\sqrt[3]", "∜": r"\sqrt[4]"}
_MIXED = re.compile(r"(?<![\d.,\w}^])(\d+)\s*\\[dt]?frac\s*\{(\d+)\}\s*\{(\d+)\}")
_PERIODIC = re.compile(r"(?<![\d.])(\d+)\.(\d*)(?:\\overline\s*\{(\d+)\}|\((\d+)\))")
_TEXT = re.compile(r"\\(?:text|mathrm|mbox)\s*\{([^{}]*)\}\s*(?:\^\s*\{?\d\}?)?\s*$")
_NO_UNIT = {"even", "odd", "prime", "composite", "true", "false", "none", "and", "or", "mod", "not", "all"}
_REVERSED = {">": "<", r"\ge": r"\le", r"\geq": r"\leq"}
_OPEN_ENDS = re.compile(r"^([\[\]])([^\[\]]+,[^\[\]]+)([\[\]])$")


def of_one_kind(answer: str, reference: str) -> bool:
    """Whether an answer is the kind of thing that the reference is, where math-verify takes one kind for another.

    A point is no set and no list; an equation in several unknowns is no number; words at the end have to be the
    reference's, or a unit. Letters before digits (`x2`) may mean three things, and so mean none.
    """
    if _brackets(answer) != _brackets(reference) and not re.search(
        r"[<>≤≥∈]|\\(?:[gl]eq?|in)(?![A-Za-z])", reference
    ):
        return False
    if re.search(r"=", reference) and "=" not in answer and not re.match(r"\W*[A-Za-z]\w*\W*=", reference):
        return False
    if re.search(r"(?<![\\A-Za-z{])[A-Za-z]\d", answer):
        return False
    said, wanted = _words_at_the_end(answer), _words_at_the_end(reference)
    if wanted:
        return not said or said == wanted
    return not said or (said.isalpha() and len(said) <= 12 and said not in _NO_UNIT)


def _brackets(text: str) -> str:
    """What several parts stand in: `(` or nothing, as a set is a list of solutions."""
    text = re.sub(r"\\(?:left|right)|\$|\s|\\boxed", "", text).rstrip(".。")
    several = re.fullmatch(r"([(\[\]])[^()]*[,;][^()]*([)\[\]])", text)
    return "(" if several else ""


def _words_at_the_end(text: str) -> str:
    found = _TEXT.search(text.rstrip(" $.。"))
    return found[1].strip().casefold() if found else ""


def latex(text: str, language: str) -> str:
    """An answer in `language` (an ISO code) as LaTeX."""
    text = _ROOT.sub(_root, "".join(map(_without_vulgar_fraction, text)))
    text = _numbers.simplify(text).translate({ord(sign): _SYMBOLS[sign] for sign in _SYMBOLS})
    text = _TEXT.sub("", re.sub(r"\$|\*\*", "", text).rstrip(" .。"))
    text = re.sub(r"(?<![\\A-Za-z])pi(?![A-Za-z])", r"\\pi ", re.sub(r"(?<=\d)٫(?=\d)", ".", text))
    text = _with_decimal_points(text, language)
    text = _AND.sub(", ", re.sub(_AND_OF[language], ", ", text) if language in _AND_OF else text)
    text = _PERIODIC.sub(_period, _MIXED.sub(_improper, text)).rstrip(" .。").strip()
    return _with_round_brackets(_rising(text))


def _without_vulgar_fraction(char: str) -> str:
    top, slash, bottom = unicodedata.normalize("NFKC", char).partition("⁄")
    return rf"\frac{{{top}}}{{{bottom}}}" if slash and bottom else char


def _root(match: re.Match[str]) -> str:
    return f"{_ROOTS.get(match[1], chr(92) + 'sqrt')}{{{match[3] or match[2]}}}"


def _with_decimal_points(text: str, language: str) -> str:
    if _numbers.DECIMAL_SIGNS[language] == ".":
        return text
    text = re.sub(r"(?<=\d)\{,\}(?=\d)", ".", text)
    if ";" in text or not re.search(r"[(\[{]\s*-?\d+,\d", text):
        text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    return text.replace(";", ",")


def _improper(match: re.Match[str]) -> str:
    whole, top, bottom = (int(part) for part in match.groups())
    return rf"\frac{{{whole * bottom + top}}}{{{bottom}}}" if top < bottom else match[0]


def _period(match: re.Match[str]) -> str:
    whole, fixed, period = match[1], match[2], match[3] or match[4]
    bottom = (10 ** len(period) - 1) * 10 ** len(fixed)
    return rf"\frac{{{int(whole + fixed + period) - int(whole + fixed)}}}{{{bottom}}}"


def _rising(text: str) -> str:
    """`b > a > c` as `c < a < b`."""
    parts = re.split(r"(\\[gl]eq?(?![A-Za-z])|[<>])", text)
    signs = parts[1::2]
    if len(signs) < 2 or not all(sign in _REVERSED for sign in signs):
        return text
    return "".join(_REVERSED.get(part, part) for part in reversed([part.strip() for part in parts]))


def _with_round_brackets(text: str) -> str:
    """`]2, 3[` and `[2, 3[`, as in France, with the brackets of everywhere else."""
    found = _OPEN_ENDS.match(text)
    if not found or (found[1], found[3]) == ("[", "]"):
        return text
    return f"{'(' if found[1] == ']' else '['}{found[2]}{')' if found[3] == '[' else ']'}"
