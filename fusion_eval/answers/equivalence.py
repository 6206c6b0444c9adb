"""Decide whether two answers to a mathematical question are the same, as numbers or as formulas."""

from __future__ import annotations

import functools
import re
from fractions import Fraction

from fusion_eval.answers.bases import is_same_in_base
from fusion_eval.answers.formulas import normalize_formula, with_carets
from fusion_eval.answers.lead_ins import without_so
from fusion_eval.answers.math_worker import worker
from fusion_eval.answers.read_numbers import plain_characters, read_bare_number, read_number

MAX_CHARACTERS = 500
MAX_BRACE_DEPTH = 20
"""Answers that are longer, or nested deeper, are not read as mathematics."""
_PERCENT = re.compile(
    r"[%٪％割成할]|百分之|パーセント|퍼센트|프로(?!그)|per ?cent|prozent|pour ?cent|por ciento|por cento|per cento|процент|بالمئة|في المئة"
    r"|بالمائة|في المائة|asilimia|प्रतिशत|फ़ीसदी|फीसदी|เปอร์เซ็นต์|ร้อยละ",
    re.IGNORECASE,
)
_DEGREES = re.compile(r"°|\\circ(?![A-Za-z])|\\degree")
_BASE_TEN = re.compile(r"(?<=[\d)])(?:_\{?\s*10\s*\}?|₁₀)(?![\d])")
_PER_MILLE = "‰"
_RANGE_DATE_OR_TIME = re.compile(r"[\d\s:.,/–—-]+")
"""Digits and separators that were not read as one number."""
_IN_BRACKETS = re.compile(r"(?P<first>[^()（）]+)[(（](?P<second>[^()（）]+)[)）]\s*\.?")
_APPROXIMATELY = re.compile(r"≈|\\approx(?![A-Za-z])")


def same_answer(answer: str | None, reference: str, language: str) -> bool:
    """Return whether an answer to a mathematical question equals the reference.

    Two expressions are equal if their difference is exactly 0: 0.333 is not 1/3. Formulas are compared in a separate
    process; a comparison that takes more than a second counts as different.

    An answer may follow the conventions of its language or those of the reference, because models mix both. So the
    German answer `1.234` equals 1234 and 1.234. A percent sign may be ignored (25 % equals 25). If only one side has
    one, it may also count (25 % equals 0.25).

    Args:
        answer: The final answer of a reply; None if the reply has none.
        reference: The right answer as data sets write it: in plain English digits or in LaTeX.
        language: ISO code of the language of the answer.
    """
    if answer is None or not (answer := answer.strip()):
        return False
    answer = without_so(_BASE_TEN.sub("", with_carets(answer)), language)
    if (same := is_same_in_base(answer, reference)) is not None:
        return same
    value = read_bare_number(reference)
    if value is not None:
        if values := _possible_shares(answer, language):
            return value in values or _as_share(reference, value) in values
        if _RANGE_DATE_OR_TIME.fullmatch(answer):
            return False
    if _bare(answer) == _bare(reference):
        return True
    if (twice := _IN_BRACKETS.fullmatch(answer)) and (
        same := _says_twice(twice, reference, language)
    ) is not None:
        return same
    exact, *rounded = _APPROXIMATELY.split(answer)
    if len(rounded) == 1 and exact.strip() and same_answer(exact, reference, language):
        return True  # 1/3 ≈ 0.333
    if not _may_be_mathematics(answer):
        return False
    expected = normalize_formula(reference, "en")
    formulas = _possible_formulas(answer, language)
    if _DEGREES.search(answer) and not _DEGREES.search(reference):
        formulas += [f"({formula})*\\pi /180" for formula in formulas]
    return any(_same_expression(formula, expected) for formula in formulas)


def possible_values(answer: str, language: str) -> set[Fraction]:
    """Return the values of an answer by the conventions of its language and by those of English."""
    values = {read_number(answer, language), read_number(answer, "en")}
    return {value for value in values if value is not None}


def _possible_shares(answer: str, language: str) -> set[Fraction]:
    """Return the possible values of an answer, each with and without its percent sign."""
    values = possible_values(answer, language)
    if _PER_MILLE in answer:
        return {value / 1000 for value in values}
    return values | {_as_share(answer, value) for value in values}


def _as_share(text: str, value: Fraction) -> Fraction:
    """Return the value divided by 100 if the text holds a percent sign."""
    return value / 100 if _PERCENT.search(text) else value


def _says_twice(match: re.Match[str], reference: str, language: str) -> bool | None:
    """Return whether both parts of `0.5 (50 %)` equal the reference, or None if the second is no number."""
    first, second = match["first"].strip(), match["second"].strip()
    approximate = _APPROXIMATELY.match(second) is not None
    if not approximate and not _possible_shares(second, language):
        return None
    if not re.search(r"[%％\s]$", match["first"]) or re.search(r"[A-Za-z*/+^-]$", first):
        return None  # a product or a function
    return same_answer(first, reference, language) and (
        approximate or same_answer(second, reference, language)
    )


def _possible_formulas(answer: str, language: str) -> list[str]:
    """Return an answer in normal form by the conventions of its language and by those of English."""
    formulas = [normalize_formula(answer, code) for code in (language, "en")]
    if "=" in answer and not re.search(r"[<>≤≥∈]", answer):
        sides = answer.split("=")
        for code in (language, "en"):  # sides that are numbers with words around them
            numbers = [read_number(side, code) for side in sides]
            formulas.append(
                "=".join(
                    normalize_formula(side, code) if number is None else str(number)
                    for side, number in zip(sides, numbers, strict=True)
                )
            )
    return list(dict.fromkeys(formulas))


def _bare(text: str) -> str:
    """Return a formula without white space, dollar signs, LaTeX sizes and a full stop at the end."""
    text = re.sub(r"\\(?:left|right|displaystyle|,|;|!| )(?![A-Za-z])|\$|\s", "", plain_characters(text))
    return re.sub(r"\\[dt]frac(?![A-Za-z])", r"\\frac", text).rstrip(".。")


def _may_be_mathematics(answer: str) -> bool:
    if len(answer) > MAX_CHARACTERS or not re.search(
        r"[\d\\=<>^_·₀-₉⁰-ⁿ√∛∜π∞≤≥∅+*/()-]|^\W*[A-Za-z]\W*$", answer
    ):
        return False
    depth = deepest = 0
    for brace in re.findall(r"[{}()\[\]]", answer):
        depth += 1 if brace in "{([" else -1
        deepest = max(deepest, depth)
    return deepest <= MAX_BRACE_DEPTH


@functools.lru_cache(maxsize=4096)
def _compare_with_cache(answer: str, reference: str) -> bool:
    same = worker.compare(answer, reference)
    if same is None:
        raise TimeoutError  # the cache keeps no exceptions, so that a later call tries again
    return same


def _same_expression(answer: str, reference: str) -> bool:
    try:
        return _compare_with_cache(answer, reference)
    except TimeoutError:
        return False
