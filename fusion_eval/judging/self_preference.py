"""Warn when a judge and a run come from the same provider: judges prefer their own kind (Panickssery et al. 2024)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusion_eval.runs.reading import Run

_MODEL_NAMES = {
    "OpenAI": r"gpt-?[345o]|gpt-oss|chatgpt|o[134](?![0-9a-z])|davinci",
    "Anthropic": r"claude",
    "Google": r"gemini|gemma|palm-?2?(?![a-z])",
    "Meta": r"llama(?!\.cpp)",
    "Alibaba": r"qwen|qwq|qvq",
    "Mistral": r"mistral|mixtral|ministral|magistral|codestral",
    "Cohere": r"command-|command_|c4ai|aya",
    "DeepSeek": r"deepseek",
    "Moonshot": r"kimi|moonshot",
    "Zhipu": r"glm|chatglm",
    "Microsoft": r"phi-?[1-9]|wizardlm",
    "xAI": r"grok",
    "Amazon": r"nova-|titan",
    "Nvidia": r"nemotron",
    "IBM": r"granite",
}


def providers_of(text: str) -> set[str]:
    """Return the providers of the models that a model name or a run's signature mentions. `embedded` is a Gemma."""
    lower = text.lower().replace("embedded", "gemma")
    return {
        provider for provider, names in _MODEL_NAMES.items() if re.search(rf"(?<![a-z0-9])(?:{names})", lower)
    }


def self_preference_notes(
    judges: Sequence[str], runs: Sequence[Run], opponent: str | None = None
) -> list[str]:
    """Return a note for each judge and judged system whose models have a provider in common."""
    systems = [(run.name, f"{run.model} {run.signature}") for run in runs]
    if opponent:
        systems.append((opponent, opponent))
    return [
        f"the judge {judge} and {name} have models of the same provider ({', '.join(sorted(shared))}): "
        "judges tend to prefer their own kind"
        for judge in judges
        for name, models in systems
        if (shared := providers_of(judge) & providers_of(models))
    ]
