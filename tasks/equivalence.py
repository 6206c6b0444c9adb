"""Whether two answers to a mathematical question are the same: as numbers, else as formulas."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType

LONGEST, DEEPEST = 500, 20
"""Characters and nested braces of an answer that is read as mathematics."""


def _beside(name: str) -> ModuleType:
    """The module of a file beside this one: one in a process, however often the harness loads that file by its path."""
    path = Path(__file__).resolve().with_name(f"{name}.py")
    if (loaded := sys.modules.get(str(path))) is None:
        spec = importlib.util.spec_from_file_location(str(path), path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not there; copy the whole tasks folder")
        loaded = sys.modules[str(path)] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
    return loaded


_numbers = _beside("read_numbers")
bare_number = _numbers.read_bare_number


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
    if value is not None and (read := readings(answer, language)):
        return value in read or _percent(reference, value) in {_percent(answer, number) for number in read}
    if _bare(answer) == _bare(reference):
        return True
    return _may_be_mathematics(answer) and _same_expression(_latex(answer, language), _latex(reference, "en"))


def readings(answer: str, language: str) -> set[Fraction]:
    """In the language's conventions, and in those of the data sets."""
    read = {_numbers.read_number(answer, language), _numbers.read_number(answer, "en")}
    return {number for number in read if number is not None}


def _percent(text: str, value: Fraction) -> Fraction:
    return value / 100 if "%" in text or "٪" in text or "％" in text else value


def _bare(text: str) -> str:
    """A text without what never changes a formula: white space, dollar signs, sizes, a full stop at the end."""
    text = re.sub(r"\\(?:left|right|displaystyle|,|;|!| )(?![A-Za-z])|\$|\s", "", _numbers.simplify(text))
    return re.sub(r"\\[dt]frac(?![A-Za-z])", r"\\frac", text).rstrip(".。")


def _may_be_mathematics(answer: str) -> bool:
    if len(answer) > LONGEST or not re.search(r"[\d\\=<>^√π∞≤≥∅+*/-]|^\W*[A-Za-z]\W*$", answer):
        return False
    depth = deepest = 0
    for brace in re.findall(r"[{}()\[\]]", answer):
        depth += 1 if brace in "{([" else -1
        deepest = max(deepest, depth)
    return deepest <= DEEPEST


_SYMBOLS = {
    "√": r"\sqrt ", "π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "×": r"\times ",
    "·": r"\cdot ", "÷": r"\div ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "±": r"\pm ", "∅": r"\emptyset ",
}  # fmt: skip
_AND = re.compile(r"\s(?:and|or|und|oder|et|ou|или|и|و|أو|и)\s|\s*(?:または|および|또는|或者|或|和|、)\s*")


def _latex(text: str, language: str) -> str:
    """An answer as the LaTeX that math-verify's grammar knows."""
    text = re.sub(
        r"\$|\*\*", "", _numbers.simplify(text).translate({ord(sign): _SYMBOLS[sign] for sign in _SYMBOLS})
    )
    text = re.sub(r"\\(?:text|mathrm|mbox)\s*\{([^{}]*)\}\s*(?:\^\s*\{?\d\}?)?\s*$", "", text)
    text = re.sub(r"(?<=\d)٫(?=\d)", ".", text)
    if _numbers.DECIMAL_SIGNS[language] != ".":
        text = re.sub(r"(?<=\d)\{,\}(?=\d)", ".", text)
        if not re.search(r"[(\[{;]\s*-?\d+,\d", text):
            text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    return str(_AND.sub(", ", text)).rstrip(" .。").strip()


@functools.lru_cache(maxsize=4096)
def _same_expression(answer: str, reference: str) -> bool:
    return bool(_beside("math_worker").worker.same(answer, reference))
