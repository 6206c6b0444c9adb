"""Whether two answers to a mathematical question are the same: as numbers, else as formulas."""

from __future__ import annotations

import functools
import re
from fractions import Fraction

from fusion_eval.answers import formulas as _formulas
from fusion_eval.answers import math_worker as _process
from fusion_eval.answers import read_numbers as _numbers

bare_number = _numbers.read_bare_number

LONGEST, DEEPEST = 500, 20
"""Characters and nested braces of an answer that is read as mathematics."""
_PERCENT = re.compile(
    r"[%٪％]|百分之|パーセント|퍼센트|프로(?!그)|per ?cent|prozent|pour ?cent|por ciento|por cento|per cento|процент|بالمئة|في المئة",
    re.IGNORECASE,
)
_NO_SUM = re.compile(r"[\d\s:.,/–—-]+")
"""Digits with nothing but these: a range, a date, a time. What is a number has been read before."""


def same_answer(answer: str | None, reference: str, language: str) -> bool:
    """Whether an answer to a mathematical question is the reference.

    `reference` is written as data sets do: plain English digits, or LaTeX. An answer may be written in the conventions
    of `language` (an ISO code) or as the reference is, since models mix both: `1.234` is 1234 and 1.234 in German. A
    percent sign is left out (25 % is 25), and where one side alone has it, it also counts (25 % is 0.25). Numbers are
    compared exactly, other mathematics by math-verify: where that takes over a second, the answer is another one.
    """
    if answer is None or not (answer := answer.strip()):
        return False
    value = _numbers.read_bare_number(reference)
    if value is not None:
        if read := readings(answer, language):
            return value in read or _percent(reference, value) in {
                _percent(answer, number) for number in read
            }
        if _NO_SUM.fullmatch(answer) or _is_prose(answer) or _contradicts_itself(answer, language):
            return False
    if _bare(answer) == _bare(reference):
        return True
    if not _may_be_mathematics(answer) or not _formulas.of_one_kind(answer, reference):
        return False
    one, other = _formulas.latex(answer, language), _formulas.latex(reference, "en")
    return one == other or _same_expression(one, other)


def readings(answer: str, language: str) -> set[Fraction]:
    """In the language's conventions, and in those of the data sets."""
    read = {_numbers.read_number(answer, language), _numbers.read_number(answer, "en")}
    return {number for number in read if number is not None}


def _percent(text: str, value: Fraction) -> Fraction:
    return value / 100 if _PERCENT.search(text) else value


def _is_prose(answer: str) -> bool:
    """`17 because 9*2 = 18`: whichever number is meant, it is not for a formula to say."""
    return bool(re.search(r"[^\W\d_]{4,}", re.sub(r"\\[A-Za-z]+(?:\{[^\W\d_]*\})?", " ", answer)))


def _contradicts_itself(answer: str, language: str) -> bool:
    """`17 = 18`: not all numbers of a chain are one."""
    parts = [_numbers.read_number(part, language) for part in answer.split("=")]
    return len({part for part in parts if part is not None}) > 1


def _bare(text: str) -> str:
    """A text without what never changes a formula: white space, dollar signs, sizes, a full stop at the end."""
    text = re.sub(r"\\(?:left|right|displaystyle|,|;|!| )(?![A-Za-z])|\$|\s", "", _numbers.simplify(text))
    return re.sub(r"\\[dt]frac(?![A-Za-z])", r"\\frac", text).rstrip(".。")


def _may_be_mathematics(answer: str) -> bool:
    if len(answer) > LONGEST or not re.search(r"[\d\\=<>^√∛∜π∞≤≥∅+*/-]|^\W*[A-Za-z]\W*$", answer):
        return False
    depth = deepest = 0
    for brace in re.findall(r"[{}()\[\]]", answer):
        depth += 1 if brace in "{([" else -1
        deepest = max(deepest, depth)
    return deepest <= DEEPEST


@functools.lru_cache(maxsize=4096)
def _known(answer: str, reference: str) -> bool:
    found = _process.worker.same(answer, reference)
    if found is None:
        raise TimeoutError  # which the cache does not keep: another time it may be found out
    return bool(found)


def _same_expression(answer: str, reference: str) -> bool:
    try:
        return _known(answer, reference)
    except TimeoutError:
        return False
