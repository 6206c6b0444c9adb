"""Keep the keys of an endpoint out of everything that it sends back: answers that are stored, and error messages."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

from fusion_eval.text.redaction import safe_message

SHORTEST_KEY = 16
"""Characters. Shorter keys are words such as `EMPTY`, which local servers take; an answer may hold them."""
_REVEALING = 12
"""Characters of a key in a row that reveal it."""
_CHUNK = 6
"""Every run of `_REVEALING` characters of a key holds a whole chunk of this length, counted from its beginning."""
_READ = 4000
"""Characters of an error text that are read at most."""
_HIDDEN = "***"


class Redactor:
    """Hide the secrets of one endpoint, whole, in part, reversed, in another case or in base64.

    Args:
        secrets: Keys and passwords that requests hold.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self.secrets = tuple(secret for secret in secrets if secret)
        self._forms = [
            form for secret in self.secrets if len(secret) >= SHORTEST_KEY for form in _forms(secret)
        ]

    def text(self, text: str) -> str:
        """Return an answer of the model without the secrets."""
        if not self._forms or not any(_parts(text, form, _REVEALING) for form in self._forms):
            return text
        for form in self._forms:  # a key that was split leaves short parts behind
            for part in dict.fromkeys(_parts(text, form, _CHUNK)):
                text = text.replace(part, _HIDDEN)
        return text

    def message(self, text: str, limit: int = 300) -> str:
        """Return the text of a server fit for a message: short, on one line, and without the secrets."""
        return safe_message(self.text(text.strip()[:_READ]), self.secrets, limit)


def _forms(secret: str) -> Iterator[str]:
    """Yield the forms in which a secret may come back, in lower case."""
    yield secret.lower()
    yield secret[::-1].lower()
    for before in range(3):  # base64 has three forms, by how many bytes precede the secret
        encoded = base64.b64encode(bytes(before) + secret.encode(errors="replace")).decode()
        inner = encoded.rstrip("=")[2 * before : -2].lower()
        yield inner
        if "+" in inner or "/" in inner:
            yield inner.replace("+", "-").replace("/", "_")


def _parts(text: str, form: str, shortest: int) -> list[str]:
    """Return the parts of `form` in the text that have at least `shortest` characters, as the text spells them."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a letter whose small form has two characters would shift the places
        lowered = text
    parts: list[str] = []
    for start in range(0, len(form) - _CHUNK + 1, _CHUNK):
        place = lowered.find(form[start : start + _CHUNK])
        while place >= 0:
            left, right = _extent(lowered, form, place, start)
            if right - left >= shortest:
                parts.append(text[left:right])
            place = lowered.find(form[start : start + _CHUNK], right)
    return parts


def _extent(text: str, form: str, place: int, start: int) -> tuple[int, int]:
    """Return how far the text agrees with `form` around a chunk that both have at `place` and `start`."""
    left, i = place, start
    while left and i and text[left - 1] == form[i - 1]:
        left, i = left - 1, i - 1
    right, i = place + _CHUNK, start + _CHUNK
    while right < len(text) and i < len(form) and text[right] == form[i]:
        right, i = right + 1, i + 1
    return left, right
