"""Escape text of others for Markdown: cells of tables and code blocks that the text cannot break out of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fusion_eval.text.printable import printable

_EMPTY_COMMENT = "<!-- -->"
"""Separates `@` from a name, and so on. GitHub finds mentions in the rendered page, so entities would not help."""


def escaped(text: str) -> str:
    """Return text as plain Markdown: no table cell ends early, and nothing becomes markup, a mention or a link."""
    safe = re.sub(r"[\\|`*_~\[\]]", lambda mark: f"\\{mark[0]}", printable(text).replace("&", "&amp;"))
    safe = safe.replace("<", "&lt;")
    return re.sub(r"@|#(?=\d)|www(?=\.)|:(?=//)", lambda mark: f"{mark[0]}{_EMPTY_COMMENT}", safe)


def escaped_table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """Return a Markdown table of plain texts. The first `left` columns are aligned to the left, the others to the right."""
    return markup_table([*map(escaped, head)], [[*map(escaped, line)] for line in lines], left)


def markup_table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """Return a table of cells that are Markdown already, with columns aligned as in `escaped_table`."""
    ruler = [":--" if column < left else "--:" for column in range(len(head))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ruler, *lines])


def fenced(text: str, longest: int) -> str:
    """Return the first `longest` characters of a text as a code block, without control codes for terminals."""
    shown = text[:longest]
    lines = [printable(line.replace("\t", "    ")) for line in shown.split("\n")]
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", "\n".join(lines))), default=0))
    cut = len(text) - len(shown)
    return "\n".join([f"{fence}text", *lines, fence, *([f"({cut:,} more characters)"] if cut else [])])
