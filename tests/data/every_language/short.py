"""Load the two short prompts of one language: a greeting to translate, and a sum."""

from __future__ import annotations

import json
from pathlib import Path

from datasets import Dataset

PROMPTS = Path(__file__).with_name("prompts.jsonl")


def load(language: str, **_metadata: object) -> dict[str, Dataset]:
    """Load the split `test` of the task in one language."""
    prompts = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    return {"test": Dataset.from_list([prompt for prompt in prompts if prompt["language"] == language])}
