"""Find tasks that are one task in several languages, by their names: `mgsm_direct_sw`, `belebele_fra_Latn`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from fusion_eval.text.language import translation_target

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
"""A two-letter code, with or without a region, or a three-letter code with its script."""


@dataclass(frozen=True, slots=True)
class Family:
    """The name of a task without its language, and the language. A task without siblings is a family of its own."""

    name: str
    language: str | None


def families(languages: Mapping[str, str | None]) -> dict[str, Family]:
    """Return the family of every task.

    The names of sibling tasks differ in their language only. If a name has several language codes (`mgsm_en_cot_sw`
    reasons in English), its language is the code that differs among most siblings.

    Args:
        languages: The language of each task as its metadata say, or None.
    """
    candidates = {task: _family_names(task, language) for task, language in languages.items()}
    siblings = Counter(name for names in candidates.values() for name in names)
    return {task: _family(task, languages[task], names, siblings) for task, names in candidates.items()}


def without_language(name: str, language: str | None) -> str:
    """Remove the last mention of a language from a name: `low-fr-0` in French is `low-0`."""
    mentions = _mentions(name, language)
    return _cut(name, mentions[-1].start(), mentions[-1].end()) if mentions else name


def _family(task: str, language: str | None, names: Mapping[str, str], siblings: Counter[str]) -> Family:
    if not names:
        return Family(task, language)
    name = max(reversed(list(names)), key=lambda name: siblings[name])  # of equals, the last code in the name
    if siblings[name] < 2:
        return Family(task, language)
    return Family(name, language or names[name])


def _family_names(task: str, language: str | None) -> dict[str, str]:
    """Return the task's name without each of its language codes, with that code."""
    names = {}
    for code in re.finditer(_LANGUAGE, task):
        if len(code[0]) > 5 or code[0][:2] in _CODES:
            names[_cut(task, code.start(), code.end())] = code[0]
    target = translation_target(task)
    for mention in _mentions(task, target)[-1:]:
        names.setdefault(_cut(task, mention.start(), mention.end()), mention[0])
    for mention in _mentions(task, language):
        names.setdefault(_cut(task, mention.start(), mention.end()), language or "")
    return names


def _mentions(name: str, language: str | None) -> list[re.Match[str]]:
    """Find the language in a name, as a word of its own and in any case."""
    return list(re.finditer(rf"(?i)(?<![^\W_]){re.escape(language)}(?![^\W_])", name)) if language else []


def _cut(name: str, start: int, end: int) -> str:
    """Remove `name[start:end]` and one of the separators around it."""
    before, after = name[:start], name[end:]
    if before and not before[-1].isalnum():
        before = before[:-1]
    elif not before and after:
        after = after[1:]
    return before + after or name
