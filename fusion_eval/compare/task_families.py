"""Tasks that are one task in several languages, told by their names: `mgsm_direct_sw`, `belebele_fra_Latn`, `wmt_en-fr_FR`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

_ISO_639_1 = (
    "aa ab af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv "
    "dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie "
    "ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv "
    "mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm "
    "rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts "
    "tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "
)
_CODES = frozenset(_ISO_639_1.split())
_LANGUAGE = re.compile(r"(?<![^\W_])(?:[a-z]{2}(?:[_-][A-Z]{2})?|[a-z]{3}_[A-Z][a-z]{3})(?![^\W_])")
"""A code with or without a region, or a longer code with its script."""


@dataclass(frozen=True, slots=True)
class Family:
    """What a task is called without its language, and that language; a task alone is a family of its own."""

    name: str
    language: str | None


def families(languages: Mapping[str, str | None]) -> dict[str, Family]:
    """The family of every task, from the tasks' names and the languages that are known of them (or None).

    Sisters have names that differ in a language alone. Of several codes in a name (`mgsm_en_cot_sw` thinks in English) it
    is the one that differs among the most sisters.
    """
    readings = {task: _readings(task, language) for task, language in languages.items()}
    sisters = Counter(name for found in readings.values() for name in found)
    return {task: _family(task, languages[task], found, sisters) for task, found in readings.items()}


def _family(task: str, language: str | None, found: Mapping[str, str], sisters: Counter[str]) -> Family:
    if not found:
        return Family(task, language)
    name = max(reversed(list(found)), key=lambda name: sisters[name])  # of equals the last code in the name
    if sisters[name] < 2:
        return Family(task, language)
    return Family(name, language or found[name])


def _readings(task: str, language: str | None) -> dict[str, str]:
    """Names without one of their codes, and that code."""
    found = {}
    for match in re.finditer(_LANGUAGE, task):
        if len(match[0]) > 5 or match[0][:2] in _CODES:
            found[_without(task, match.start(), match.end())] = match[0]
    for spelt in _spelt(task, language):
        found.setdefault(_without(task, spelt.start(), spelt.end()), language or "")
    return found


def without_language(name: str, language: str | None) -> str:
    """`low-fr-0` is `low-0` in French: the last mention counts."""
    found = _spelt(name, language)
    return _without(name, found[-1].start(), found[-1].end()) if found else name


def _spelt(name: str, language: str | None) -> list[re.Match[str]]:
    """Where a language stands in a name as a word of its own, in whatever case."""
    return list(re.finditer(rf"(?i)(?<![^\W_]){re.escape(language)}(?![^\W_])", name)) if language else []


def _without(name: str, start: int, end: int) -> str:
    """`name` without the part from `start` to `end` and one of the marks around it."""
    before, after = name[:start], name[end:]
    if before and not before[-1].isalnum():
        before = before[:-1]
    elif not before and after:
        after = after[1:]
    return before + after or name
