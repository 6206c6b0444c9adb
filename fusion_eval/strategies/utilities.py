"""Utilities for minimum Bayes risk: how well each text does with each other one as its reference."""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Sequence
from typing import Any

from fusion_eval.errors import ConfigError

Matrix = list[list[float]]
"""Row i, column j: the utility of text i with text j as the reference."""
NEURAL = ("bertscore", "comet")
"""Utilities that the library mbrs computes by a neural model."""
_BLEU_TOKENIZERS = {"zh": "zh", "ja": "char", "ko": "char"}
"""sacrebleu's tokenizers that need no other package. Its default splits words at spaces."""
_ONE_AT_A_TIME = threading.Lock()
"""A neural model is loaded once, and takes one batch at a time."""


def chrf(texts: Sequence[str]) -> Matrix:
    """Return sentence chrF (0–100) between all texts, with sacrebleu's defaults.

    The library fastchrf computes the same numbers faster, where it is installed.
    """
    try:
        from fastchrf import pairwise_chrf
    except ImportError:
        metric = _sacrebleu("CHRF")
        return [[float(metric.sentence_score(h, [r]).score) for r in texts] for h in texts]
    return [list(row) for row in pairwise_chrf([list(texts)], [list(texts)])[0]]


def bleu(texts: Sequence[str], language: str | None) -> Matrix:
    """Return sentence BLEU (0–100) between all texts, with sacrebleu's `effective_order`.

    Chinese is split by sacrebleu's `zh`, Japanese and Korean are split into characters.
    """
    tokenizer = _BLEU_TOKENIZERS.get(language or "", "13a")
    metric = _sacrebleu("BLEU", effective_order=True, tokenize=tokenizer)
    return [[float(metric.sentence_score(h, [r]).score) for r in texts] for h in texts]


def neural(utility: str, texts: Sequence[str], source: str, language: str | None) -> Matrix:
    """Return BERTScore (F1) or COMET between all texts, by mbrs and its default models.

    Args:
        utility: One of `NEURAL`.
        texts: The texts.
        source: What COMET takes as the source of the translations.
        language: ISO code of the texts' language, by which BERTScore chooses its model; None is English.
    """
    with _ONE_AT_A_TIME:
        metric = _mbrs(utility, language if utility == "bertscore" else None)
        scores: Matrix = metric.pairwise_scores(list(texts), list(texts), source).tolist()
    return scores


def means_with_others(utilities: Matrix) -> tuple[float, ...]:
    """Return each text's mean utility with each other text as its reference; 0 for one alone.

    Freitag et al. 2022 (arXiv 2111.09388), equation 3.
    """
    others = max(len(utilities) - 1, 1)
    return tuple((sum(row[:i]) + sum(row[i + 1 :])) / others for i, row in enumerate(utilities))


def check_installed(utility: str) -> None:
    """Raise ConfigError if a utility needs mbrs and that is not installed."""
    if utility in NEURAL and importlib.util.find_spec("mbrs") is None:
        raise ConfigError(
            f"mbr(utility={utility}) needs the library mbrs; install it with: pip install 'fusion-eval[mbr]'"
        )


@functools.cache
def _sacrebleu(name: str, **options: Any) -> Any:
    import sacrebleu.metrics

    return getattr(sacrebleu.metrics, name)(**options)


@functools.cache
def _mbrs(utility: str, language: str | None) -> Any:
    from mbrs.metrics import MetricBERTScore, MetricCOMET

    if utility == "comet":
        return MetricCOMET(MetricCOMET.Config())
    return MetricBERTScore(MetricBERTScore.Config(lang=language or "en"))
