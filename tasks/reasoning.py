"""Prompts and metrics of reasoning tasks, for YAML files, which find only functions in their own folder."""

from fusion_eval.answers.reasoning import answer_match, exact_match, prompt, target

__all__ = ["answer_match", "exact_match", "prompt", "target"]
