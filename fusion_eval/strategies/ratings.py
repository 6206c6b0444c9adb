"""Read a judge's rating from 1 to 10: the written one, or the mean of those that it could have written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fusion_eval.strategies.choosing import read_numbers
from fusion_eval.types import Candidate

_BEST = 10


def rating_in(reply: Candidate) -> float | None:
    """Return the mean rating of a judge's reply, or the written one if its alternatives are not known; None without any."""
    written = read_rating(reply.text)
    if written is None or not reply.last_number:
        return written
    mean = expected_rating(int(written), reply.last_number)
    return written if mean is None else mean


def expected_rating(written: int, rows: Sequence[Sequence[tuple[str, float]]]) -> float | None:
    """Return the mean of the ratings from 1 to 10, weighted by their probability.

    A model that writes 10 as two tokens tells how likely 10 is only where it wrote a 1 first. Elsewhere such a 1 is
    neither rating for sure, and is left out.

    Args:
        written: The rating in the reply.
        rows: The alternatives to its tokens and to the one after them, as `Candidate.last_number` holds them.

    Returns:
        The mean; None if no alternative is a rating.
    """
    first, after = ({int(digits): math.exp(value) for digits, value in row} for row in rows[:2])
    odds = {rating: first[rating] for rating in range(2, _BEST + 1) if rating in first}
    one = first.get(1, 0.0)
    is_two_tokens = written == _BEST and len(rows) > 2  # the two of 10, and the one after them
    begins_with_one = written == 1 or is_two_tokens
    if begins_with_one:
        odds[_BEST] = odds.get(_BEST, 0.0) + one * after.get(0, 0.0)
        odds[1] = one * max(0.0, 1 - sum(after.values()))
    elif _BEST in first:
        odds[1] = one
    total = sum(odds.values())
    return sum(rating * p for rating, p in odds.items()) / total if total else None


def read_rating(reply: str) -> float | None:
    """Return the rating in double brackets at the end of a reply; None if there is none.

    Brackets elsewhere may quote the candidate (`it demands [[10]]`), and prose is no rating (`8 out of 10`).
    """
    match read_numbers(reply):
        case (rating,) if rating <= _BEST:
            return float(rating)
    return None
