"""Escape text of others for the files that we write: Markdown, LaTeX, CSV, JSON and XML."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from fusion_eval.text.printable import HIDDEN_IN_JSON, printable, terminal_line

_EMPTY_COMMENT = "<!-- -->"
"""Separates `@` from a name, and so on. GitHub finds mentions in the rendered page, so entities would not help."""
_LATEX_ESCAPES = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # After the end of a line, these would be read as its arguments.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    "–": "--",
}
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
"""How a formula begins in a spreadsheet, some of which take the wide forms, too."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NOT_XML = re.compile("[\ufffe\uffff]")
"""Characters that a terminal can show and XML forbids."""


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


def latex_escaped(text: str) -> str:
    """Return untrusted text so that it can neither begin nor end a command, a group or a cell.

    Characters outside ASCII become their code points.
    """
    return re.sub(r"[^\w ]|_|[^\x00-\x7f]", _latex_escape, printable(text))


def _latex_escape(match: re.Match[str]) -> str:
    mark = match[0]
    return _LATEX_ESCAPES.get(mark) or (mark if mark.isascii() else f"{{[}}U+{ord(mark):04X}{{]}}")


def csv_cell(value: object) -> object:
    """Return a value for a cell of CSV, which is printed or saved.

    No text of it is a command for a CI service. A text that a spreadsheet would execute gets a `'` before it.
    """
    if not isinstance(value, str):
        return value
    text = terminal_line(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def visible_json(text: str) -> str:
    """Return JSON with the same content, in which invisible characters and CI commands are escaped."""
    escaped_text = HIDDEN_IN_JSON.sub(lambda match: json.dumps(match[0])[1:-1], text)
    return re.sub(r"##(\w*)\[", r"##\1\\u005b", escaped_text)


def xml_text(text: str) -> str:
    """Return the text without the characters that XML forbids; the XML writer escapes the others."""
    return _NOT_XML.sub("", printable(text))
