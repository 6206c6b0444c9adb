"""Find the answer in the last line of a reply that has neither a box nor a line `Answer: …`."""

from __future__ import annotations

import functools
import re

from fusion_eval.answers.lead_ins import LEAD_INS, lead_in_pattern, statement_pattern

_MOST_CHARACTERS = 300
"""How much of the last line is read."""
_MOST_WORDS = 5
"""An answer without digits that has more words is an explanation."""
_VALUE = r"(?=[^\w\n]{0,9}(?:US|R|Rs\.? ?)?[$€£¥₹]?[ ]?(?:\d|\\[A-Za-z(\[]|[A-Za-zα-ω](?:_?\d|\([a-z]\))?\s*=|[π√∞∅]))"
"""What begins a number, a formula or an equation."""
_SENTENCE_ENDS = re.compile(r"[.!?;…]\s+|[。！？；।؟]\s*")
_COMMA = re.compile(r"[,，、،]\s*")
_GSM8K = re.compile(r"####[ \t]*(?P<rest>[-+]?[$€£¥₹]?\d(?:[\d.,/]*\d)?[ ]?(?:%|[^\W\d]{1,20})?)\.?")
_REMARK = re.compile(r"[,，、]\s*[^\W\d]+\s+[^\W\d]+")
"""A comma and two words, as in `18, but that is wrong`."""
_SIGNS_BEFORE = re.compile(r"""^[^\w"'“”„«»‘’「『(\[（【\\$]{1,9}""")
"""Ticks, arrows and emoji before the sentence. A quotation is none of the reply's own."""
_SPACE = r"[ \t\u00a0\u202f*_]{0,9}"
_MARKS = " \t\r*_`|"


def answer_in_last_line(reply: str, language: str) -> str | None:
    """Return the answer that the last line states in a sentence, such as `The final answer is 18.`; None if it has none.

    The sentence may follow others in the line. There, and behind a comma, only numbers and formulas are read, and
    behind a comma only with a word such as `so`. `#### 18`, as in GSM8K, is read too.

    Args:
        reply: The visible text of a reply.
        language: ISO code of the language of the prompt.
    """
    line = next((line for line in reversed(reply.splitlines()) if line.strip(_MARKS)), "")
    line = line.strip(_MARKS + ">-")[-_MOST_CHARACTERS:]
    if line.endswith(("?", "？", "؟")):
        return None
    if number := _GSM8K.fullmatch(line):
        return number["rest"]
    line = _SIGNS_BEFORE.sub("", line)
    sentence, behind_sentence, behind_comma = _patterns(language)
    starts = [(0, sentence)]
    starts += [(found.end(), behind_sentence) for found in _SENTENCE_ENDS.finditer(line)]
    starts += [(found.end(), behind_comma) for found in _COMMA.finditer(line)]
    for start, pattern in sorted(starts, key=lambda one: one[0], reverse=True):
        if match := pattern.match(line, start):
            return _cleaned(match["rest"], language)
    if (match := _words_pattern(language).match(line)) and not re.search(r"\d", match["rest"]):
        answer = _cleaned(match["rest"], language)
        return answer if answer and len(answer.split()) <= _MOST_WORDS else None
    return None


def _cleaned(rest: str, language: str) -> str | None:
    """Return an answer without the words behind it, or None if these could take it back."""
    end = re.search(r"[.!?]\s+(?=[^\W\d_])|[。！？।]", rest)
    answer, further = (rest[: end.start()], rest[end.end() :]) if end else (rest, "")
    if _REMARK.search(answer) or re.search(r"\d", further):
        return None
    verbs = LEAD_INS["is at the end"][language]
    return re.sub(rf"\s*(?:{verbs})$", "", answer.strip(_MARKS + ".,")).strip(_MARKS) or None


@functools.cache
def _patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return how an answer is stated at the start of the line, behind a sentence, and behind a comma."""
    answer = f"(?:{lead_in_pattern(language, 'answer')})"
    verb_is_last = rf"{_VALUE}[^\n]{{1,99}}(?:{LEAD_INS['is at the end'][language]})[.।。]?[*_ ]*$"
    the_answer_is = rf"{statement_pattern(language, with_so=False)}|{answer}{_SPACE}(?={verb_is_last})"
    so_the_answer_is = statement_pattern(language, with_so=True)
    colon = rf"{answer}{_SPACE}[:：﹕∶]"
    return (
        _before_value(the_answer_is),
        _before_value(f"{the_answer_is}|{colon}"),
        _before_value(so_the_answer_is),
    )


def _before_value(words: str) -> re.Pattern[str]:
    return re.compile(rf"[*_]{{0,3}}(?:{words}){_SPACE}(?P<rest>{_VALUE}[^\n]*)", re.IGNORECASE)


@functools.cache
def _words_pattern(language: str) -> re.Pattern[str]:
    """Return a pattern of `The answer is Paris`, at the start of the line."""
    return re.compile(
        rf"[*_]{{0,3}}(?:{statement_pattern(language, with_so=False)}){_SPACE}(?P<rest>[^\n]+)",
        re.IGNORECASE,
    )
