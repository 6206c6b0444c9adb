"""Load and score the short everyday sentences of fusion_demo.

This folder is an example for own tasks, so it imports nothing of fusion_eval.
"""

from __future__ import annotations

import json
from pathlib import Path

from datasets import Dataset
from sacrebleu.metrics.chrf import CHRF

SENTENCES = Path(__file__).parent / "data" / "sentences.jsonl"

LANGUAGES = {
    "en": "English",
    "fr": "French",
    "de": "German",
    "es": "Spanish",
    "ru": "Russian",
    "it": "Italian",
    "pt": "Portuguese",
    "ja": "Japanese",
    "ko": "Korean",
    "zh": "Chinese",
    "ar": "Arabic",
}

_chrf = CHRF()  # sacrebleu's defaults: character n-grams up to 6, beta 2, white space ignored


def load(language: str, **_metadata: object) -> dict[str, Dataset]:
    """Load the splits `test` and `fewshot` of the task that translates into one language.

    The source is English, or French if the target is English.

    Args:
        language: ISO code of the target language.
        **_metadata: Other metadata of the task, which the harness passes along.

    Raises:
        ValueError: There are no sentences in the language.
    """
    if language not in LANGUAGES:
        raise ValueError(
            f"The task's metadata.language is '{language}', which fusion_demo has no sentences in; "
            f"it has {', '.join(LANGUAGES)}."
        )
    source = "fr" if language == "en" else "en"
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    splits: dict[str, list[dict[str, str]]] = {"test": [], "fewshot": []}
    for sentence in map(json.loads, lines):
        splits[sentence["split"]].append(_doc(sentence, source, language))
    return {split: Dataset.from_list(docs) for split, docs in splits.items()}


def _doc(sentence: dict[str, str], source: str, target: str) -> dict[str, str]:
    return {
        "id": sentence["id"],
        "source": sentence[source],
        "target": sentence[target],
        "source_language": source,
        "target_language": target,
        "source_name": LANGUAGES[source],
        "target_name": LANGUAGES[target],
    }


def score(doc: dict[str, str], results: list[str]) -> dict[str, float | tuple[str, str]]:
    """Return the sentence chrF (0–100) of a document, and the pair (reference, hypothesis) for `corpus_chrf`."""
    reference, hypothesis = doc["target"], results[0].strip()
    return {
        "chrf": _chrf.sentence_score(hypothesis, [reference]).score,
        "chrf_corpus": (reference, hypothesis),
    }


def corpus_chrf(pairs: list[tuple[str, str]]) -> float:
    """Return the chrF (0–100) of all pairs (reference, hypothesis) as one corpus."""
    references, hypotheses = zip(*pairs, strict=True)
    return float(_chrf.corpus_score(hypotheses, [references]).score)
