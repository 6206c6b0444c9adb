"""A prompt with its place in the evaluation, and how its candidates are sampled."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from fusion_eval.types import Prompt, Sampling

DEFAULT_TEMPERATURE = 0.7
"""The FusioN paper's, for N samples of one model (arXiv 2510.00931)."""
DEFAULT_MAX_TOKENS = 256
"""The harness's own, for tasks that set no max_gen_toks."""


class Question(msgspec.Struct, frozen=True):
    """A prompt with its place in the evaluation. The candidates cycle through `temperatures`."""

    task: str
    doc_id: int | None
    copy: int
    language: str | None
    prompt: Prompt
    sampling: Sampling
    temperatures: tuple[float, ...]
    examples: int = 0
    """How many characters of a plain-text prompt are worked examples, before the question itself."""
    source: str | None = None
    """The text to translate, without its instruction, if the task tells it."""
    extract: Callable[[str], str | None] | None = None
    """Extracts the answer from a reply, as the task does; None if the task cannot or no strategy needs it."""
    english: Question | None = None
    """The same item in English, if `cross_lingual=` asks for candidates of its prompt; None for an item in English."""
