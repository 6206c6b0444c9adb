"""Find the letter of the option that a reply chooses.

A reply states it in the line with the final answer. If it has no such line, a sentence such as "The correct answer is
B" counts, or a first or last line that is only the letter, alone or with its option's text.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence

from fusion_eval.answers.choices import LETTERS, same_options
from fusion_eval.answers.conjunctions import CONJUNCTION
from fusion_eval.answers.final_answer import marked_answer
from fusion_eval.answers.lead_ins import LEAD_INS, lead_in_pattern
from fusion_eval.answers.visible_answer import visible_text

OPTION_WORDS = {
    "en": "options?|choices?|letters?|alternatives?",
    "fr": "options?|choix|lettres?|propositions?",
    "de": "option(?:en)?|auswahl|antwortmöglichkeit(?:en)?|möglichkeit(?:en)?|buchstaben?",
    "es": "opci[óo]n(?:es)?|letras?|alternativas?|incisos?",
    "ru": "варианты?|вариантом|букв[аы]|буквой|пункт",
    "it": "opzion[ei]|letter[ae]|alternativ[ae]",
    "pt": "opç(?:ão|ões)|letras?|alternativas?",
    "ja": "選択肢|選択|記号",
    "ko": "선택지|보기|선택",
    "zh": "选项|選項|选择|選擇|选|選",
    "ar": "(?:ال)?خيار|(?:ال)?اختيار|(?:ال)?حرف",
}
"""Patterns of the words for an option, by language (ISO code)."""

_LOOKALIKES = {"ru": dict(zip("АВСЕНКМОРТХ", "ABCEHKMOPTX", strict=True))}
"""Cyrillic capitals that look like the Latin letters of the prompt."""
_ARABIC = {"أ": "A", "ا": "A", "ب": "B", "ج": "C", "د": "D", "ه": "E", "هـ": "E"}
"""The letters that Arabic lists have in place of A to E."""
_MOST_NESTED = 3
"""How deep commands of LaTeX around a letter are taken off."""
_LENGTH_OF_END = 2000
"""How many characters of a reply without an answer line are searched for a sentence that states the answer."""
_WORDLIKE = "AEIOY"
"""Letters that are words of their own in some language."""
_WRAPPED = re.compile(r"\\(?:text(?:bf|it|rm)?|math(?:rm|bf|sf|tt)|mbox|boxed|fbox)\s*\{([^{}]*)\}")
_MARKS = re.compile(r"[*_`$\"“”„«»「」『』]|\\[()\[\]]|(?<!\w)['‘’]|['‘’](?!\w)")
_OPENED = r"[(\[{<【〔]?\s*"
_CLOSED = r"\s*[)\]}>】〕]"
_END = r"(?![^\W_]|['’-][^\W\d_])"
_END_OF_LETTER = r"(?![A-Za-z0-9À-ɏ]|['’-][A-Za-z])"
"""What follows a letter, also in languages that put no space behind it."""
_ALONE = re.compile(rf"{_OPENED}(?P<letter>[A-Za-z])(?:{_CLOSED})?\s*[.:。]?")
_LED = re.compile(
    rf"{_OPENED}(?:(?P<letter>[A-Za-z])(?:{_CLOSED}\s*[.:,]?|\s*[.:,;、،=–—-])|(?P<spaced>[A-Z])(?=[\s(（]|[^\x00-\u024f]))\s*(?P<rest>.*)",
    re.DOTALL,
)
_ANOTHER = re.compile(
    rf"(?:[,/&+;、]|{CONJUNCTION}|\s)*{_OPENED}(?P<letter>[A-Z])(?:{_CLOSED}|{_END})", re.IGNORECASE
)


def choice_letter(reply: str, options: Sequence[str], language: str) -> str | None:
    """Return the letter that a reply chooses; None if it chooses none, or several.

    Args:
        reply: The reply.
        options: The texts of the options, in the order of their letters.
        language: ISO code of the language of the prompt, one of `OPTION_WORDS`.
    """
    stated = marked_answer(reply, language)
    if stated is not None:
        return _letter_in(_latin(stated, language), options, language)
    text = _latin(visible_text(reply), language)
    end = text[-_LENGTH_OF_END:]
    if sentences := list(_sentence(language).finditer(end)):
        letter = sentences[-1]["letter"]
        is_word = _goes_on(end, sentences[-1].end("letter"))
        return letter if _is_option(letter, options) and not is_word else None
    lines = [line for line in text.splitlines() if line.strip()]
    found = {_strict_letter(line, options) for line in (*lines[:1], *lines[-1:])} - {None}
    return found.pop() if len(found) == 1 else None


def _letter_in(text: str, options: Sequence[str], language: str) -> str | None:
    """Return the letter in the text of a final answer: alone, with its option, as the option's text, or in words."""
    if alone := _ALONE.fullmatch(text):
        letter = alone["letter"].upper()
        return letter if _is_option(letter, options) else None
    if len(same := same_options(options, text)) == 1:
        return LETTERS[same[0]]
    if (led := _LED.fullmatch(text)) and (letter := _led_letter(led, options)):
        return letter
    named = [match["letter"] for match in _named(language).finditer(text)]
    distinct = {letter for letter in named if _is_option(letter, options)}
    return distinct.pop() if len(distinct) == 1 else None


def _led_letter(led: re.Match[str], options: Sequence[str]) -> str | None:
    """Return the letter that begins an answer, unless what follows contradicts it."""
    letter, rest = (led["letter"] or led["spaced"]).upper(), led["rest"].strip(" .()（）")
    if not _is_option(letter, options):
        return None
    same = same_options(options, rest)
    if same:
        return letter if LETTERS.index(letter) in same else None
    if rest and _begins_with(rest, options[LETTERS.index(letter)]):
        return letter
    another = _ANOTHER.match(rest) if rest else None
    if another and another["letter"].upper() != letter and _is_option(another["letter"].upper(), options):
        return None
    if led["spaced"]:
        rest_is_word = rest[:1].isascii() or letter in _WORDLIKE
        others = [
            other for other in re.findall(rf"(?<![^\W_])([A-Z]){_END}", rest) if _is_option(other, options)
        ]
        if others or (letter in _WORDLIKE and rest_is_word and rest[:1].isalpha() and rest[:1] < "\u2e80"):
            return None
    return letter


def _strict_letter(line: str, options: Sequence[str]) -> str | None:
    """Return the letter of a line that holds only the letter, alone or with its option's text."""
    line = line.strip()
    if alone := _ALONE.fullmatch(line):
        letter = alone["letter"]
        return letter if _is_option(letter, options) else None
    led = _LED.fullmatch(line)
    letter = (led["letter"] or led["spaced"]).upper() if led else ""
    same = same_options(options, led["rest"].strip(" ()（）")) if led else []
    return letter if _is_option(letter, options) and LETTERS.index(letter) in same else None


def _is_option(letter: str, options: Sequence[str]) -> bool:
    return letter != "" and letter in LETTERS[: len(options)]


def _begins_with(rest: str, option: str) -> bool:
    option = " ".join(option.split()).rstrip(".。").casefold()
    return (
        bool(option)
        and re.match(rf"{re.escape(option)}(?![^\W_])", " ".join(rest.split()).casefold()) is not None
    )


def _goes_on(text: str, end: int) -> bool:
    """Return whether a letter that may be a word is followed by a word, as in `The answer is A dog`."""
    return text[end - 1] in _WORDLIKE and re.match(r"[ \t]+[a-zà-ÿ]", text[end:]) is not None


def _latin(text: str, language: str) -> str:
    """Return a text without emphasis, with wide letters, look-alikes and Arabic list letters as Latin letters."""
    text = unicodedata.normalize("NFKC", text)
    for _ in range(_MOST_NESTED):
        text = _WRAPPED.sub(r"\1", text)
    text = _MARKS.sub("", text).strip()
    if language in _LOOKALIKES:
        table = _LOOKALIKES[language]
        text = re.sub(rf"(?<!\w)[{''.join(table)}](?!\w)(?! [а-яё])", lambda match: table[match[0]], text)
    if language == "ar":
        text = re.sub(
            rf"(?<!\w)(?:هـ|[{''.join(sign for sign in _ARABIC if len(sign) == 1)}])(?!\w)",
            lambda match: _ARABIC[match[0]],
            text,
        )
    return text


@functools.cache
def _named(language: str) -> re.Pattern[str]:
    """Return a pattern of a letter behind a word for an option or an answer: `option B`, `the answer is B`."""
    words = "|".join(OPTION_WORDS[code] for code in dict.fromkeys((language, "en")))
    return re.compile(
        rf"(?:{words}|{lead_in_pattern(language, 'answer')}){_before_letter(language)}", re.IGNORECASE
    )


@functools.cache
def _sentence(language: str) -> re.Pattern[str]:
    """Return a pattern of a sentence that states the answer: `The answer is B`, `the correct option is B`."""
    options = []
    for code in dict.fromkeys((language, "en")):
        final, after = LEAD_INS["final"][code], LEAD_INS["final after"][code]
        option = f"(?:{OPTION_WORDS[code]})"
        options.append(rf"(?:{final})\s*{option}|{option}\s*(?:{final}|{after})(?![^\W\d])")
    return re.compile(
        rf"(?:{lead_in_pattern(language, 'answer')}|{'|'.join(options)}){_before_letter(language)}",
        re.IGNORECASE,
    )


def _before_letter(language: str) -> str:
    """Return a pattern of what may stand between a noun and its letter, and of the letter."""
    codes = dict.fromkeys((language, "en"))
    words = "|".join(f"{LEAD_INS['is'][code]}|{LEAD_INS['the'][code]}|{OPTION_WORDS[code]}" for code in codes)
    return rf"(?:[\s:]*(?:\w{{1,4}}['’])?(?:{words})){{0,4}}[\s:]*{_OPENED}(?-i:(?P<letter>[A-Z])){_END_OF_LETTER}"
