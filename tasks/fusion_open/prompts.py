"""Ten open-ended prompts, the same in 11 languages: what the YAML files beside this one load."""

from __future__ import annotations

import json
from pathlib import Path

from datasets import Dataset

PROMPTS = Path(__file__).parent / "data" / "prompts.jsonl"


def load(language: str, **_metadata: object) -> dict[str, Dataset]:
    """The split `test`: fields `id`, `category`, `prompt` and `language` (an ISO code).

    The ids are parallel. The prompts are translations of each other, but for the country in the one on table
    manners. The harness passes a task's whole metadata; the rest of it is not needed here. Raises ValueError for a
    language without prompts.
    """
    rows = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    languages = [name for name in rows[0] if name not in ("id", "category")]
    if language not in languages:
        raise ValueError(
            f"The task's metadata.language is '{language}', which fusion_open has no prompts in; "
            f"it has {', '.join(languages)}."
        )
    return {
        "test": Dataset.from_list(
            [
                {"id": row["id"], "category": row["category"], "prompt": row[language], "language": language}
                for row in rows
            ]
        )
    }
