"""Recognize a fusor's refusal to answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

# An apology alone is no refusal, since it may be the answer. What counts is the inability to help, at the start.
_SORRY = (
    r"(?:i(?:['’]m| am) )?(?:very |so |truly )?sorry|i apologi[sz]e|unfortunately|i(?:['’]m| am) afraid",
    r"(?:je suis )?(?:vraiment )?désolée?|je regrette|malheureusement",
    r"(?:es )?tut mir (?:sehr )?leid|entschuldig\w*|leider",
    r"lo siento|lo lamento|lamentablemente",
    r"извин\w*|простите|к сожалению|мне (?:очень )?жаль",
    r"mi dispiace|purtroppo|spiacente",
    r"(?:sinto|lamento) muito|lamento|desculp\w*|infelizmente",
    r"(?:大変)?申し訳|すみません|残念ながら",
    r"죄송|유감|안타깝게도",
    r"(?:很|非常)?抱歉|对不起|對不起|遗憾的是",
    r"(?:أنا )?آسف\w*|عذر\w*|[أا]عتذر|للأسف",
)
_CANNOT = (
    r"i(?: can(?:no|['’])t| can not| won['’]t| will not| must decline| have to decline"
    r"|(?: am|['’]m) (?:not able|unable))(?: \w+){0,2}? "
    r"(?:help(?! \w+ing\b)|assist|comply|fulfil|provide|answer|respond|continue|do that|engage|create|generate)",
    r"as an ai(?: language)?(?: model| assistant)?, i",
    r"je ne (?:peux|puis) pas (?:vous |t['’])?(?:y )?(?:aider|assister|répondre|fournir|satisfaire|continuer)",
    r"je ne suis pas en mesure d(?:e |['’])(?:vous )?(?:aider|assister|répondre|fournir|satisfaire)",
    r"(?:(?:dabei|damit|da) )?(?:ich kann|kann ich)(?: \w+){0,4}? nicht (?:\w+ )?"
    r"(?:weiterhelfen|helfen|beantworten|erfüllen|nachkommen|unterstützen|bereitstellen|dienen)",
    r"no puedo (?:ayudar|responder|proporcionar|cumplir|continuar|asistir)",
    r"я не (?:могу|в состоянии) (?:\w+ )?(?:помочь|ответить|предоставить|выполнить|продолжить)",
    r"non (?:posso|sono in grado di) (?:aiutar|risponder|fornir|soddisfar|continuar|assister)",
    r"não (?:posso|consigo) (?:ajud|respond|fornec|atend|continu|auxili)",
    # In Japanese, Korean and Chinese, what cannot be done may come first.
    r"[^。\n]{0,30}?(?:お(?:手伝い|答え|応え|力)|ご(?:対応|要望|支援|提供|回答|案内))[^。\n]{0,16}?"
    r"(?:できません|できかねます|いたしかねます|致しかねます|なれません)",
    r"[^.\n]{0,30}?(?:도와 ?드|도움을 드|답변(?:을|해)? ?드|답변하|제공(?:해 드|하)|응답하|대답하)\w* (?:수가? 없|어렵)",
    r"[^。，,\n]{0,16}?(?:无法|無法|不能)(?:为您|为你|為您)?(?:帮|幫|协助|協助|回答|提供|满足|滿足|继续|完成)",
    r"لا (?:[أا]ستطيع|يمكنني|[أا]قدر)(?: على)? ?\S{0,3}(?:مساعد|[إا]جابة|تقديم|تلبية|الرد|تنفيذ)",
)
_REFUSAL = re.compile(
    rf"\W*(?:(?:{'|'.join(_SORRY)}).{{0,60}}?)?(?:{'|'.join(_CANNOT)})", re.IGNORECASE | re.DOTALL
)


def is_refusal(answer: str, candidates: Sequence[str]) -> bool:
    """Whether an answer opens as a refusal in one of the 11 languages, and no candidate does.

    If a candidate refuses too, a refusal is probably the right answer to the prompt.
    """
    return bool(_REFUSAL.match(answer)) and not any(_REFUSAL.match(text) for text in candidates)
