"""Score translations against references with sacrebleu: chrF by segment, chrF and BLEU by corpus."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from datasets import Dataset
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""sacrebleu's tokenizers for languages that its default, `13a`, does not split into words."""

_chrf = CHRF()  # sacrebleu's defaults: character n-grams up to 6, beta 2, no white space


class Pair(tuple[str, str]):
    """A tuple (reference, hypothesis) as sample files hold it, with its language for the aggregation functions."""

    language: str


def check_tokenizer(docs: Dataset) -> Dataset:
    """Return the documents unchanged, after a check that BLEU can be computed in their language.

    Raises:
        ImportError: The tokenizer of the language is not installed. Otherwise this would fail after the last answer.
    """
    _bleu(docs[0]["language"])
    return docs


def score(doc: Mapping[str, str], results: Sequence[str | float]) -> dict[str, float | Pair]:
    """Return the metrics of one segment.

    Args:
        doc: The document of the task, with the fields `target`, the reference, and `language`, an ISO code.
        results: The answer; or its XCOMET score, if a filter has replaced the answer by it.

    Returns:
        `chrf` (0–100) and, for `corpus_chrf` and `corpus_bleu`, `chrf_corpus` and `bleu`. For a score: `xcomet`.
    """
    (answer,) = results
    if not isinstance(answer, str):
        return {"xcomet": answer}
    reference, hypothesis = doc["target"], answer.strip()
    pair = Pair((reference, hypothesis))
    pair.language = doc["language"]
    return {
        "chrf": float(_chrf.sentence_score(hypothesis, [reference]).score),
        "chrf_corpus": pair,
        "bleu": pair,
    }


def corpus_chrf(pairs: Sequence[Pair]) -> float:
    """Return the chrF (0–100) of all segments as one corpus."""
    references, hypotheses = zip(*pairs, strict=True)
    return float(_chrf.corpus_score(hypotheses, [references]).score)


def corpus_bleu(pairs: Sequence[Pair]) -> float:
    """Return the BLEU (0–100) of all segments as one corpus, with the tokenizer of their language."""
    references, hypotheses = zip(*pairs, strict=True)
    return float(_bleu(pairs[0].language).corpus_score(hypotheses, [references]).score)


@functools.cache
def _bleu(language: str) -> BLEU:
    tokenizer = TOKENIZERS.get(language, "13a")
    try:
        return BLEU(tokenize=tokenizer)
    except (ImportError, RuntimeError) as error:
        # sacrebleu raises these if a tokenizer's packages are missing.
        raise ImportError(
            f"BLEU in '{language}' needs the packages of sacrebleu's tokenizer {tokenizer}: "
            "pip install 'fusion-eval[cjk]'"
        ) from error
