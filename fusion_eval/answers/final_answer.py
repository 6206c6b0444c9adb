r"""Find the final answer in a model's reply.

The grader reads the last line that begins with `Answer:`, or a `\boxed{}` after it. Without either, it reads a last
line such as `The final answer is 18`. A reply without any of them counts as unanswered.
"""

from __future__ import annotations

import functools
import re

from fusion_eval.answers.conjunctions import CONJUNCTION
from fusion_eval.answers.last_line import answer_in_last_line
from fusion_eval.answers.lead_ins import MARKERS, lead_in_pattern
from fusion_eval.answers.visible_answer import visible_text

_BRACES = re.compile(r"\\f?box(?:ed)?\s*\{|\\.|[{}]", re.DOTALL)
_EMPHASIS = " \t\r*_`"
_QUOTES = {
    "“": "”", "„": "“”", "”": "”", '"': '"', "「": "」", "『": "』", "«": "»", "‹": "›", "'": "'", "‘": "’",
}  # fmt: skip
_SPACE = r"[ \t\u00a0\u202f*_]{0,9}"
_SIGNS = rf"[^\w\n{''.join(_QUOTES)}【〔［\[\\]"
"""Signs of lists, quotes and headings, ticks, arrows, and invisible direction marks."""
_NUMBERED = r"(?:\(?\d{1,2}[.)][ \t*_]+)?"
_FENCE = r"(?:\\\[|\$\$|`{3}\w*)[ \t\r]*"  # the start of a displayed formula or of a code block
_BETWEEN_BOXES = re.compile(
    rf"(?:[\s$.*]|\\[()\[\]]|\\text\s?\{{)*(?:[,;，、；]|{CONJUNCTION})(?:[\s$*}}]|\\[()\[\]]|{CONJUNCTION})*(?:[A-Za-z](?:_\{{?\w\}}?)?\s*=\s*)?"
)
"""What joins the boxes of a list, such as `, and`."""


def final_answer(text: str, language: str) -> str | None:
    r"""Return the final answer of a reply, or None if the reply states none.

    The answer is the marked one. If nothing is marked, the last line may state it: `The final answer is 18.`

    Args:
        text: The reply.
        language: ISO code of the language of the prompt.

    Raises:
        ValueError: `MARKERS` has no marker for the language.
    """
    answer = marked_answer(text, language)
    return answer_in_last_line(visible_text(text), language) if answer is None else answer


def marked_answer(text: str, language: str) -> str | None:
    r"""Return the answer of a reply that is in a box or behind a marker, or None if there is none.

    The answer is the content of the last `\boxed{…}` or the text after the last marker at the start of a line,
    whichever comes later. Boxes that a comma or a conjunction joins are one list. If nothing follows the marker on its
    line, the next line counts. The marker may be the one of the language or the English one, with the words of
    `lead_ins.LEAD_INS` around it. Reasoning (`<think>…</think>`) does not count, nor does text after a token that ends
    the turn.

    Args:
        text: The reply.
        language: ISO code of the language of the prompt.

    Raises:
        ValueError: `MARKERS` has no marker for the language.
    """
    if language not in MARKERS:
        raise ValueError(f"there is no marker of an answer in '{language}'; there are {', '.join(MARKERS)}")
    reply = visible_text(text)
    return max(_last_boxed(reply), _after_marker(reply, language))[1] or None


def _last_boxed(text: str) -> tuple[int, str]:
    r"""Return the position and the content of the last `\boxed{…}` or list of them, or (-1, "") if there is none.

    One pass with a stack keeps the time linear, even for a text of nothing but opening braces.
    """
    if "\\boxed" not in text and "\\fbox" not in text:
        return -1, ""
    last = (-1, "")
    listed: list[str] = []
    list_end = 0
    open_braces: list[tuple[int, int] | None] = []
    for token in _BRACES.finditer(text):
        if token[0].endswith("{") and len(token[0]) > 2:
            open_braces.append((token.start(), token.end()))
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}" and open_braces:
            box = open_braces.pop()
            if box is None or box[1] <= last[0] or not (content := text[box[1] : token.start()].strip()):
                continue
            if not (listed and box[0] - list_end <= 60 and _BETWEEN_BOXES.fullmatch(text, list_end, box[0])):
                listed = []
            listed.append(content)
            last, list_end = (box[1], content), token.end()
    return last[0], ", ".join(dict.fromkeys(listed))


def _after_marker(text: str, language: str) -> tuple[int, str]:
    """Return the position of the last marker with an answer, and the answer, or (-1, "") if there is none."""
    last = (-1, "")
    for match in _marker(language).finditer(text):
        line = _without_quotes(match["same"] or "", match["quote"]).strip(_EMPHASIS)
        if "|" in match["signs"]:  # a row of a table
            line = line.strip(_EMPHASIS + "|")
        if re.fullmatch(_FENCE, line):
            line = ""
        if not line and match["result"] is None:
            line = (match["below"] or "").strip(_EMPHASIS)
        if line:
            last = (match.start(), line)
    return last


def _without_quotes(line: str, quote: str) -> str:
    """Return the line up to the quote that closes `quote`, which was opened before the marker."""
    closing = max((line.rfind(mark) for mark in _QUOTES.get(quote, "")), default=-1)
    return line if closing < 0 else line[:closing]


@functools.cache
def _marker(language: str) -> re.Pattern[str]:
    answer = lead_in_pattern(language, "answer")
    words = rf"(?:{answer}|(?P<result>{lead_in_pattern(language, 'result')}))"
    colon = rf"{words}{_SPACE}(?:[,，،]{_SPACE})?[:：﹕∶]"
    bracketed = rf"[【〔［\[](?:{answer})[】〕］\]]{_SPACE}[:：﹕]?"
    # A heading needs no colon.
    heading = rf"(?<=[*_#])[^\w\n*_#]{{0,9}}(?:{answer})[*_ ]{{0,4}}[ \t\r]*(?=\n)"
    below = rf"(?=(?:\n\s*(?:{_FENCE}\n\s*)?(?P<below>[^\n]+))?)"
    return re.compile(
        rf"^(?P<signs>{_SIGNS}{{0,30}}{_NUMBERED}{_SIGNS}{{0,9}})(?P<quote>[{''.join(_QUOTES)}]?)[*_ \u00a0\u202f]{{0,3}}(?:{colon}|{bracketed}|{heading})(?P<same>[^\n]*){below}",
        re.IGNORECASE | re.MULTILINE,
    )
