"""The metrics of open-ended tasks, for YAML files, which find only functions in their own folder."""

from fusion_eval.answers.open_ended import score

__all__ = ["score"]
