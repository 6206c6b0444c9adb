r"""Find the final answer in a model's reply.

The grader reads the last line that states a final answer, or a `\boxed{}` after it. A reply without either counts as
unanswered.
"""

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
"""The beginning of the answer's line that prompts ask for, by language (ISO code)."""

# Patterns of what models write instead. The English ones count in every language.
_OTHER_MARKERS = {
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
# Signs of lists, quotes and headings, and invisible direction marks
_LINE_START = r"[ \t>#*_\-•\u200b-\u200f\u202a-\u202e\u2066-\u2069]*(?:\(?\d{1,2}[.)][ \t*_]+)?"
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
_SPACE = r"[ \t\u00a0\u202f*_]*"
_END_OF_TURN = re.compile(
    r"</s>|<\|(?:im_end|eot_id|end_of_text|endoftext|end|END_OF_TURN_TOKEN)\|>|<end_of_turn>|<｜end▁of▁sentence｜>"
)
_FENCE = r"(?:\\\[|\$\$|`{3}\w*)[ \t\r]*"  # the start of a displayed formula or of a code block


def final_answer(text: str, language: str) -> str | None:
    r"""Return the final answer of a reply, or None if the reply states none.

    The answer is the content of the last `\boxed{…}` or the text after the last marker at the start of a line,
    whichever comes later. If nothing follows the marker on its line, the next line counts. The marker may be the one
    of the language or the English one. Reasoning (`<think>…</think>`) does not count, nor does text after a token that
    ends the turn.

    Args:
        text: The reply.
        language: ISO code of the language of the prompt.

    Raises:
        ValueError: `MARKERS` has no marker for the language.
    """
    if language not in MARKERS:
        raise ValueError(f"there is no marker of an answer in '{language}'; there are {', '.join(MARKERS)}")
    reply = unicodedata.normalize("NFC", _first_turn(_without_reasoning(text)))
    return max(_last_boxed(reply), _after_marker(reply, language))[1] or None


def _first_turn(text: str) -> str:
    return next((turn for turn in _END_OF_TURN.split(text) if turn.strip()), "")


def _without_reasoning(text: str) -> str:
    """Return a reply without its reasoning, the text between `<think>` and `</think>`.

    If the chat template opens the reasoning, the reply holds only the closing tag. A reply that was cut off inside its
    first reasoning is empty.
    """
    kept: list[str] = []
    start: int = 0
    opened: int | None = None
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
    r"""Return the position and the content of the last `\boxed{…}`, or (-1, "") if there is none.

    One pass with a stack keeps the time linear, even for a text of nothing but opening braces.
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


def _after_marker(text: str, language: str) -> tuple[int, str]:
    """Return the position of the last marker with an answer, and the answer, or (-1, "") if there is none."""
    last = (-1, "")
    for match in _marker(language).finditer(text):
        line = _without_quotes(match["same"] or "", match["quote"]).strip(_EMPHASIS)
        if re.fullmatch(_FENCE, line):
            line = ""
        if line := line or (match["below"] or "").strip(_EMPHASIS):
            last = (match.start(), line)
    return last


def _without_quotes(line: str, quote: str) -> str:
    """Return the line up to the quote that closes `quote`, which was opened before the marker."""
    closing = max((line.rfind(mark) for mark in _QUOTES.get(quote, "")), default=-1)
    return line if closing < 0 else line[:closing]


@functools.cache
def _marker(language: str) -> re.Pattern[str]:
    words = "|".join(dict.fromkeys((_OTHER_MARKERS[language], _OTHER_MARKERS["en"])))
    colon = rf"(?:{words}){_SPACE}[:：﹕]"
    bracketed = rf"[【〔［\[](?:{words})[】〕］\]]{_SPACE}[:：﹕]?"
    # A heading needs no colon.
    heading = rf"(?:(?<=\*\*)|(?<=__)|(?<=# ))(?:{words})[*_]{{0,3}}[ \t\r]*(?=\n)"
    below = rf"(?=(?:\n\s*(?:{_FENCE}\n\s*)?(?P<below>[^\n]+))?)"
    return re.compile(
        rf"^{_LINE_START}(?P<quote>[{''.join(_QUOTES)}]?)[*_ \u00a0\u202f]{{0,3}}(?:{colon}|{bracketed}|{heading})(?P<same>[^\n]*){below}",
        re.IGNORECASE | re.MULTILINE,
    )
