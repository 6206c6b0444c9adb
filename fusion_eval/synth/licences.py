"""The terms of use of what models write, where a model's exact name tells them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms of a model's output. `spdx` is a licence's identifier on the hub; None for other terms."""

    spdx: str | None
    text: str


_UNKNOWN = Licence(None, "unknown; look at the terms of the model and of its provider")
_APACHE, _GEMMA = Licence("apache-2.0", "Apache-2.0"), Licence("gemma", "Gemma terms of use")
_MIT = Licence("mit", "MIT")
_KNOWN = {
    "embedded": _GEMMA,
    "qwen-coder-1.5b": _APACHE,
    "google/gemma-3-270m-it": _GEMMA,
    "google/gemma-3-4b-it": _GEMMA,
    "google/gemma-3-12b-it": _GEMMA,
    "google/gemma-3-27b-it": _GEMMA,
    "Qwen/Qwen2.5-7B-Instruct": _APACHE,
    "Qwen/Qwen3-8B": _APACHE,
    "mistralai/Mistral-7B-Instruct-v0.3": _APACHE,
    "deepseek-ai/DeepSeek-V3-0324": _MIT,
    "deepseek-ai/DeepSeek-R1": _MIT,
    "openai/gpt-oss-20b": _APACHE,
    "openai/gpt-oss-120b": _APACHE,
}
"""By the exact name. A similar name tells nothing: sizes and versions of one family have different licences."""


def licence_of(model: str) -> Licence:
    """Return the terms of a model's output, or that they are unknown."""
    return _KNOWN.get(model, _UNKNOWN)
