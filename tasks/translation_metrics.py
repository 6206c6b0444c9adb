"""Metrics of translation tasks, for YAML files, which find only functions in their own folder."""

from fusion_eval.answers.translation import check_tokenizer, corpus_bleu, corpus_chrf, score

__all__ = ["check_tokenizer", "corpus_bleu", "corpus_chrf", "score"]
