"""A judge with known tastes, for a local server: what it says of two answers is a function of the prompt alone."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openai_server import Plan, Request, prompt_text
from run_folders import write_run

_ANSWER = r"--- answer {} [0-9a-f]{{8}} ---\n(.*?)\n--- end of answer {} [0-9a-f]{{8}} ---"
Taste = Callable[[str, str, random.Random], str]
"""Answers A and B, and luck that is the pair's own -> the mark."""


def shown(prompt: str) -> tuple[str, str]:
    """The two answers as the judge sees them."""
    a, b = (re.search(_ANSWER.format(x, x), prompt, re.DOTALL) for x in "AB")
    assert a and b
    return a[1], b[1]


def judging(taste: Taste) -> Plan:
    """A server whose model `test-model` judges so."""

    def reply(request: Request, index: int) -> str:
        prompt = prompt_text(request)
        luck = random.Random(f"{prompt} {request.get('seed')} {index}")
        return f"One of them is better.\n\n[[{taste(*shown(prompt), luck)}]]"

    return Plan(reply=reply)


def quality(answer: str) -> float:
    """The number that an answer carries, as `q=0.7`; 0 where there is none."""
    found = re.search(r"q=([0-9.]+)", answer)
    return float(found[1]) if found else 0.0


def by_quality(a: str, b: str, luck: random.Random) -> str:
    return "C" if quality(a) == quality(b) else "A" if quality(a) > quality(b) else "B"


def always_first(a: str, b: str, luck: random.Random) -> str:
    return "A"


def prefers_first(share: float) -> Taste:
    """By quality, but with probability `share` whoever stands first."""
    return lambda a, b, luck: "A" if luck.random() < share else by_quality(a, b, luck)


def longer(a: str, b: str, luck: random.Random) -> str:
    return "C" if len(a) == len(b) else "A" if len(a) > len(b) else "B"


def open_run(folder: Path, answers: list[str], task: str = "open_en", **doc: Any) -> Path:
    """A run of a task without references, in the harness's format; `doc` gives more fields, a list each."""
    samples = [
        {
            "doc_id": number,
            "doc": {"id": f"q{number}", "prompt": f"Question {number}?", **{k: v[number] for k, v in doc.items()}},
            "target": "",
            "arguments": {"gen_args_0": {"arg_0": f"Question {number}?", "arg_1": {}}},
            "resps": [[answer]],
            "filtered_resps": [answer],
            "filter": "none",
            "metrics": ["empty"],
            "empty": float(not answer),
        }
        for number, answer in enumerate(answers)
    ]
    return write_run(folder, {task: samples})
