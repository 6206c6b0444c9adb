"""Whether two answers are the same: as numbers, as mathematics, as names.

Mathematics is compared by the library math-verify, in a process of its own that is killed where it takes too long or
too much memory. Run as a script, this file is that process: it needs no package, no fork and no signals of the caller.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

SECONDS = 1.0
"""Of processor time that one comparison may take."""
PATIENCE = 3.0
"""By the clock, for what no signal interrupts in the worker; more than SECONDS as the machine may be busy."""
START = 60.0
"""Seconds in which the worker has to start: it imports sympy."""
MEMORY = 2 << 30
"""Bytes of address space of the worker."""
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


# Numbers and mathematics


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
    if value is not None and (read := _readings(answer, language)):
        return value in read or _percent(reference, value) in {_percent(answer, number) for number in read}
    if _bare(answer) == _bare(reference):
        return True
    return _may_be_mathematics(answer) and _same_expression(_latex(answer, language), _latex(reference, "en"))


def _readings(answer: str, language: str) -> set[Fraction]:
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
    return bool(_beside(Path(__file__).stem).worker.same(answer, reference))


class _Worker:
    """The process that compares, started at the first comparison, after a kill and after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def same(self, answer: str, reference: str) -> bool:
        with self._lock:
            process = self._process
            if process is None or self._owner != os.getpid() or process.poll() is not None:
                process = self._start()
            reply = _ask(process, json.dumps([answer, reference]).encode() + b"\n", PATIENCE)
            if not reply:
                self.stop()
            return reply == b"1"

    def _start(self) -> subprocess.Popen[bytes]:
        if importlib.util.find_spec("math_verify") is None:
            raise ImportError("answers are compared by math-verify; install it: pip install math-verify")
        # -P: the folder of this file is no place to import from. The hash seed: sympy's order of terms depends on it.
        command = [sys.executable, "-P", str(Path(__file__).resolve())]
        process = subprocess.Popen(  # noqa: S603  this very file; a model's text goes through the pipe alone
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        self._process, self._owner = process, os.getpid()
        if _ask(process, b"", START) != b"1":
            self.stop()
            raise RuntimeError(f"math-verify does not start; see what this says: {' '.join(command)}")
        return process

    def stop(self) -> None:
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.communicate()
        self._process = None


def _ask(process: subprocess.Popen[bytes], question: bytes, seconds: float) -> bytes:
    """One byte of answer; none where the process is dead or takes too long."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process has no pipes")
    try:
        process.stdin.write(question)
        process.stdin.flush()
    except OSError:
        return b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        return os.read(process.stdout.fileno(), 1) if selector.select(seconds) else b""


worker = _Worker()
atexit.register(worker.stop)


# Names


_ARTICLES = {
    "en": r"(?:the|an|a)\s+",
    "fr": r"(?:les|le|la|une|un|des|du)\s+|l'\s?",
    "de": r"(?:der|die|das|den|dem|des|eine|ein)\s+",
    "es": r"(?:el|la|los|las|una|un)\s+",
    "it": r"(?:il|lo|la|gli|le|i|uno|una|un)\s+|(?:l|un)'\s?",
    "pt": r"(?:os|as|o|a|uma|um)\s+",
    "ar": "ال",
}
_LETTERS = str.maketrans({
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ё": "е",
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ـ": None,
})  # fmt: skip
_WITHOUT_SPACES = ("ja", "zh", "ko", "th")


def same_text(answer: str | None, references: Sequence[str], language: str) -> bool:
    """Whether an answer is one of the references, by `normal_text`, with or without what it adds in parentheses.

    A reference that is a number (a year) is compared by value.
    """
    if answer is None:
        return False
    bracketless = re.sub(r"[(（\[【][^()（）\[\]【】]*[)）\]】]", " ", answer)
    forms = {normal_text(answer, language), normal_text(bracketless, language)} - {""}
    if forms & {normal_text(reference, language) for reference in references}:
        return True
    values = {_numbers.read_bare_number(reference) for reference in references} - {None}
    return bool(values) and not values.isdisjoint(_readings(answer, language))


def normal_text(text: str, language: str) -> str:
    """A name without differences of spelling that carry no meaning.

    NFKC, no case, no punctuation, no article before it. Diacritics of Latin and Greek letters are left out (São Paulo
    is Sao Paulo), as are ё, Arabic vowel marks and the seats of hamza; those that make another letter are kept: й, the
    Japanese ゛ and ゜, Indic vowels. Blanks are left out in Japanese, Chinese, Korean and Thai.
    """
    text = "".join(map(_without_accent, unicodedata.normalize("NFKC", text).casefold())).translate(_LETTERS)
    text = re.sub(r"[’‘ʼ`´]", "'", text).strip(" \"'«»“”„*_.")
    if articles := _ARTICLES.get(language):
        text = re.sub(rf"^(?:{articles})(?=\w\w)", "", text)
    kept = (char if _is_of_a_word(char) else " " for char in text)
    return ("" if language in _WITHOUT_SPACES else " ").join("".join(kept).split())


def _without_accent(char: str) -> str:
    base = unicodedata.normalize("NFD", char)[0]
    name = unicodedata.name(base, "")
    if name.startswith(("LATIN", "GREEK")):
        return base
    arabic_mark = unicodedata.category(char) == "Mn" and unicodedata.name(char, "").startswith("ARABIC")
    latin_mark = "\u0300" <= char <= "\u036f"
    return "" if arabic_mark or latin_mark or unicodedata.category(char) == "Cf" else char


def _is_of_a_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M" or char in "ー+#"


# The process that compares mathematics


_NUMERAL = re.compile(r"[0-9]+\.?[0-9]*(?:[eE][-+]?[0-9]{1,3})?|\.[0-9]+")


class _TimeUp(BaseException):
    """Passes the `except Exception` of sympy and math-verify."""


def _serve() -> None:
    """Questions in, a JSON pair a line; one byte out for each: 1 where the two are the same, else 0."""
    _limit_memory()
    compare = comparison()
    compare("x=1", "2x=2")  # what is loaded at the first use, before any clock runs
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # what libraries print is no answer
    out.write(b"1")
    out.flush()
    for line in sys.stdin.buffer:
        out.write(b"1" if _in_time(compare, *json.loads(line)) else b"0")
        out.flush()


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _in_time(compare: Callable[[str, str], bool], answer: str, reference: str) -> bool:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _TimeUp

    try:
        if sys.platform != "win32":
            signal.signal(signal.SIGPROF, stop)
            signal.setitimer(signal.ITIMER_PROF, SECONDS, 0.1)  # again, where something swallows the first
        return compare(answer, reference)
    except (Exception, _TimeUp):
        return False
    finally:
        _stop_the_clock()


def _stop_the_clock() -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, 0)


def comparison() -> Callable[[str, str], bool]:
    """Whether an answer is a reference, both in LaTeX, by math-verify, which has no clock of its own here.

    math-verify's reader of plain expressions hands text to sympy's parse_expr, which calls `eval`; it is not used. Its
    LaTeX grammar builds the expression from a parse tree, but has sympy read each numeral, by parse_expr as well. So
    parse_expr is replaced, in this whole process, by a function that reads numerals and refuses all else.
    """
    import sympy
    import sympy.parsing
    import sympy.physics.units  # solve() imports it, and it has constants of its own read
    from sympy.parsing import sympy_parser

    def numeral(text: str, *_arguments: object, **_options: object) -> Any:
        if not _NUMERAL.fullmatch(text):
            raise ValueError("text of a model is not evaluated")
        return sympy.Integer(int(text)) if text.isdigit() else sympy.Float(text)

    sympy.parsing.parse_expr = sympy_parser.parse_expr = numeral
    # Only now, since these two keep the function that they find.
    import math_verify
    from latex2sympy2_extended import NormalizationConfig

    reading = math_verify.LatexExtractionConfig(
        boxed_match_priority=-1,
        # Units are left out before: here the t of `3t` would pass for one.
        normalization_config=NormalizationConfig(
            basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none"
        ),
    )

    def read(latex: str) -> list[Any]:
        return list(
            math_verify.parse(f"${latex}$", [reading], "no_fallback", "first_match", parsing_timeout=0)
        )

    def same(answer: str, reference: str) -> bool:
        right = read(reference)
        return bool(right) and math_verify.verify(right, read(answer), timeout_seconds=0)

    return same


if __name__ == "__main__":
    _serve()
