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
    "en": r"(?:(?:so|thus|therefore|hence),?\s)?(?:the\s|my\s)?(?:final\s|correct\s)?answer(?:\sis)?",
    "fr": r"(?:donc,?\s)?(?:la\s)?(?:bonne\s)?r[ée]ponse(?:\sfinale)?(?:\sest)?",
    "de": r"(?:die\s)?(?:endgültige\s|finale\s|richtige\s)?(?:antwort|lösung)(?:\sist|\slautet)?|endergebnis|ergebnis",
    "es": r"(?:la\s)?respuesta(?:\sfinal|\scorrecta)?(?:\ses)?",
    "ru": r"(?:окончательный\s|итоговый\s|правильный\s)?ответ",
    "it": r"(?:la\s)?risposta(?:\sfinale|\scorretta)?(?:\sè)?",
    "pt": r"(?:a\s)?resposta(?:\sfinal|\scorreta)?(?:\sé)?",
    "ja": r"(?:最終的な)?答え?は?|(?:最終)?(?:解答|回答)",
    "ko": r"(?:최종\s?)?(?:정답|답변|답)은?",
    "zh": r"(?:所以|因此|故)?[，,]?(?:最[终終后後]的?|正[确確]的?)?(?:答案|回答)(?:是|为|為)?|答",
    "ar": r"(?:ال)?(?:إجابة|اجابة|جواب)(?:\s(?:النهائية|النهائي|الصحيحة))?(?:\sهي|\sهو)?",
    "hi": r"(?:अंतिम\s)?उत्तर|जवाब",
    "sw": r"jibu(?:\sla\smwisho)?(?:\sni)?",
    "th": r"คำตอบ(?:สุดท้าย)?(?:คือ)?",
}

_TAGS = re.compile(r"(?<!`)<(/?)think(?:ing)?>(?!`)", re.IGNORECASE)
_BRACES = re.compile(r"\\f?box(?:ed)?\s*\{|\\.|[{}]", re.DOTALL)
_EMPHASIS = " \t\r*_`"
# Lists, quotes, headings, marks of direction
_BEFORE = r"[ \t>#*_\-•\u200b-\u200f\u202a-\u202e\u2066-\u2069]*(?:\(?\d{1,2}[.)][ \t*_]+)?"
_QUOTES = {
    "“": "”",
    "„": "“”",
    "”": "”",
    '"': '"',
    "「": "」",
    "『": "』",
    "«": "»",
    "‹": "›",
    "'": "'",
    "‘": "’",
}
_GAP = r"[ \t\u00a0\u202f*_]*"
_END = re.compile(
    r"</s>|<\|(?:im_end|eot_id|end_of_text|endoftext|end|END_OF_TURN_TOKEN)\|>|<end_of_turn>|<｜end▁of▁sentence｜>"
)
_FENCE = r"(?:\\\[|\$\$|`{3}\w*)[ \t\r]*"  # a displayed formula or a block of code begins


def final_answer(text: str, language: str) -> str | None:
    """What a reply gives as its answer, without white space and emphasis around it; None where it gives none.

    That is the content of the last `\\boxed{…}`, or what stands behind the last marker at the beginning of a line (on
    the line below where nothing follows it), whichever comes later: the marker of `language` (an ISO code) or the
    English one. What a model thinks aloud (`<think>…</think>`) does not count, nor what comes after the token that
    ends its turn. Raises ValueError for a language without a marker.
    """
    if language not in MARKERS:
        raise ValueError(f"there is no marker of an answer in '{language}'; there are {', '.join(MARKERS)}")
    reply = unicodedata.normalize("NFC", _first_turn(without_reasoning(text)))
    return max(_last_boxed(reply), _behind_marker(reply, language))[1] or None


def _first_turn(text: str) -> str:
    return next((turn for turn in _END.split(text) if turn.strip()), "")


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


def _last_boxed(text: str) -> tuple[int, str]:
    """Where it begins (-1: nowhere), and what is in it.

    One pass with a stack, so that a text of nothing but openings takes no longer than another.
    """
    last = (-1, "")
    if "\\boxed" not in text and "\\fbox" not in text:
        return last
    open_braces: list[int | None] = []
    for token in _BRACES.finditer(text):
        if token[0].endswith("{") and len(token[0]) > 2:
            open_braces.append(token.end())
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces:
            begin = open_braces.pop()
            if begin is not None and begin > last[0] and (content := text[begin : token.start()].strip()):
                last = (begin, content)
    return last


def _behind_marker(text: str, language: str) -> tuple[int, str]:
    """Where the last marker with an answer begins (-1: nowhere), and the answer."""
    last = (-1, "")
    for match in _marker(language).finditer(text):
        line = _without_quotes(match["same"] or "", match["quote"]).strip(_EMPHASIS)
        if re.fullmatch(_FENCE, line):
            line = ""
        if line := line or (match["below"] or "").strip(_EMPHASIS):
            last = (match.start(), line)
    return last


def _without_quotes(line: str, quote: str) -> str:
    """What stands before the closing quote, where one was opened before the marker."""
    closing = max((line.rfind(mark) for mark in _QUOTES.get(quote, "")), default=-1)
    return line if closing < 0 else line[:closing]


@functools.cache
def _marker(language: str) -> re.Pattern[str]:
    words = "|".join(dict.fromkeys((_ALSO[language], _ALSO["en"])))
    colon = rf"(?:{words}){_GAP}[:：﹕]"
    bracketed = rf"[【〔［\[](?:{words})[】〕］\]]{_GAP}[:：﹕]?"
    # A heading needs no colon
    heading = rf"(?:(?<=\*\*)|(?<=__)|(?<=# ))(?:{words})[*_]{{0,3}}[ \t\r]*(?=\n)"
    below = rf"(?=(?:\n\s*(?:{_FENCE}\n\s*)?(?P<below>[^\n]+))?)"
    return re.compile(
        rf"^{_BEFORE}(?P<quote>[{''.join(_QUOTES)}]?)[*_ \u00a0\u202f]{{0,3}}(?:{colon}|{bracketed}|{heading})(?P<same>[^\n]*){below}",
        re.IGNORECASE | re.MULTILINE,
    )
