"""Make untrusted text safe to print: names and messages may hold text from other people's files and servers."""

from __future__ import annotations

import re

_HIDDEN = (
    r"\x7f-\x9f"  # control codes
    r"\u00ad\u034f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"  # format characters
    r"\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f"  # fillers and variation selectors
    r"\ud800-\udfff"  # unpaired surrogates
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # format characters and tags
)
INVISIBLE = re.compile(rf"[\x00-\x1f{_HIDDEN}]+")
"""Control codes, line breaks of all kinds, unpaired surrogates, and characters that reorder or hide text."""
HIDDEN_IN_JSON = re.compile(f"[{_HIDDEN}]")
"""The invisible characters that JSON does not require to be escaped."""
_COMMAND_ANYWHERE = re.compile(r"##(?=\w*\[)")
"""GitHub executes `##[…]` wherever it stands in a line, Azure `##vso[…]`, TeamCity `##teamcity[…]`."""
_COMMAND_AT_START = re.compile(r"^(\s*):(?=:)")
"""GitHub executes a line that begins with `::`."""


def printable(text: str) -> str:
    """Return the text without invisible characters, so that it prints as one line of a terminal."""
    return INVISIBLE.sub("", text)


def terminal_line(text: str) -> str:
    """Return the text as one line for a terminal or a log, which no CI service reads as a command."""
    return without_command(printable(text))


def without_command(line: str) -> str:
    """Return a line that no CI service reads as a command. What wraps safe lines needs it again: their parts begin lines."""
    return _COMMAND_AT_START.sub(r"\1: ", _COMMAND_ANYWHERE.sub("## ", line))


def terminal_text(text: str) -> str:
    """Return a text of several lines for a terminal: each as `terminal_line` gives it."""
    return "\n".join(map(terminal_line, text.split("\n")))
