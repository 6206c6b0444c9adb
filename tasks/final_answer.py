"""The final answer in a model's reply: what is boxed, or what stands behind the marker that the prompt asked for."""

from __future__ import annotations

import functools
import re
import unicodedata

MARKERS = {
    "en": "Answer:",
    "fr": "Réponse :",
    "de": "Antwort:",
    "es": "Respuesta:",
    "ru": "Ответ:",
    "it": "Risposta:",
    "pt": "Resposta:",
    "ja": "答え：",
    "ko": "정답:",
    "zh": "答案：",
    "ar": "الإجابة:",
    "hi": "उत्तर:",
    "sw": "Jibu:",
    "th": "คำตอบ:",
}
"""How the last line begins that a prompt in a language asks for."""

# What models write instead, as patterns; in English also before the marker of any language.
_ALSO = {
    "en": r"(?:the\s)?(?:final\s)?answer(?:\sis)?",
    "fr": r"(?:la\s)?r[ée]ponse(?:\sfinale)?(?:\sest)?",
    "de": r"(?:die\s)?(?:endgültige\s|finale\s)?antwort(?:\sist|\slautet)?|endergebnis|ergebnis",
    "es": r"(?:la\s)?respuesta(?:\sfinal|\scorrecta)?(?:\ses)?",
    "ru": r"(?:окончательный\s|итоговый\s|правильный\s)?ответ",
    "it": r"(?:la\s)?risposta(?:\sfinale|\scorretta)?(?:\sè)?",
    "pt": r"(?:a\s)?resposta(?:\sfinal|\scorreta)?(?:\sé)?",
    "ja": r"(?:最終的な)?答え?は?|(?:最終)?(?:解答|回答)",
    "ko": r"(?:최종\s?)?(?:정답|답변|답)은?",
    "zh": r"(?:最终|最終)?(?:答案|回答)(?:是|为)?|答",
    "ar": r"(?:الإجابة|الاجابة|الجواب)(?:\s(?:النهائية|النهائي|الصحيحة))?(?:\sهي|\sهو)?",
    "hi": r"(?:अंतिम\s)?उत्तर|जवाब",
    "sw": r"jibu(?:\sla\smwisho)?(?:\sni)?",
    "th": r"คำตอบ(?:สุดท้าย)?(?:คือ)?",
}

_TAGS = re.compile(r"(?<!`)<(/?)think(?:ing)?>(?!`)", re.IGNORECASE)
_BRACES = re.compile(r"\\f?box(?:ed)?\s*\{|\\.|[{}]", re.DOTALL)
_EMPHASIS = " \t\r*_`"
_BEFORE = (
    r"[ \t>#*_\-•\u200b-\u200f\u202a-\u202e\u2066-\u2069]*"  # lists, quotes, headings, marks of direction
)
_LAST_NUMBER = re.compile(
    r"(?:(?<![\w)\]])[-−–]\s?[$€£¥₹]?)?(?:\\[dt]?frac\{\d+\}\{\d+\}|\d+(?:[.,'’٬٫]\d+|[ \u00a0\u202f\u2009]\d{3}(?!\d))*"
    r"(?:\s?/\s?\d+)?)[½¼¾]?\s?(?:[万萬亿億兆만억조千百十천백]+|\\?[%٪])?"
)


def final_answer(text: str, language: str) -> str | None:
    """What a reply gives as its answer, without white space and emphasis around it; None where it gives none.

    That is the content of the last `\\boxed{…}`, else what stands behind the last marker at the beginning of a line
    (on the line below where nothing follows it): the marker of `language` (an ISO code) or the English one. What a
    model thinks aloud (`<think>…</think>`) does not count. Raises ValueError for a language without a marker.
    """
    if language not in MARKERS:
        raise ValueError(f"there is no marker of an answer in '{language}'; there are {', '.join(MARKERS)}")
    reply = without_reasoning(text)
    return _last_boxed(reply) or _behind_marker(unicodedata.normalize("NFC", reply), language)


def last_number(text: str) -> str | None:
    """The last number of a reply, as it is written: a last resort where `final_answer` finds nothing."""
    found = [match[0].strip() for match in _LAST_NUMBER.finditer(without_reasoning(text))]
    return found[-1] if found else None


def without_reasoning(text: str) -> str:
    """A reply without what was thought aloud.

    The opening tag may stand in the chat template, so that the reply holds the closing one alone. A reply that was
    cut off before its first thought ended has nothing else.
    """
    kept: list[str] = []
    start, opened = 0, None
    for tag in _TAGS.finditer(text):
        if not tag[1]:
            opened = tag.start() if opened is None else opened
            continue
        if opened is not None:
            kept.append(text[start:opened])
        start, opened = tag.end(), None
    unfinished = opened is not None and not "".join([*kept, text[start:opened]]).strip()
    return "" if unfinished else "\n".join([*kept, text[start:]])


def _last_boxed(text: str) -> str | None:
    """One pass with a stack, so that a text of nothing but openings takes no longer than another."""
    if "\\boxed" not in text and "\\fbox" not in text:
        return None
    open_braces: list[int | None] = []
    last = (-1, "")
    for token in _BRACES.finditer(text):
        if token[0].endswith("{") and len(token[0]) > 2:
            open_braces.append(token.end())
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces:
            begin = open_braces.pop()
            if begin is not None and begin > last[0] and (content := text[begin : token.start()].strip()):
                last = (begin, content)
    return last[1] or None


def _behind_marker(text: str, language: str) -> str | None:
    answer = None
    for match in _marker(language).finditer(text):
        line = match["same"].strip(_EMPHASIS) or (match["below"] or "").strip(_EMPHASIS)
        answer = line or answer
    return answer


@functools.cache
def _marker(language: str) -> re.Pattern[str]:
    words = "|".join(dict.fromkeys((_ALSO[language], _ALSO["en"])))
    return re.compile(
        rf"^{_BEFORE}(?:{words})[ \t\u00a0\u202f*_]*[:：﹕](?P<same>[^\n]*)(?=(?:\n\s*(?P<below>[^\n]+))?)",
        re.IGNORECASE | re.MULTILINE,
    )
