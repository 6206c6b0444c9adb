"""The terms of use of what well-known models write, as far as they are known."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms of a model's output. `spdx` is a licence's identifier on the hub; None for other terms."""

    spdx: str | None
    text: str


_UNKNOWN = Licence(None, "unknown; see the model's card")
_KNOWN: tuple[tuple[str, Licence], ...] = (
    (r"qwen-coder-1\.5b|qwen2\.5-(?!3b|72b)|qwen3", Licence("apache-2.0", "Apache-2.0")),
    (r"qwen", Licence(None, "Qwen licence; see the model's card")),
    (r"^embedded$|gemma", Licence("gemma", "Gemma terms of use")),
    (r"llama-?3\.[1-9]", Licence(None, "Llama community licence: name a model that it trains `Llama…`")),
    (r"llama", Licence(None, "Llama community licence")),
    (r"mixtral|mistral-7b|mistral-nemo|mistral-small", Licence("apache-2.0", "Apache-2.0")),
    (r"deepseek", Licence("mit", "MIT")),
    (r"command-a|command-r|aya", Licence("cc-by-nc-4.0", "CC-BY-NC-4.0")),
    (r"gpt-oss", Licence("apache-2.0", "Apache-2.0")),
    (r"gpt-|\bo[1345]\b", Licence(None, "OpenAI's terms: not for models that compete with OpenAI")),
    (r"claude", Licence(None, "Anthropic's terms: not for models that compete with Anthropic")),
    (r"gemini", Licence(None, "Google's terms for Gemini")),
)
"""By model name. They are hints: the terms of the provider and of the version count."""


def licence_of(model: str) -> Licence:
    """Return the terms of a model's output by its name."""
    return next((licence for pattern, licence in _KNOWN if re.search(pattern, model.lower())), _UNKNOWN)
