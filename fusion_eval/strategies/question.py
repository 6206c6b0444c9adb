"""A prompt with its place in the evaluation, and how its candidates are sampled."""

from __future__ import annotations

from dataclasses import dataclass

from fusion_eval.types import Prompt, Sampling


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt with its place in the evaluation; `temperatures` are those of the candidates, cycled."""

    task: str
    doc_id: int | None
    copy: int
    language: str | None
    prompt: Prompt
    sampling: Sampling
    temperatures: tuple[float, ...]
