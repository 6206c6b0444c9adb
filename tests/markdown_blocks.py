"""The fenced code blocks of README.md and docs/, for the tests that run or parse them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[a-z]+)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """One fenced block; `line` is the line of its fence in `page`."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Step:
    """One command of a console block, and the output that the page shows for it."""

    command: str
    shown: list[str]


def blocks(language: str) -> list[Block]:
    """Return all blocks in this language, page by page."""
    in_language = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for fence in _FENCE.finditer(text):
            if fence["language"] == language:
                inside = re.sub(rf"^{fence['indent']}", "", fence["text"], flags=re.MULTILINE)
                line = text.count("\n", 0, fence.start()) + 1
                in_language.append(Block(str(page.relative_to(ROOT)), line, language, inside))
    return in_language


def steps(block: Block) -> list[Step]:
    """Return the commands of a console block (`$ command`), each with the lines below it."""
    listed: list[Step] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            listed.append(Step(line[2:], []))
        else:
            listed[-1].shown.append(line)
    return listed


def shows(shown: list[str], output: str) -> bool:
    """Return whether `output` is what a page shows.

    A line `…` stands for any lines, and `…` inside a line for any text. Neither the space between columns nor the rule
    below a table's head counts. A page that shows `…` alone shows nothing.
    """
    if shown and not any(line.strip(" …") for line in shown):
        return False
    pattern = ""
    for line in _without_rules(shown):
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += r"[^\n]*".join(re.escape(_collapsed(part)) for part in line.split("…")) + r"[ ]*\n"
    return (
        re.fullmatch(
            pattern, "".join(f"{_collapsed(line)}\n" for line in _without_rules(output.splitlines()))
        )
        is not None
    )


def _without_rules(lines: list[str]) -> list[str]:
    """Drop the lines that consist of dashes."""
    return [line for line in lines if not re.fullmatch(r"[- ]*-[- ]*", line)]


def _collapsed(line: str) -> str:
    return re.sub(r"\s+", " ", line).strip()
