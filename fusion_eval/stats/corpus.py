"""Corpus metrics as sums of segment statistics: what sacrebleu counts in each segment, and the score of any sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER

from fusion_eval.stats.corpus_scores import BLEU_ORDER, CHRF_BETA, bleu_score, chrf_score, ter_score
from fusion_eval.stats.paired import Floats, Score

_CHRF_ORDER = 6
"""The longest character n-gram of chrF."""
_TOKENIZERS = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""The tokenizers of sacrebleu for languages in which spaces do not separate words."""

References = str | Sequence[str | None]


class MissingTokenizerError(ImportError):
    """A language's tokenizer needs packages that are not installed. The message says which to install."""


@dataclass(frozen=True, slots=True)
class CorpusMetric:
    """A corpus metric for one set of references. Build it with `corpus_metric`.

    Attributes:
        name: The name of the metric.
        score: Maps summed segment statistics (..., k) to scores (...) from 0 to 100 (TER may exceed 100).
        segment_score: Maps the statistics of single segments to scores, as sacrebleu's `sentence_score`.
        higher_is_better: Whether a higher score is better.
        n_statistics: The number k of statistics of a segment.
    """

    name: str
    score: Score
    segment_score: Score
    higher_is_better: bool
    n_statistics: int
    _engine: Any = field(repr=False)
    _cache: dict[tuple[str, tuple[str, ...]], Sequence[float]] = field(default_factory=dict, repr=False)
    """Runs often give the same answer (Best-of-N picks an existing one), and TER takes milliseconds for each."""

    def statistics(self, hypotheses: Sequence[str], references: Sequence[References]) -> Floats:
        """Count the statistics (n, k) of each segment, which sacrebleu's significance tests resample.

        Args:
            hypotheses: The answers.
            references: The references of each segment: one text or several. A None among several is ignored.

        Raises:
            ValueError: A segment has no reference, or the lengths differ.
        """
        if len(hypotheses) != len(references):
            raise ValueError(f"{len(hypotheses)} hypotheses cannot be scored on {len(references)} references")
        texts = [_reference_texts(number, one) for number, one in enumerate(references)]
        rows = [self._row(*segment) for segment in zip(hypotheses, texts, strict=True)]
        counts = {len(several) for several in texts}
        self._engine.num_refs = counts.pop() if len(counts) == 1 else -1  # -1 is sacrebleu's "nrefs:var"
        return np.array(rows, dtype=np.float64).reshape(len(rows), self.n_statistics)

    @property
    def signature(self) -> str:
        """The signature by sacrebleu, such as `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0`.

        Raises:
            ValueError: `statistics` was not called yet. The signature includes the number of references.
        """
        return str(self._engine.get_signature())

    def _row(self, hypothesis: str, references: tuple[str, ...]) -> Sequence[float]:
        key = (hypothesis, references)
        if key not in self._cache:
            # A corpus of one segment needs little memory, and sacrebleu prints no warnings about it.
            (self._cache[key],) = self._engine._extract_corpus_statistics(
                [hypothesis], [[reference] for reference in references]
            )
        return self._cache[key]


def corpus_metric(name: str, language: str | None = None) -> CorpusMetric:
    """Return the corpus metric of a name with sacrebleu's defaults.

    BLEU splits Chinese, Japanese and Korean text with sacrebleu's tokenizers for them. TER splits it as Tercom does.

    Args:
        name: `bleu`, `chrf`, `chrf++` or `ter`.
        language: The ISO 639-1 code of the language of the texts.

    Raises:
        MissingTokenizerError: BLEU in Japanese or Korean lacks packages.
        ValueError: The name is unknown.
    """
    match name:
        case "bleu":
            return CorpusMetric(name, bleu_score, _segment_bleu, True, 2 + 2 * BLEU_ORDER, _bleu(language))
        case "chrf" | "chrf++":
            words = 2 if name == "chrf++" else 0
            engine = CHRF(char_order=_CHRF_ORDER, word_order=words, beta=CHRF_BETA)
            return CorpusMetric(name, chrf_score, chrf_score, True, 3 * (_CHRF_ORDER + words), engine)
        case "ter":
            asian = language in _TOKENIZERS
            return CorpusMetric(
                name, ter_score, ter_score, False, 2, TER(normalized=asian, asian_support=asian)
            )
    raise ValueError(f"there is no corpus metric {name!r}; there are bleu, chrf, chrf++ and ter")


def _segment_bleu(totals: Floats) -> Floats:
    return bleu_score(totals, effective_order=True)


def _bleu(language: str | None) -> BLEU:
    tokenizer = _TOKENIZERS.get(language or "", BLEU.TOKENIZER_DEFAULT)
    try:
        return BLEU(tokenize=tokenizer, max_ngram_order=BLEU_ORDER)
    except (ImportError, RuntimeError) as error:
        raise MissingTokenizerError(
            f"BLEU in {language} needs the tokenizer {tokenizer}: pip install 'fusion-eval[cjk]'"
        ) from error


def _reference_texts(number: int, references: References) -> tuple[str, ...]:
    several = (references,) if isinstance(references, str) else references
    texts = tuple(text for text in several if text is not None)
    if not texts:
        raise ValueError(f"segment {number} has no reference")
    return texts
