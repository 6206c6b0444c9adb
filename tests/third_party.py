"""A package of a third party with strategies and scorers of its own, installed as pip leaves it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

CODE = '''
from dataclasses import dataclass, field
from typing import Literal

from fusion_eval.strategies import Answer, Pool, Scored, Scorer, Strategy, Tools


async def lengthiest(pool: Pool, tools: Tools) -> Answer:
    return Answer(max(pool.usable, key=lambda candidate: len(candidate.text)).text)


@dataclass(frozen=True)
class Everything:
    """A strategy with an option of every type."""

    k: int = 3
    share: float = 0.5
    keep: bool = True
    label: str = "plain"
    by: Scorer | None = None
    order: Literal["best", "first"] = "best"
    most: int | None = 4
    title: str | None = None
    inner: Strategy | None = None

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        return Answer(f"{self.k} of {len(pool.usable)}")


@dataclass(frozen=True)
class Length:
    """A scorer that needs log-probabilities, with a required option."""

    unit: str
    needs_logprobs = True

    async def __call__(self, pool: Pool, tools: Tools) -> Scored:
        return Scored(tuple(float(len(candidate.text)) for candidate in pool.usable))


@dataclass(frozen=True)
class Listed:
    """A strategy with an option that no text can give."""

    items: list = field(default_factory=list)

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        return Answer("")


@dataclass(frozen=True)
class Picky:
    """A strategy that refuses a value."""

    k: int = 1

    def __post_init__(self) -> None:
        if self.k > 1:
            raise ValueError("k is at most 1")

    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        return Answer("")


class Private:
    async def __call__(self, pool: Pool, tools: Tools) -> Answer:
        return Answer("ready")


ready = Private()
'''
POINTS = """[fusion_eval.strategies]
lengthiest = third_party_of_tests:lengthiest
everything = third_party_of_tests:Everything
listed = third_party_of_tests:Listed
picky = third_party_of_tests:Picky
ready = third_party_of_tests:ready
broken = third_party_of_tests:no_such_name
missing = no_such_module_of_tests:x
fusion = third_party_of_tests:lengthiest

[fusion_eval.scorers]
length = third_party_of_tests:Length
"""


def install(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Put the package first on the path, until the patch is undone."""
    info = folder / "third_party-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (folder / "third_party_of_tests.py").write_text(CODE)
    patch.syspath_prepend(str(folder))
    patch.delitem(sys.modules, "third_party_of_tests", raising=False)
