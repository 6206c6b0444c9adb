"""Score open-ended answers without a judge: is the answer in the language of the prompt, how long is it, is it empty."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from py3langid.langid import MODEL_FILE, LanguageIdentifier

LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar")

# A block that nothing closes reaches to the end of the text: the answer may have been cut short.
_FENCED = re.compile(r"(`{3,}).*?(?:\1|\Z)", re.DOTALL)


def score(doc: Mapping[str, str], results: Sequence[str]) -> dict[str, float]:
    """Return the three metrics of one answer.

    Args:
        doc: The document of the task. Its field `language` is the ISO code of the expected language.
        results: The answer, as the harness passes it.

    Returns:
        `answer_language` is 1.0 if the answer is written in the expected language, else 0.0; fenced code is ignored,
        and an answer without any letter counts as 0.0. `length` is in characters, without white space around the
        answer, because Japanese and Chinese do not separate words. `empty` is 1.0 if the answer is only white space,
        else 0.0.
    """
    answer = results[0].strip()
    return {
        "answer_language": float(identify_language(answer) == doc["language"]),
        "length": float(len(answer)),
        "empty": float(not answer),
    }


def identify_language(text: str) -> str | None:
    """Return the most likely of the 11 languages (ISO code), or None if the text has no letter outside fenced code."""
    prose = _FENCED.sub(" ", text)
    if not any(letter.isalpha() for letter in prose):
        return None
    language, _ = _identifier().classify(prose)
    return str(language)


@functools.cache
def _identifier() -> LanguageIdentifier:
    """Load an identifier of our own, since py3langid's global one may have been set to other languages."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(LANGUAGES)
    return identifier
