"""A check where GitHub shows it: annotations beside the change, and a summary of the job."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.gate.junit import sentence
from fusion_eval.gate.result import Checked
from fusion_eval.gate.views import as_markdown, headline
from fusion_eval.text.printable import printable

_MOST = 9
"""GitHub shows ten annotations of a kind in a step; one is for the whole."""


def runs_here(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a GitHub job runs us."""
    return environment.get("GITHUB_ACTIONS") == "true"


def commands(checked: Checked) -> list[str]:
    """Workflow commands, a line each: the whole, then an error per regression and a warning per row that cannot tell."""
    kinds = {
        "regression": "error",
        "inconclusive": {"tell": "warning", "pass": "notice", "fail": "error"}[checked.inconclusive],
    }
    lines = []
    for verdict, kind in kinds.items():
        rows = [row for row in checked.rows if row.verdict == verdict]
        lines += [_command(kind, _title(row.task, row.language), sentence(row)) for row in rows[:_MOST]]
    kind = "notice" if checked.exit_code == 0 else "error"
    return [_command(kind, "fusion-eval check", headline(checked)), *lines]


def unusable(message: str) -> str:
    """The workflow command for input that cannot be checked."""
    return _command("error", "fusion-eval check", message)


def guarded(text: str) -> str:
    """`text` between marks that only we know: names of others in it are no commands to the runner."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def harmless(text: str) -> str:
    """The same JSON without `##[`, by which the runner finds older commands anywhere in a line; Markdown is escaped already."""
    return text.replace("##[", r"##\u005b")


def add_summary(checked: Checked, environment: Mapping[str, str] = os.environ) -> None:
    """The Markdown of the check, behind what other steps wrote. Raises `ConfigError` where it cannot be written."""
    path = environment.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    text = as_markdown(checked) + "\n"
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"Cannot write GITHUB_STEP_SUMMARY, {path}: {error.strerror}") from error


def _title(task: str, language: str | None) -> str:
    return f"{task} ({language})" if language else task


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
