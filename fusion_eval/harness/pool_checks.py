"""Refuse runs whose pools cannot be analyzed, with one sentence for each reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import Run


def check_runs(runs: Sequence[Run]) -> None:
    """Raise a `ConfigError` if a run has no traces, adaptive pools, or a task without a proper name."""
    for run in runs:
        if not run.traces:
            raise ConfigError(
                f"{run.path} has no traces.jsonl, and without traces there are no candidates; run it by fusion-eval run, "
                "or by lm_eval with trace_dir="
            )
        if "adaptive:true" in (run.signature or "").split("|"):
            raise ConfigError(
                f"{run.path} stopped sampling early (adaptive=true), so its pools have several sizes and favor the leading "
                "answer; run it without adaptive=true"
            )
        if "|cross_lingual:" in (run.signature or ""):
            raise ConfigError(
                f"{run.path} drew candidates for prompts in English (cross_lingual=), which its fusions read and its scored "
                "pools lack; run it without cross_lingual="
            )
        for name in run.tasks:
            if not re.fullmatch(r"[\w.+ -]+", name):  # the harness would read it as a pattern
                raise ConfigError(f"{run.path} names a task '{name}', which is no task's name")


def check_one_size(run: Run, sizes: Iterable[int]) -> None:
    """Raise a `ConfigError` if the pools of a run have several sizes."""
    several = sorted(sizes)
    if len(several) > 1:
        raise ConfigError(
            f"The pools of {run.path} have several sizes ({', '.join(map(str, several))}), and a curve needs one; analyze "
            "runs that were drawn with one n="
        )
