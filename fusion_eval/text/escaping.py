"""Text of others in Markdown: tables whose cells stay cells, and blocks that nothing inside can close."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusion_eval.text.printable import printable

_NOTHING = "<!-- -->"
"""Between a mark and a name: GitHub looks for mentions in what a page shows, so that `&#64;` would be one."""


def escaped(text: str) -> str:
    """Names come from files of others: no cell ends early, no markup begins, nobody is addressed, nothing is linked to."""
    safe = re.sub(r"[\\|`*_~\[\]]", lambda mark: f"\\{mark[0]}", printable(text).replace("&", "&amp;"))
    safe = safe.replace("<", "&lt;").replace("://", ":&#47;&#47;")
    return re.sub(r"@|#(?=\d)|www(?=\.)", lambda mark: f"{mark[0]}{_NOTHING}", safe)


def escaped_table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """A table of plain texts, its first `left` columns words and the others numbers."""
    return markup_table([*map(escaped, head)], [[*map(escaped, line)] for line in lines], left)


def markup_table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """The same of cells that are Markdown already."""
    ruler = [":--" if column < left else "--:" for column in range(len(head))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ruler, *lines])


def fenced(text: str, longest: int) -> str:
    """A block of `text` as it is, at most `longest` characters of it, without codes that a terminal would obey."""
    shown = text[:longest]
    lines = [printable(line.replace("\t", "    ")) for line in shown.split("\n")]
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", "\n".join(lines))), default=0))
    cut = len(text) - len(shown)
    return "\n".join([f"{fence}text", *lines, fence, *([f"({cut:,} more characters)"] if cut else [])])
