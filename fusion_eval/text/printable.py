"""Make untrusted text safe to print: names and messages may hold text from other people's files and servers."""

from __future__ import annotations

import re

INVISIBLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+"
)
"""Control codes, line breaks of all kinds, unpaired surrogates, and characters that reorder or hide text."""


def printable(text: str) -> str:
    """Return the text without invisible characters, so that it prints as one line of a terminal."""
    return INVISIBLE.sub("", text)


def printable_in_ci(text: str) -> str:
    """Return the text printable and without workflow commands.

    A GitHub runner executes `##[` wherever it stands in a job's output.
    """
    return printable(text).replace("##[", "## [")
