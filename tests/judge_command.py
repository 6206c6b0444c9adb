"""What tests of `fusion-eval judge` share: runs of open-ended answers, a local judge, and the options that name it."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openai_server import Server

N = 40
"""How many answers each run has."""


@dataclass(frozen=True)
class NamedJudge:
    """A local judge, and the command-line options that name it."""

    server: Server
    options: tuple[str, ...]


def random_answers(seed: int, shift: float) -> list[str]:
    """Return N answers that carry a quality between `shift` and 1 + `shift`."""
    luck = random.Random(seed)
    return [f"An answer, q={luck.random() + shift:.2f}" for _ in range(N)]


def judge_options(server: Server, arguments: str = "cache=off", model: str = "test-model") -> tuple[str, ...]:
    """Return the options that name a judge on this server."""
    return ("--judge", model, "--judge_base_url", server.base_url, "--judge_args", arguments)


def written_comparison(folder: Path) -> dict[str, Any]:
    """Return the content of the folder's `comparison.json`."""
    content = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def write_lines(path: Path, lines: Sequence[Any]) -> Path:
    """Write JSON lines, and return the path."""
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path
