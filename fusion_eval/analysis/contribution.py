"""What one fused text is made of: the share that each candidate supports, and the share that is new."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fusion_eval.errors import ConfigError
from fusion_eval.text.shuffle import seeded_order_of
from fusion_eval.text.specs import Spec, parse_spec
from fusion_eval.text.support import compares_characters, supported_spans, token_count
from fusion_eval.types import Trace

DEFAULT_KEPT = 3
"""How many candidates `rank_fusion` shows to the fusor if its option `k` does not say."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one fused text is made of. The tuples have an entry for each candidate that the fusor may have seen.

    Attributes:
        tokens: How many words, or characters, the fused text has.
        new: The share of them that no candidate supports.
        candidates: The candidates' places among the usable ones.
        models: Which models wrote them.
        lengths: How many words, or characters, they have.
        positions: Their positions in the prompt from 1; None where the strategy's prompt is not known.
        supported: The share of the fused text that each candidate supports. A text may be supported by several.
        credit: As `supported`, but a part with several supporters is split among them. `new` and all credit sum to 1.
    """

    tokens: int
    new: float
    candidates: tuple[int, ...]
    models: tuple[str, ...]
    lengths: tuple[int, ...]
    positions: tuple[int, ...] | None
    supported: tuple[float, ...]
    credit: tuple[float, ...]

    @property
    def contributors(self) -> int:
        """How many candidates get credit."""
        return sum(share > 0 for share in self.credit)


def contribution_of(trace: Trace) -> Contribution | None:
    """Return what the answer of a trace is made of. None if it is a candidate's own text, or empty."""
    if trace.answer.chosen is not None or trace.answer.fallback is not None:
        return None
    # One way to count for all texts of the item: the fused text decides where no language is known.
    language = trace.language or ("zh" if compares_characters(trace.final, None) else "en")
    tokens = token_count(trace.final, language)
    if not tokens:
        return None
    usable = trace.pool.usable
    order = shown_order(trace)
    seen = sorted(order) if order is not None else list(range(len(usable)))
    texts = [usable[place].text for place in seen]
    supported, credit = [0.0] * len(seen), [0.0] * len(seen)
    new = float(tokens)
    for span in supported_spans(trace.final, texts, language):
        new -= span.tokens
        for place in span.candidates:
            supported[place] += span.tokens
            credit[place] += span.tokens / len(span.candidates)
    return Contribution(
        tokens=tokens,
        new=new / tokens,
        candidates=tuple(seen),
        models=tuple(usable[place].model for place in seen),
        lengths=tuple(token_count(text, language) for text in texts),
        positions=None if order is None else tuple(order.index(place) + 1 for place in seen),
        supported=tuple(share / tokens for share in supported),
        credit=tuple(share / tokens for share in credit),
    )


def shown_order(trace: Trace) -> list[int] | None:
    """Return the usable candidates in the order in which the fusor saw them, as the run computed it.

    Candidates that did not fit the fusor's context are left out. None is returned for strategies other than `fusion`,
    `guarded_fusion` and `rank_fusion`, which show other texts or show them several times.
    """
    try:
        spec = parse_spec(trace.strategy)
    except ConfigError:  # a strategy of another package may have a text of its own
        return None
    usable = trace.pool.usable
    if spec.name in ("fusion", "guarded_fusion"):
        kept = list(range(len(usable)))
    elif spec.name == "rank_fusion":
        kept = _best(trace.answer.scores, _option(spec, "k", DEFAULT_KEPT), len(usable))
    else:
        return None
    order = seeded_order_of([usable[place].text for place in kept], trace.pool.candidates[0].seed)
    return [kept[place] for place in order[: len(order) - trace.answer.dropped]]


def _best(scores: Sequence[float | None], k: int, n: int) -> list[int]:
    """Return the k best of n candidates in the order of the pool; all of them if they are not more than k."""
    if n <= k or not scores:
        return list(range(n))
    known = [(-score, i) for i, score in enumerate(scores) if score is not None and not math.isnan(score)]
    return sorted(place for _, place in sorted(known)[:k])


def _option(spec: Spec, name: str, default: int) -> int:
    value = dict(spec.options).get(name)
    return int(value.name) if isinstance(value, Spec) and value.name.isdecimal() else default
