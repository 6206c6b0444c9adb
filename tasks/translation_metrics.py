"""Functions that the translation tasks' YAML files name; a YAML file finds functions beside itself only."""

from fusion_eval.answers.translation import corpus_bleu, corpus_chrf, scorable, score

__all__ = ["corpus_bleu", "corpus_chrf", "scorable", "score"]
