"""The function that the open-ended tasks' YAML files name; a YAML file finds functions beside itself only."""

from fusion_eval.answers.open_ended import score

__all__ = ["score"]
