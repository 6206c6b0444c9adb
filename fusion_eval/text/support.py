"""Find which parts of a text stand in other texts too, by greedy tiling with the longest shared spans first."""

from __future__ import annotations

import heapq
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CHARACTER_LANGUAGES = frozenset({"zh", "ja", "ko", "th"})
"""Languages whose texts are compared character by character; all others are compared word by word."""
SHORTEST_WORDS = 3
"""The shortest span of words that counts as shared. Single common words stand in almost every text."""
SHORTEST_CHARACTERS = 6
"""The shortest span of characters that counts as shared."""
_SIGNS = "!-/:-@\\[-^`{-~\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb-\u00bf\u00d7\u00f7\u2010-\u206f\u2190-\u2bff\u3001-\u3020"
_WORD_OR_SIGN = re.compile(rf"[^\s{_SIGNS}]+|[{_SIGNS}]")
"""A word is a run without spaces and signs, so that it keeps its combining marks. Every sign is a token of its own."""
_CHARACTER = re.compile(r"\S")
_UNSPACED = re.compile("[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text that stands in at least one other text.

    Attributes:
        start: The first character of the span in the text.
        end: The character after its last one.
        tokens: How many words or characters the span has.
        candidates: The indices of the other texts that hold all of it, in ascending order.
    """

    start: int
    end: int
    tokens: int
    candidates: tuple[int, ...]


def supported_spans(fused: str, candidates: Sequence[str], language: str | None = None) -> tuple[Span, ...]:
    """Return the parts of a fused text that stand in its candidates, in the order of the text.

    The longest span that any candidate holds is taken first, then the longest one of what is left, and so on (greedy
    string tiling, Wise 1993). Of equally long spans the earlier is taken. The order of spans in a candidate does not
    matter, and a candidate may hold a span once and support it twice. Letter case does not matter.

    Args:
        fused: The fused text.
        candidates: The texts that it was made of.
        language: ISO code of the language. In zh, ja, ko and th the tokens are characters, else words and signs. None
            decides by the script of the fused text.

    Returns:
        Disjoint spans. Each has `SHORTEST_WORDS` words or more, or `SHORTEST_CHARACTERS` characters. A text that is
        shorter than that can only be shared as a whole.
    """
    by_character = compares_characters(fused, language)
    tokens, places = _tokens(fused, by_character)
    shortest = min(SHORTEST_CHARACTERS if by_character else SHORTEST_WORDS, len(tokens))
    if not tokens or not candidates:
        return ()
    lengths = _match_lengths(tokens, [_tokens(text, by_character)[0] for text in candidates])
    spans = []
    for first, size in _tiles(lengths.max(axis=0), shortest):
        holders = np.flatnonzero(lengths[:, first] >= size)
        start, end = places[first][0], places[first + size - 1][1]
        spans.append(Span(start, end, size, tuple(int(holder) for holder in holders)))
    return tuple(spans)


def token_count(text: str, language: str | None = None) -> int:
    """Return how many words and signs, or characters, `supported_spans` sees in a text."""
    return len(_tokens(text, compares_characters(text, language))[0])


def compares_characters(text: str, language: str | None) -> bool:
    """Whether a text is compared by characters. Without a language most of its characters decide."""
    if language is not None:
        return re.split("[-_]", language.lower())[0] in CHARACTER_LANGUAGES
    return not text.isascii() and 2 * len(_UNSPACED.findall(text)) > len("".join(text.split()))


def _tokens(text: str, by_character: bool) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the tokens of a text in one letter case, and where each stands."""
    found = list((_CHARACTER if by_character else _WORD_OR_SIGN).finditer(text))
    words = [match.group() for match in found]
    if not text.isascii():
        words = [unicodedata.normalize("NFC", word) for word in words]
    return [word.casefold() for word in words], [match.span() for match in found]


def _match_lengths(tokens: Sequence[str], others: Sequence[Sequence[str]]) -> Counts:
    """Return the length of the longest match (others, tokens) that starts at each token, in each other text."""
    numbers = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    text = [numbers[token] for token in tokens]
    joined: list[int] = []
    starts = []
    for other in others:
        starts.append(len(joined))
        joined += [numbers.get(token, -1) for token in other]
        joined.append(-1)  # No match goes on from one text into the next.
    line = np.array(joined, dtype=np.int64)
    equal_to = [line == number for number in range(len(numbers))]
    lengths = np.zeros((len(tokens), len(others)), dtype=np.int64)
    after = np.zeros(len(line) + 1, dtype=np.int64)  # the match lengths of the next token, at each place
    for place in range(len(tokens) - 1, -1, -1):
        after[:-1] = (after[1:] + 1) * equal_to[text[place]]
        lengths[place] = np.maximum.reduceat(after[:-1], starts)
    return lengths.T


def _tiles(longest: Counts, shortest: int) -> list[tuple[int, int]]:
    """Cover places by disjoint tiles, the longest first.

    Args:
        longest: How long a tile may be that starts at each place.
        shortest: The length below which there is no tile.

    Returns:
        The first place and the length of each tile, in ascending order.
    """
    waiting = [(-int(size), place) for place, size in enumerate(longest) if size >= shortest]
    heapq.heapify(waiting)
    covered = np.zeros(len(longest) + 1, dtype=bool)
    tiles = []
    while waiting:
        negative, place = heapq.heappop(waiting)
        taken = np.flatnonzero(covered[place : place - negative])
        free = int(taken[0]) if len(taken) else -negative
        if free == -negative:
            covered[place : place + free] = True
            tiles.append((place, free))
        elif free >= shortest:
            heapq.heappush(waiting, (-free, place))
    return sorted(tiles)
