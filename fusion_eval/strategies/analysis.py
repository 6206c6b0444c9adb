"""Read the JSON comparison of candidates that the prompt `analysis` asks for in its first call."""

from __future__ import annotations

import re

import msgspec

PARTS = ("consensus", "contradictions", "partial_coverage", "unique_insights", "blind_spots")
"""The parts of an analysis, as OpenRouter's fusion names them (its type `FusionAnalysisResult`)."""
_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)\n\s*```", re.DOTALL | re.IGNORECASE)


def read_analysis(reply: str) -> str | None:
    """Return the analysis in a reply as indented JSON; None if the reply holds no analysis.

    The reply is the object alone, in a code block, or the last thing after other text. It has all of `PARTS`, each a
    list, and not all are empty. Other keys are left out.
    """
    text = reply.strip()
    blocks = _FENCED.findall(text)
    tries = [text, *blocks[-1:]]
    if "{" in text:
        tries.append(text[text.index("{") : text.rfind("}") + 1])
    for written in tries:
        try:
            found = msgspec.json.decode(written.encode(), type=dict[str, object])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
        parts = {part: found.get(part) for part in PARTS}
        if all(isinstance(value, list) for value in parts.values()) and any(parts.values()):
            return msgspec.json.format(msgspec.json.encode(parts), indent=1).decode()
    return None
