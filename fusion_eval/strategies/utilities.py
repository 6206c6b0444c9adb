"""Utilities for minimum Bayes risk: how well each text does with each other one as its reference."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

Matrix = list[list[float]]
"""Row i, column j: the utility of text i with text j as the reference."""
_BLEU_TOKENIZERS = {"zh": "zh", "ja": "char", "ko": "char"}
"""sacrebleu's tokenizers that need no other package. Its default splits words at spaces."""


def chrf(texts: Sequence[str], language: str | None = None) -> Matrix:
    """Return sentence chrF (0–100) between all texts, with sacrebleu's defaults.

    The library fastchrf computes the same numbers faster, where it is installed.
    """
    try:
        from fastchrf import pairwise_chrf
    except ImportError:
        metric = _sacrebleu("CHRF")
        return [[float(metric.sentence_score(h, [r]).score) for r in texts] for h in texts]
    return [list(row) for row in pairwise_chrf([list(texts)], [list(texts)])[0]]


def bleu(texts: Sequence[str], language: str | None = None) -> Matrix:
    """Return sentence BLEU (0–100) between all texts, with sacrebleu's `effective_order`.

    Chinese is split by sacrebleu's `zh`, Japanese and Korean are split into characters.
    """
    tokenizer = _BLEU_TOKENIZERS.get(language or "", "13a")
    metric = _sacrebleu("BLEU", effective_order=True, tokenize=tokenizer)
    return [[float(metric.sentence_score(h, [r]).score) for r in texts] for h in texts]


UTILITIES: dict[str, Callable[[Sequence[str], str | None], Matrix]] = {"chrf": chrf, "bleu": bleu}


@functools.cache
def _sacrebleu(name: str, **options: Any) -> Any:
    import sacrebleu.metrics

    return getattr(sacrebleu.metrics, name)(**options)
