"""Read a fusor's reply: its comparison, its answer, and how it differs from the form that the prompt asked for."""

from __future__ import annotations

import re

import msgspec

# Models that answer in another language are prone to translate the labels as well.
_COMPARISON = (
    "Comparison|Comparaison|Vergleich|Comparación|Сравнение|Confronto|Comparação|比較|比较|비교|(?:ال)?مقارنة"
)
_ANSWER = (
    "Answer|Réponse|Antwort|Respuesta|Ответ|Risposta|Resposta|回答|答え|答案|답변|(?:ال)?[إا]جابة|الجواب"
)

_LEAD = r"^[ \t>*_#]*"
_GAP = r"(?:[^\S\n]|[*_])*"
_FLAGS = re.IGNORECASE | re.MULTILINE

_COMPARED = re.compile(rf"{_LEAD}(?:{_COMPARISON}){_GAP}(?:[:：][*_]*|$)", _FLAGS)
_MARKED = re.compile(rf"{_LEAD}(?:{_ANSWER}){_GAP}(?:[:：][*_]*|$)", _FLAGS)
# With brackets, a label may also stand in the middle of a line, then with its colon.
_OPENED = re.compile(
    rf"(?:{_LEAD}(?P<label>{_ANSWER})|(?<![a-z])(?P<inner>{_ANSWER})(?={_GAP}[:：]))[\s*_]*(?:[:：][\s*_]*)?\[\[",
    _FLAGS,
)
_BRACKET = re.compile(r"[\[\]]")
_TAGGED = re.compile(r"<NEW_SOLUTION>(.*?)</NEW_SOLUTION>", re.DOTALL)


class Fused(msgspec.Struct, frozen=True):
    """The parts of a fusor's reply. An empty `answer` means that the reply has none."""

    answer: str
    comparison: str = ""
    departures: tuple[str, ...] = ()
    """How the reply differs from the form that the prompt asked for.

    `unmarked`: no label. `unbracketed`: no brackets. `unclosed`: no closing brackets. `uncompared`: no comparison.
    `translated`: the label is in another language. `trailing`: text after the end, which is left out.
    """


def read_fused(reply: str, *, bracketed: bool) -> Fused:
    """Read the parts of a reply.

    Args:
        reply: What the fusor wrote.
        bracketed: Whether the prompt asked for `Comparison: …`, then `Answer: [[ … ]]`. Else the whole reply is the
            answer.

    Returns:
        The parts. The answer is empty if the reply has none, for example if its comparison was cut off.
    """
    text = reply.strip()
    if not bracketed or not text:
        return Fused(text)
    found = _last_answer(text)
    if found:
        return _in_form(text, *found)
    compared = _COMPARED.search(text)
    marked = _MARKED.search(text, compared.end()) if compared else None
    if compared and marked:
        comparison = text[compared.end() : marked.start()].strip()
        return Fused(text[marked.end() :].strip(), comparison, ("unbracketed",))
    if compared and "\n" not in text[: compared.start()].strip():  # no answer came after it
        return Fused("", text[compared.end() :].strip(), ("unmarked",))
    # A model that just answers; a line "Answer: 42" of the task's own form stays in it.
    return Fused(text, "", ("unmarked",))


def read_tagged(reply: str) -> Fused:
    """Read a reply that ends with the answer between `<NEW_SOLUTION>` tags; the last closed pair counts.

    A reply without such a pair has no answer. NeMo-Skills reads it in the same way (`parallel_thinking.py`).
    """
    answers = _TAGGED.findall(reply)
    if not answers:
        return Fused("")
    before = reply[: reply.find("<NEW_SOLUTION>")].strip()
    trailing = ("trailing",) if reply.rpartition("</NEW_SOLUTION>")[2].strip() else ()
    return Fused(answers[-1].strip(), before, trailing)


def _in_form(text: str, opened: re.Match[str], end: int | None) -> Fused:
    before, inside = text[: opened.start()], text[opened.end() : end]
    compared = _COMPARED.search(before)
    comparison = before[compared.end() if compared else 0 :].strip()
    label = opened["label"] or opened["inner"]
    held = {
        "unclosed": end is None,
        "uncompared": not comparison,
        "translated": label.lower() != "answer",
        "trailing": end is not None and text[end + 2 :].strip(" \t\r\n*_`") != "",
    }
    departures = tuple(name for name, holds in held.items() if holds)
    answer = inside.strip()
    if end is None and answer.endswith("]") and answer.count("]") > answer.count("["):
        answer = answer[:-1].rstrip()  # half of the close
    return Fused(answer, comparison, departures)


def _last_answer(text: str) -> tuple[re.Match[str], int | None] | None:
    """Find the last answer in the form that is not inside another one, and where it ends.

    The last one counts, since a comparison may quote a candidate that has written the form itself. If no brackets
    close, the first one counts, up to the last `]]` after it that can be its end.
    """
    closed: tuple[re.Match[str], int | None] | None = None
    loose: re.Match[str] | None = None
    pairs = _pairs(text)
    place = 0
    while text.find("[[", place) >= 0 and (opened := _OPENED.search(text, place)):  # finding is far faster
        end = _close(text, opened.end(), pairs)
        if end is None:
            loose = loose or opened
        else:
            closed = opened, end
        place = opened.end() if end is None else end + 2
    if closed or loose is None:
        return closed
    return _loosely_closed(text, loose)


def _pairs(text: str) -> dict[int, int]:
    """Map the place of each opening bracket to that of its closing bracket, if it has one."""
    opened: list[int] = []
    pairs: dict[int, int] = {}
    for bracket in _BRACKET.finditer(text):
        if bracket.group() == "[":
            opened.append(bracket.start())
        elif opened:
            pairs[opened.pop()] = bracket.start()
    return pairs


def _close(text: str, start: int, pairs: dict[int, int]) -> int | None:
    """Return where the `[[` just before `start` closes as a pair; None if it does not.

    In a longer run of closing brackets the last two close: `[[ (0, 1]]]` holds a half-open interval.
    """
    end = pairs.get(start - 1)
    if end is None or pairs.get(start - 2) != end + 1:
        return None
    while text[end + 2 : end + 3] == "]":
        end += 1
    return end


def _loosely_closed(text: str, opened: re.Match[str]) -> tuple[re.Match[str], int | None] | None:
    """Find the end of an answer whose own brackets do not balance, or that has no end."""
    inside = text[opened.end() :]
    surplus = inside.count("]") - inside.count("[")
    if surplus == 2 and not inside[:1].isspace():  # [[1, 2], [3, 4]]: the brackets are the answer's own
        return None
    last = text.rfind("]]", opened.end())
    closes = last >= 0 and (surplus > 0 or text[last - 1].isspace())
    return opened, last if closes else None
