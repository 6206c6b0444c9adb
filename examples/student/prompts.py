"""Write prompts that ask for a translation from English: `python prompts.py 60 > prompts.jsonl`.

The sentences are made of parts, with a fixed seed; the languages take turns. None is in the benchmark that measures the
student.
"""

from __future__ import annotations

import itertools
import json
import random
import sys

LANGUAGES = {"fr": "French", "de": "German", "es": "Spanish"}
WHO = ["My sister", "The old baker", "Our teacher", "A young doctor", "The neighbour", "Her uncle", "The new student",
       "That singer", "The gardener", "My best friend", "The farmer", "His grandmother"]  # fmt: skip
DOES = [
    "bought",
    "lost",
    "painted",
    "found",
    "repaired",
    "sold",
    "wanted to see",
    "forgot",
    "carried",
    "dreamed of",
]
WHAT = ["a red bicycle", "the big key", "an old clock", "two warm coats", "a small boat", "the yellow flowers",
        "a broken chair", "three green apples", "the heavy box", "a letter from Spain", "the kitchen table"]  # fmt: skip
WHEN = ["yesterday", "last summer", "before dinner", "on Monday", "in the morning", "after the storm",
        "at the market"]  # fmt: skip
INSTRUCTION = "Translate from English into {language}.\n\nEnglish: {sentence}\n{language}:"
"""The form of the benchmark `fusion_demo` without worked examples."""


def sentences(count: int) -> list[str]:
    """Return different sentences."""
    choose = random.Random(0)  # noqa: S311 - no secret
    made: dict[str, None] = {}
    while len(made) < count:
        parts = [choose.choice(words) for words in (WHO, DOES, WHAT, WHEN)]
        made[f"{' '.join(parts)}."] = None
    return list(made)


def main() -> None:
    """Print a line of JSON for each prompt."""
    for sentence, (code, language) in zip(sentences(int(sys.argv[1])), itertools.cycle(LANGUAGES.items())):
        prompt = INSTRUCTION.format(language=language, sentence=sentence)
        print(json.dumps({"prompt": prompt, "language": code}))


if __name__ == "__main__":
    main()
