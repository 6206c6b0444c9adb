"""Decide whether two answers to a mathematical question are the same, as numbers or as formulas."""

from __future__ import annotations

import functools
import re
from fractions import Fraction

from fusion_eval.answers.formulas import same_kind, to_latex
from fusion_eval.answers.math_worker import worker
from fusion_eval.answers.read_numbers import plain_characters, read_bare_number, read_number

MAX_CHARACTERS = 500
MAX_BRACE_DEPTH = 20
"""Answers that are longer, or nested deeper, are not read as mathematics."""
_PERCENT = re.compile(
    r"[%٪％]|百分之|パーセント|퍼센트|프로(?!그)|per ?cent|prozent|pour ?cent|por ciento|por cento|per cento|процент|بالمئة|في المئة",
    re.IGNORECASE,
)
_RANGE_DATE_OR_TIME = re.compile(r"[\d\s:.,/–—-]+")
"""Digits and separators that were not read as one number."""


def same_answer(answer: str | None, reference: str, language: str) -> bool:
    """Return whether an answer to a mathematical question equals the reference.

    Numbers are compared exactly. Other mathematics is compared by math-verify; a comparison that takes more than a
    second counts as different.

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
    value = read_bare_number(reference)
    if value is not None:
        if values := possible_values(answer, language):
            return value in values or _as_share(reference, value) in {
                _as_share(answer, number) for number in values
            }
        if (
            _RANGE_DATE_OR_TIME.fullmatch(answer)
            or _is_prose(answer)
            or _contradicts_itself(answer, language)
        ):
            return False
    if _bare(answer) == _bare(reference):
        return True
    if not _may_be_mathematics(answer) or not same_kind(answer, reference):
        return False
    one, other = to_latex(answer, language), to_latex(reference, "en")
    return one == other or _same_expression(one, other)


def possible_values(answer: str, language: str) -> set[Fraction]:
    """Return the values of an answer by the conventions of its language and by those of English."""
    values = {read_number(answer, language), read_number(answer, "en")}
    return {value for value in values if value is not None}


def _as_share(text: str, value: Fraction) -> Fraction:
    """Return the value divided by 100 if the text holds a percent sign."""
    return value / 100 if _PERCENT.search(text) else value


def _is_prose(answer: str) -> bool:
    """Return whether the answer holds words, as `17 because 9*2 = 18` does, so that it is not one formula."""
    return bool(re.search(r"[^\W\d_]{4,}", re.sub(r"\\[A-Za-z]+(?:\{[^\W\d_]*\})?", " ", answer)))


def _contradicts_itself(answer: str, language: str) -> bool:
    """Return whether the answer equates different numbers, as `17 = 18` does."""
    parts = [read_number(part, language) for part in answer.split("=")]
    return len({part for part in parts if part is not None}) > 1


def _bare(text: str) -> str:
    """Return a formula without white space, dollar signs, LaTeX sizes and a full stop at the end."""
    text = re.sub(r"\\(?:left|right|displaystyle|,|;|!| )(?![A-Za-z])|\$|\s", "", plain_characters(text))
    return re.sub(r"\\[dt]frac(?![A-Za-z])", r"\\frac", text).rstrip(".。")


def _may_be_mathematics(answer: str) -> bool:
    if len(answer) > MAX_CHARACTERS or not re.search(r"[\d\\=<>^√∛∜π∞≤≥∅+*/-]|^\W*[A-Za-z]\W*$", answer):
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
