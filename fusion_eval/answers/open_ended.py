"""What can be said of an open-ended answer without a judge: is it in the prompt's language, how long, is it empty."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from py3langid.langid import MODEL_FILE, LanguageIdentifier

LANGUAGES = ("en", "fr", "de", "es", "ru", "it", "pt", "ja", "ko", "zh", "ar")

# To the end of the text where nothing closes it: the answer may have been cut short.
_FENCED = re.compile(r"(`{3,}).*?(?:\1|\Z)", re.DOTALL)


def score(doc: Mapping[str, str], results: Sequence[str]) -> dict[str, float]:
    """The three metrics of one answer.

    `answer_language` is 1.0 where the answer is written in `doc["language"]` (an ISO code), else 0.0. Fenced code is
    left out first; where no letter remains (nothing but code or numbers, or nothing at all) it is 0.0, since such an
    answer shows no language. `length` is in characters, as words mean nothing in Japanese and Chinese, without the
    white space around the answer. `empty` is 1.0 where there is nothing but white space, else 0.0.
    """
    answer = results[0].strip()
    return {
        "answer_language": float(identify(answer) == doc["language"]),
        "length": float(len(answer)),
        "empty": float(not answer),
    }


def identify(text: str) -> str | None:
    """The most likely of the 11 languages, fenced code left out; None where no letter remains."""
    prose = _FENCED.sub(" ", text)
    if not any(letter.isalpha() for letter in prose):
        return None
    language, _ = _identifier().classify(prose)
    return str(language)


@functools.cache
def _identifier() -> LanguageIdentifier:
    """Our own, as py3langid's functions share one, whose languages others may have set. Takes a second to load."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(LANGUAGES)
    return identifier
