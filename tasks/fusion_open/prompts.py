"""Load the ten open-ended prompts of fusion_open, which are the same in 11 languages."""

from __future__ import annotations

import json
from pathlib import Path

from datasets import Dataset

PROMPTS = Path(__file__).parent / "data" / "prompts.jsonl"


def load(language: str, **_metadata: object) -> dict[str, Dataset]:
    """Load the split `test` with the fields `id`, `category`, `prompt` and `language`.

    The ids are the same in all languages. The prompts are translations of each other, except for the country in the
    prompt on table manners.

    Args:
        language: ISO code of the language of the prompts.
        **_metadata: Other metadata of the task, which the harness passes along.

    Raises:
        ValueError: There are no prompts in the language.
    """
    rows = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    languages = [name for name in rows[0] if name not in ("id", "category")]
    if language not in languages:
        raise ValueError(
            f"The task's metadata.language is '{language}', which fusion_open has no prompts in; "
            f"it has {', '.join(languages)}."
        )
    docs = [
        {"id": row["id"], "category": row["category"], "prompt": row[language], "language": language}
        for row in rows
    ]
    return {"test": Dataset.from_list(docs)}
