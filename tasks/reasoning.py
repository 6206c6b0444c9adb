"""Functions that the reasoning tasks' YAML files name; a YAML file finds functions beside itself only."""

from fusion_eval.answers.reasoning import answer_match, exact_match, prompt, target

__all__ = ["answer_match", "exact_match", "prompt", "target"]
