"""A folder with prompts, and a server with three teachers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan, Server
from synth_lab import Lab, reply, write_prompts


@pytest.fixture
def lab(tmp_path: Path, openai_server: Callable[[Plan], Server]) -> Callable[..., Lab]:
    """Return a function that makes a lab with so many prompts, and a server with a plan's options."""

    def make(count: int = 5, columns: dict[str, object] | None = None, **plan: Any) -> Lab:
        server = openai_server(Plan(**{"models": ("a", "b", "c"), "reply": reply} | plan))
        write_prompts(tmp_path / "prompts.jsonl", count, **columns or {})
        return Lab(tmp_path, server)

    return make
