"""Write workflow commands for a GitHub job, and keep text of others from acting as one."""

from __future__ import annotations

import secrets

from fusion_eval.text.printable import printable


def workflow_command(kind: str, title: str, message: str) -> str:
    """Return the command that annotates the job with a message; `kind` is error, warning or notice."""
    return f"::{kind} title={_property(title)}::{_data(message)}"


def without_commands(text: str) -> str:
    """Wrap a text for the log, so that no name in it can act as a workflow command.

    A random token ends the wrapping, so no name can end it either.
    """
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
