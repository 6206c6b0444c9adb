"""Reads a fusor's reply: its comparison, its answer, and how it left the form that it was asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_OPENED = re.compile(r"^[ \t>*_#]*Answer[ \t*_]*[:：][ \t*_]*\n?[ \t]*\[\[", re.MULTILINE | re.IGNORECASE)
_MARKED = re.compile(r"^[ \t>*_#]*Answer[ \t*_]*[:：][*_]*", re.MULTILINE | re.IGNORECASE)
_COMPARED = re.compile(r"[\s>*_#]*Comparison[ \t*_]*[:：][*_]*", re.IGNORECASE)
_BRACKETS = re.compile(r"\[{2,}|\]{2,}")

_REFUSAL = re.compile(
    r"\W*(?:(?:I(?:['’]m| am) )?(?:very |so |truly )?sorry[,;. ]|I (?:can(?:no|['’])t|am (?:not able|unable) to|won['’]t) "
    r"(?:help|assist|comply|fulfil|provide|do that|answer|continue)|As an AI\b|"
    r"Je (?:suis désolée?|ne peux pas (?:vous )?aider)|(?:Es tut mir leid|Ich kann .{0,20}nicht helfen)|"
    r"Lo siento|No puedo ayudar|Извините|Я не могу (?:помочь|ответить)|Mi dispiace|Non posso aiutar|"
    r"(?:Sinto muito|Desculpe)|Não posso ajudar|申し訳ありません|죄송하지만|(?:很?抱歉|对不起)[,，]|آسف|عذرًا)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Fused:
    """`departures`: `unmarked` (no form at all), `unbracketed` (no brackets), `unclosed` (no end)."""

    answer: str
    comparison: str = ""
    departures: tuple[str, ...] = ()


def read_fused(reply: str, *, bracketed: bool) -> Fused:
    """The parts of a reply; `bracketed` replies were asked for as `Comparison: …`, then `Answer: [[ … ]]`.

    An empty answer means that there is none (a comparison that was cut off, say), never that the rest would do.
    """
    text = reply.strip()
    if not bracketed:
        return Fused(text)
    opened = _OPENED.search(text)
    if opened:
        end = _end_of_answer(text, opened.end())
        comparison = _COMPARED.sub("", text[: opened.start()], count=1).strip()
        if end is None:
            return Fused(text[opened.end() :].strip(), comparison, ("unclosed",))
        return Fused(text[opened.end() : end].strip(), comparison)
    compared = _COMPARED.match(text)
    if not compared:  # a model that just answers; a line "Answer: 42" of the task's own form stays in it
        return Fused(text, "", ("unmarked",) if text else ())
    marked = _MARKED.search(text, compared.end())
    if not marked:
        return Fused("", text[compared.end() :].strip(), ("unmarked",))
    return Fused(
        text[marked.end() :].strip(), text[compared.end() : marked.start()].strip(), ("unbracketed",)
    )


def _end_of_answer(text: str, start: int) -> int | None:
    """Where the brackets opened just before `start` close, with what the answer itself opens and closes in between.

    In a longer run of closing brackets the last two close, so `[[ x[0]]]` holds `x[0]`. Where an answer's own
    brackets do not balance, the last pair closes; None where no pair is left.
    """
    depth = 1
    for run in _BRACKETS.finditer(text, start):
        pairs = len(run.group()) // 2
        if run.group()[0] == "[":
            depth += pairs
        elif depth > pairs:
            depth -= pairs
        else:
            return run.end() - 2
    last = text.rfind("]]", start)
    return last if last >= 0 else None


def is_refusal(answer: str, candidates: Sequence[str]) -> bool:
    """Whether the answer opens as refusals do while no candidate does.

    Where a candidate apologises too, the apology is likely the answer that the prompt deserves.
    """
    return bool(_REFUSAL.match(answer)) and not any(_REFUSAL.match(text) for text in candidates)
