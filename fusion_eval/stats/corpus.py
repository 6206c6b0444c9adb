"""Corpus metrics as statistics of segments: what sacrebleu counts in each segment, and the score of any sum of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from fusion_eval.stats.corpus_scores import BLEU_ORDER, CHRF_BETA, Floats, bleu_score, chrf_score, ter_score
from fusion_eval.stats.paired import Score

_CHARACTERS = 6
"""chrF's longest n-gram of characters."""
_TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""sacrebleu's tokenizers for text without spaces between words, or with spaces between more than words."""

References = str | Sequence[str | None]


class MissingTokenizerError(ImportError):
    """A language's tokenizer needs packages that are not installed; the message says which to install."""


@dataclass(frozen=True, slots=True)
class CorpusMetric:
    """A metric of whole corpora; build it with `corpus_metric`, one for each set of references.

    `score` maps sums of segments' statistics, (..., k), to scores, (...), from 0 to 100 (TER may pass 100);
    `segment_score` does so for single segments, as sacrebleu's `sentence_score`.
    """

    name: str
    score: Score
    segment_score: Score
    higher_is_better: bool
    n_statistics: int
    _engine: Any = field(repr=False)
    _known: dict[tuple[str, tuple[str, ...]], Sequence[float]] = field(default_factory=dict, repr=False)
    """Runs often give the same answer (Best-of-N takes one that exists), and TER takes milliseconds for each."""

    def statistics(self, hypotheses: Sequence[str], references: Sequence[References]) -> Floats:
        """(n, k): each segment's counts, as sacrebleu's significance tests resample them.

        A segment's references are one text or several; segments may have different numbers of them, and a None among
        several is no reference. Raises `ValueError` for a segment without any, and for unequal lengths.
        """
        if len(hypotheses) != len(references):
            raise ValueError(f"{len(hypotheses)} hypotheses cannot be scored on {len(references)} references")
        texts = [_texts(number, given) for number, given in enumerate(references)]
        rows = [self._row(*segment) for segment in zip(hypotheses, texts, strict=True)]
        counts = {len(several) for several in texts}
        self._engine.num_refs = counts.pop() if len(counts) == 1 else -1  # -1 is sacrebleu's "nrefs:var"
        return np.array(rows, dtype=np.float64).reshape(len(rows), self.n_statistics)

    @property
    def signature(self) -> str:
        """sacrebleu's own, such as `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0`.

        It tells the number of references, so it is a `ValueError` before the first `statistics`.
        """
        return str(self._engine.get_signature())

    def _row(self, hypothesis: str, references: tuple[str, ...]) -> Sequence[float]:
        key = (hypothesis, references)
        if key not in self._known:
            # A corpus of one segment: little memory, and sacrebleu has nothing to warn the user's terminal about.
            (self._known[key],) = self._engine._extract_corpus_statistics(
                [hypothesis], [[reference] for reference in references]
            )
        return self._known[key]


def corpus_metric(name: str, language: str | None = None) -> CorpusMetric:
    """The metric "bleu", "chrf", "chrf++" or "ter" with sacrebleu's defaults, for text in `language` (ISO 639-1).

    BLEU splits Chinese, Japanese and Korean text with the tokenizers that sacrebleu has for them; TER splits it as
    Tercom does. Raises `MissingTokenizerError` where Japanese or Korean BLEU lacks packages, `ValueError` for any
    other name.
    """
    match name:
        case "bleu":
            return CorpusMetric(name, bleu_score, _single_bleu, True, 2 + 2 * BLEU_ORDER, _bleu(language))
        case "chrf" | "chrf++":
            words = 2 if name == "chrf++" else 0
            engine = CHRF(char_order=_CHARACTERS, word_order=words, beta=CHRF_BETA)
            return CorpusMetric(name, chrf_score, chrf_score, True, 3 * (_CHARACTERS + words), engine)
        case "ter":
            asian = language in _TOKENIZERS
            return CorpusMetric(
                name, ter_score, ter_score, False, 2, TER(normalized=asian, asian_support=asian)
            )
    raise ValueError(f"there is no corpus metric {name!r}; there are bleu, chrf, chrf++ and ter")


def _single_bleu(totals: Floats) -> Floats:
    return bleu_score(totals, effective_order=True)


def _bleu(language: str | None) -> BLEU:
    tokenizer = _TOKENIZERS.get(language or "", BLEU.TOKENIZER_DEFAULT)
    try:
        return BLEU(tokenize=tokenizer, max_ngram_order=BLEU_ORDER)
    except (ImportError, RuntimeError) as error:
        raise MissingTokenizerError(
            f"BLEU in {language} needs the tokenizer {tokenizer}: pip install 'fusion-eval[cjk]'"
        ) from error


def _texts(number: int, given: References) -> tuple[str, ...]:
    texts = (given,) if isinstance(given, str) else tuple(text for text in given if text is not None)
    if not texts:
        raise ValueError(f"segment {number} has no reference")
    return texts
