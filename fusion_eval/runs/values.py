"""Values of metrics, as sample files hold them: numbers, texts of a corpus metric, and lists."""

from __future__ import annotations

import math
from dataclasses import dataclass

_LARGEST = 10**100
"""Sums of larger values may overflow."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What a corpus metric (BLEU, chrF, TER) scores: one document's references and hypothesis.

    The harness writes one hypothesis. Of several, which count as equally likely, the statistics are averaged.
    """

    references: tuple[str, ...]
    hypotheses: tuple[str, ...]


Value = float | Segment | None
"""A metric's value for one document; None if the file has null or NaN."""


Part = float | str | tuple[str, ...]
Parts = tuple[Part, ...]
"""A value that is a list: `[log-likelihood, words]`, `[gold, predicted]`, or one number for each instruction."""


def metric_value(raw: object) -> Value:
    """Parse a metric's value as the harness writes it.

    Raises:
        TypeError: The value is neither a finite number nor a pair of reference and hypothesis.
    """
    if raw is None:
        return None
    if isinstance(raw, bool | int | float):
        return _finite(raw)
    if isinstance(raw, str):  # older releases wrote some numbers as text
        return metric_value(_parse_number(raw))
    match raw:
        case [str() as reference, str() as hypothesis]:
            return Segment((reference,), (hypothesis,))
        case [[*references], str() as hypothesis]:
            texts = tuple(reference for reference in references if isinstance(reference, str))
            if texts and len(texts) == len(references):
                return Segment(texts, (hypothesis,))
        case [reference, [str() as hypothesis]]:
            return metric_value([reference, hypothesis])
    raise TypeError


def described(raw: object) -> str:
    """Return what a value is that `metric_value` refuses, as a message names it: `Infinity`, or "a list"."""
    match raw:
        case float() if math.isinf(raw):
            return "Infinity" if raw > 0 else "-Infinity"
        case int() | float():
            return "a number above 1e+100" if raw > 0 else "a number below -1e+100"
        case str():
            return f"the text {raw[:20]!r}"
        case list():
            return "a list"
    return "an object"


def metric_parts(raw: object) -> Parts | None:
    """Return the parts of a value that is a list of finite numbers, labels or lists of labels; None for another value."""
    if not isinstance(raw, list) or not raw:
        return None
    parts: list[Part] = []
    for part in raw:
        if isinstance(part, list) and all(isinstance(label, str) for label in part):
            parts.append(tuple(part))
        elif isinstance(part, str):
            parts.append(part)
        elif isinstance(part, bool | int | float) and abs(part) <= _LARGEST:
            parts.append(float(part))
        else:
            return None
    return tuple(parts)


def _finite(raw: float) -> float | None:
    """Return None for NaN. Refuse infinities and numbers that may overflow in a sum."""
    if abs(raw) > _LARGEST:
        raise TypeError
    return None if math.isnan(raw) else float(raw)


def _parse_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TypeError from None
