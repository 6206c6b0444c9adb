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
    # https://ai.google.dev/gemma/terms, of which the weights' package holds a copy (GEMMA_TERMS.html)
    "embedded": _GEMMA,
    # "license: gemma" in the model cards' headers on the hub; the card is one for all sizes of Gemma 3
    "google/gemma-3-270m-it": _GEMMA,
    "google/gemma-3-4b-it": _GEMMA,
    "google/gemma-3-12b-it": _GEMMA,
    "google/gemma-3-27b-it": _GEMMA,
    # https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct, "license: apache-2.0" at commit 83c0546
    "qwen-coder-1.5b": _APACHE,
    # https://github.com/QwenLM/Qwen3 at commit b0f4642, then of Qwen2.5: "except for the 3B and 72B variants … Apache 2.0"
    "Qwen/Qwen2.5-7B-Instruct": _APACHE,
    # https://github.com/QwenLM/Qwen3 at commit 7a2f61f, section "License Agreement"
    "Qwen/Qwen3-8B": _APACHE,
    # https://github.com/deepseek-ai/DeepSeek-R1 at commit 0cf7856, section 7: code and weights, and what is distilled
    "deepseek-ai/DeepSeek-R1": _MIT,
    # https://github.com/openai/gpt-oss at commit 7b58334, "Permissive Apache 2.0 license"
    "openai/gpt-oss-20b": _APACHE,
    "openai/gpt-oss-120b": _APACHE,
}
"""By the exact name, with where it was read. A similar name tells nothing: sizes and versions of one family differ."""


def licence_of(model: str) -> Licence:
    """Return the terms of a model's output, or that they are unknown. A candidate's `gpt-oss-20b` has lost `openai/`."""
    return _KNOWN.get(model) or _KNOWN.get(f"openai/{model}", _UNKNOWN)
