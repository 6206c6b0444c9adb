"""Whether a judge and a judged model are relatives: judges prefer their own kind (Panickssery et al. 2024)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusion_eval.runs.reading import Run

_MAKERS = {
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


def makers(text: str) -> set[str]:
    """Whose models a name, or a signature with several names, speaks of. `embedded` is a Gemma."""
    low = text.lower().replace("embedded", "gemma")
    return {maker for maker, names in _MAKERS.items() if re.search(rf"(?<![a-z0-9])(?:{names})", low)}


def relatives(judges: Sequence[str], runs: Sequence[Run], opponent: str | None = None) -> list[str]:
    """A sentence for each judge and run whose models have a maker in common."""
    said = []
    for judge in judges:
        systems = [(run.name, f"{run.model} {run.signature}") for run in runs]
        for name, models in [*systems, *([(opponent, opponent)] if opponent else [])]:
            if shared := makers(judge) & makers(models):
                said.append(
                    f"the judge {judge} and {name} have models of one maker ({', '.join(sorted(shared))}): "
                    "judges tend to prefer their own kind"
                )
    return said
