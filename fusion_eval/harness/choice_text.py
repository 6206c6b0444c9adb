"""Take the text of a multiple-choice prompt apart: the question, its options, the words that ask for an answer."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from fusion_eval.answers.choices import INSTRUCTIONS
from fusion_eval.answers.lead_ins import lead_in_pattern

_LISTS = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "АБВГДЕ", "أبجدهو", "1234567890")
"""Signs that number the options of a list, in their order."""
_CUE_LINE = 80
"""How long the last line of a prompt may be to count as words that ask for the answer."""


def list_order(choices: Sequence[str], *, digits: bool = True) -> list[int] | None:
    """Return the order that makes choices the signs of a list: A, B, C, or with `digits` 1, 2, 3; None if none does."""
    signs = [_sign(choice) for choice in choices]
    for listed in _LISTS if digits else _LISTS[:-1]:
        if signs and sorted(signs) == sorted(listed[: len(signs)]):
            return [signs.index(sign) for sign in listed[: len(signs)]]
    return None


def split_listing(text: str, choices: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return the question and the texts of the options that a prompt lists, or None if it does not list them.

    Args:
        text: The prompt, with lines such as `A. Paris` or words such as `(A) Paris`.
        choices: The signs of the options in their order: A, B, C or others.
    """
    starts: list[re.Match[str]] = []
    end = len(text)
    for choice in reversed(choices):
        sign = re.escape(_sign(choice))
        pattern = re.compile(
            rf"(?:^|(?<=\n))[^\S\n]*[(\[]?{sign}[)\].:：、．][^\S\n]*|(?:^|(?<=\s))\({sign}\)[^\S\n]*"
        )
        before = [match for match in pattern.finditer(text) if match.end() <= end]
        if not sign or not before:
            return None
        starts.insert(0, before[-1])
        end = before[-1].start()
    ends = [*(match.start() for match in starts[1:]), len(text)]
    options = [text[match.end() : end].strip() for match, end in zip(starts, ends, strict=True)]
    options[-1] = _without_last_cue(options[-1])
    return text[: starts[0].start()].strip(), options


def without_cue(text: str, language: str) -> str:
    """Return a question without the words at its end that ask for an answer, such as `Answer:`."""
    return _cue(language).sub("", text.strip()).strip()


def language_of_texts(texts: Sequence[str]) -> str | None:
    """Return the ISO code of the language of texts, or None if it is none of the 11."""
    language, _ = _identifier().classify("\n".join(texts))
    return language if language in INSTRUCTIONS else None


def _sign(choice: str) -> str:
    return choice.strip(" ().[]:")


def _without_last_cue(option: str) -> str:
    """Return the last option without the line below it that asks for the answer."""
    head, _, last = option.rpartition("\n")
    is_cue = len(last) <= _CUE_LINE and (
        last.rstrip().endswith((":", "：")) or _cue("en").search(f"\n{last}")
    )
    return head.strip() if head.strip() and is_cue else option


@functools.cache
def _asks_for_answer() -> re.Pattern[str]:
    words = "|".join(lead_in_pattern(language, "answer") for language in INSTRUCTIONS)
    return re.compile(rf"(?:[:：]|\b(?:{words}))\Z", re.IGNORECASE)


@functools.cache
def _cue(language: str) -> re.Pattern[str]:
    start = r"(?:^|\n|(?<=[.?!？。]))[^\S\n]*"
    words = rf"(?:A[:.][^\S\n]*)?(?:{lead_in_pattern(language, 'answer')}|A)[^\S\n]*[:：]?"
    one_word = r"\n[^\S\n]*\w+[^\S\n]*[:：]"  # in languages that have no lead-ins here
    return re.compile(rf"(?:{start}{words}|{one_word})\s*\Z", re.IGNORECASE)


@functools.cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE)
