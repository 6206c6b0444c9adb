"""Find what a model could have written in place of the last number of its reply, such as another rating."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from fusion_eval.models.openai.wire import Logprobs

_DIGITS = re.compile(r"[0-9]+")
_MOST_TOKENS = 2
"""The most tokens of a number that is looked at: ratings have at most two digits."""
_PLACES = 4
_Row = tuple[tuple[str, float], ...]
_Token = tuple[str, float | None, list[tuple[str, float | None]]]


def last_number_alternatives(logprobs: Logprobs | None) -> tuple[_Row, ...]:
    """Return the digits that were likely in place of each token of the reply's last number.

    Returns:
        One row for each token of the number, and one for the token after it. A row holds each alternative that is
        digits alone, with its natural log-probability to four decimals. Nothing where alternatives were not requested
        or not reported, where a token holds more than digits, and where the number has more than two tokens.
    """
    tokens = _tokens(logprobs)
    after: _Token = ("", None, [])
    rows: list[_Row] = []
    for text, logprob, alternatives in tokens:
        if not re.search(r"\d", text):
            if rows:  # the token before the number
                break
            after = text, logprob, alternatives
            continue
        if not _DIGITS.fullmatch(text.strip()) or not alternatives:
            return ()
        if not rows:
            rows.append(_row(after))
        rows.insert(0, _row((text, logprob, alternatives)))
        if text[:1].isspace():  # the number begins here
            break
    return tuple(rows) if 1 < len(rows) <= _MOST_TOKENS + 1 else ()


def _tokens(logprobs: Logprobs | None) -> Iterator[_Token]:
    """Yield the tokens of a reply from its last to its first; none if the last one has no alternatives."""
    if logprobs is None:
        return
    if logprobs.content is not None:
        if not logprobs.content or not logprobs.content[-1].top_logprobs:
            return
        for token in reversed(logprobs.content):
            alternatives = [(one.token or "", one.logprob) for one in token.top_logprobs or ()]
            yield token.token or "", token.logprob, alternatives
        return
    written, rows = logprobs.tokens or [], logprobs.top_logprobs or []
    if len(written) == len(rows) == len(logprobs.token_logprobs or ()):
        own = logprobs.token_logprobs or []
        for text, logprob, row in zip(reversed(written), reversed(own), reversed(rows), strict=True):
            yield text, logprob, list((row or {}).items())


def _row(token: _Token) -> _Row:
    """Return the alternatives that are digits; of those that differ in spaces alone, the sum."""
    text, logprob, alternatives = token
    if text not in dict(alternatives):  # some servers list the likeliest tokens only
        alternatives = [*alternatives, (text, logprob)]
    odds: dict[str, float] = {}
    for other, value in alternatives:
        digits = other.strip()
        if _DIGITS.fullmatch(digits) and value is not None and value <= 0:
            odds[digits] = odds.get(digits, 0.0) + math.exp(value)
    return tuple((digits, round(math.log(p), _PLACES)) for digits, p in odds.items() if p > 0)
