"""How near a translation is to its reference: chrF of segments and of the whole text, and BLEU with each language's tokenizer."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from datasets import Dataset
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""sacrebleu's, for text without spaces between words, or with spaces between more than words; `13a` for the rest."""

_chrf = CHRF()  # sacrebleu's defaults: character n-grams up to 6, beta 2, white space left out


class Pair(tuple[str, str]):
    """(reference, hypothesis), as the sample files hold it. An aggregation sees nothing else, so it has its language with it."""

    language: str


def scorable(docs: Dataset) -> Dataset:
    """The documents as they are. Raises ImportError where BLEU in their language would fail once all is answered."""
    _bleu(docs[0]["language"])
    return docs


def score(doc: Mapping[str, str], results: Sequence[str | float]) -> dict[str, float | Pair]:
    """A segment's metrics: its chrF (0–100), and what `corpus_chrf` and `corpus_bleu` are computed from.

    A number in place of an answer is the segment's XCOMET score, of a filter that has read the answer.
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
    """chrF (0–100) of all segments together."""
    references, hypotheses = zip(*pairs, strict=True)
    return float(_chrf.corpus_score(hypotheses, [references]).score)


def corpus_bleu(pairs: Sequence[Pair]) -> float:
    """BLEU (0–100) of all segments together, with the tokenizer of their language."""
    references, hypotheses = zip(*pairs, strict=True)
    return float(_bleu(pairs[0].language).corpus_score(hypotheses, [references]).score)


@functools.cache
def _bleu(language: str) -> BLEU:
    tokenizer = TOKENIZERS.get(language, "13a")
    try:
        return BLEU(tokenize=tokenizer)
    except (ImportError, RuntimeError) as error:  # as sacrebleu says that a tokenizer's packages are missing
        raise ImportError(
            f"BLEU in '{language}' needs the packages of sacrebleu's tokenizer {tokenizer}: "
            "pip install 'fusion-eval[cjk]'"
        ) from error
