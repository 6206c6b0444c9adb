"""Separate what a reasoning model thinks aloud from its answer, in every raw form that models write."""

from __future__ import annotations

import re

_TAG = re.compile(
    r"<(?P<close>/)?\s{0,3}(?:[\w-]{1,30}[:_])?(?:think|thinking|thought|thoughts)(?:\s[^<>]{0,100})?>"
    r"|\[(?P<close2>/)?THINK\]"
    r"|◁(?P<close3>/)?think▷"
    r"|<\|(?:begin_of_thought|START_THINKING|inner_prefix)\|>"
    r"|(?P<close4><\|(?:end_of_thought|END_THINKING|inner_suffix)\|>)",
    re.IGNORECASE,
)
"""Opening and closing tags: `<think>`, `<seed:think>`, `[THINK]`, Kimi's, OpenThinker's, Cohere's and Apertus's."""
_MOST_TAGS = 100
"""Blocks of a reply, and tags within one block. A reply with more is broken, and its time must stay bounded."""
_VISIBLE = re.compile(r"\S")
_LINE_START = re.compile(r"(?:\A|\n)[ \t]*\Z")
_LINE_END = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_ANSWER_TAG = re.compile(r"<\|(?:begin_of_solution|end_of_solution|START_RESPONSE|END_RESPONSE)\|>")
_HARMONY_START = re.compile(r"\s*(?:<\|start\|>\w*\s*)?<\|(?:channel|message)\|>")
_HARMONY_LATER = re.compile(r"<\|start\|>assistant\s*<\|channel\|>|<\|channel\|>\s*final\s*<\|message\|>")
_HARMONY_PART = re.compile(
    r"(?:<\|channel\|>\s*(?P<channel>\w*)[^<]*(?:<\|constrain\|>[^<]*)?)?<\|message\|>"
    r"(?P<text>.*?)(?=<\|(?:end|return|call|start|channel|message)\|>|\Z)",
    re.DOTALL,
)
_BARE_HARMONY = re.compile(r"analysis(?=\S)(?P<thought>.*)assistant\s*final(?P<text>.*)\Z", re.DOTALL)
"""Harmony whose special tokens the server has removed."""


def split_reasoning(text: str) -> tuple[str, str]:
    """Split a reply into answer and reasoning.

    Reasoning comes first: in blocks between tags, in a block whose opening tag the chat template has already written,
    in a block that was cut off before it closed, or in the channels of gpt-oss ("harmony"). Further blocks count where
    they begin a line. Other tags later in a reply belong to the answer.

    Returns:
        The answer and the reasoning; both may be empty.
    """
    lowered = text.lower()
    if not ("think" in lowered or "thought" in lowered or "<|" in text or text.startswith("analysis")):
        return text, ""  # no mark of reasoning; every reply comes here
    if _HARMONY_START.match(text) or _HARMONY_LATER.search(text):
        return _split_channels(text)
    if bare := _BARE_HARMONY.match(text):
        return bare["text"].lstrip(), bare["thought"].strip()
    answer, thoughts = _split_leading_blocks(text)
    if not thoughts:
        answer, thoughts = _split_at_closing_tag(text)
    if not thoughts:
        return text, ""
    answer, later = _split_later_blocks(answer)
    answer = _ANSWER_TAG.sub("", answer).lstrip()
    return answer, "\n".join(filter(None, (thought.strip() for thought in (*thoughts, *later))))


def _split_leading_blocks(text: str) -> tuple[str, list[str]]:
    """Take all blocks from the beginning of a reply."""
    thoughts: list[str] = []
    place = 0
    while True:
        visible = _VISIBLE.search(text, place)
        tag = visible and _TAG.match(text, visible.start())
        if tag is None or _closes(tag) or len(thoughts) > _MOST_TAGS:
            return text[place:].lstrip() if thoughts else text, thoughts
        closing = _closing_tag(text, tag.end())
        if closing is None:  # cut off during reasoning: there is no answer yet
            return "", [*thoughts, text[tag.end() :]]
        thoughts.append(text[tag.end() : closing.start()])
        place = closing.end()


def _closing_tag(text: str, start: int) -> re.Match[str] | None:
    """Return the closing tag of a block that is open at `start`; a block within it is part of it."""
    depth, first = 1, None
    for number, tag in enumerate(_TAG.finditer(text, start)):
        if not _closes(tag):
            depth += 1
            continue
        first = first or tag
        depth -= 1
        if not depth:
            return tag
        if number > _MOST_TAGS:
            break
    return first  # an opening tag in between was only mentioned


def _split_at_closing_tag(text: str) -> tuple[str, list[str]]:
    """Take a block whose opening tag the chat template has already written."""
    for tag in _TAG.finditer(text):
        if _is_quoted(text, tag):  # mentioned, not used
            continue
        if not _closes(tag):
            break
        return text[tag.end() :].lstrip(), [text[: tag.start()]]
    return text, []


def _split_later_blocks(answer: str) -> tuple[str, list[str]]:
    """Take the blocks that begin a line after the first answer text, and what precedes a closing tag alone on its line."""
    kept: list[str] = []
    thoughts: list[str] = []
    place = 0
    for tag in _TAG.finditer(answer):
        if len(thoughts) > _MOST_TAGS:
            break
        if tag.start() < place or not _LINE_START.search(answer, max(0, tag.start() - 20), tag.start()):
            continue
        if not _closes(tag):
            closing = _closing_tag(answer, tag.end())
            end = closing.end() if closing else len(answer)
            kept.append(answer[place : tag.start()])
            thoughts.append(answer[tag.end() : closing.start() if closing else end])
        elif _LINE_END.match(answer, tag.end()):
            end = tag.end()
            thoughts += [*kept, answer[place : tag.start()]]
            kept.clear()
        else:
            continue
        visible = _VISIBLE.search(answer, end)
        place = visible.start() if visible else len(answer)
    return "".join([*kept, answer[place:]]), thoughts


def _split_channels(text: str) -> tuple[str, str]:
    """Split gpt-oss's channels: `final`, or a message without a channel, is the answer."""
    answers: list[str] = []
    thoughts: list[str] = []
    place = 0
    for part in _HARMONY_PART.finditer(text):
        if not place:  # what precedes the first mark: the template wrote the beginning of the analysis
            thoughts.append(re.sub(r"<\|\w+\|>\w*", "", text[: part.start()]))
        place = part.end()
        (answers if part["channel"] in ("final", None, "") else thoughts).append(part["text"].strip())
    if not place:  # cut off within the first mark
        return "", re.sub(r"<\|\w*(?:\|>)?\w*", "", text).strip()
    return "\n".join(filter(None, answers)), "\n".join(
        filter(None, (thought.strip() for thought in thoughts))
    )


def _closes(tag: re.Match[str]) -> bool:
    return any(tag[name] for name in ("close", "close2", "close3", "close4"))


def _is_quoted(text: str, tag: re.Match[str]) -> bool:
    return text[tag.start() - 1 : tag.start()] == "`" or text[tag.end() : tag.end() + 1] == "`"
