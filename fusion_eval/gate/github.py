"""Show a check on GitHub: annotations of the change, and a summary of the job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.gate.result import CheckResult
from fusion_eval.gate.table import describe_row
from fusion_eval.gate.views import as_markdown
from fusion_eval.text.workflow_commands import workflow_command

_MOST_ROWS = 9
"""GitHub shows ten annotations of a kind in a step, and the first is on the whole check."""


def in_github_actions(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the process runs in a GitHub job."""
    return environment.get("GITHUB_ACTIONS") == "true"


def annotation_lines(result: CheckResult) -> list[str]:
    """Return workflow commands that annotate the check and each row that did not pass."""
    kinds = {
        "regression": "error",
        "inconclusive": {"tell": "warning", "pass": "notice", "fail": "error"}[result.inconclusive],
    }
    lines = []
    for verdict, kind in kinds.items():
        rows = [row for row in result.rows if row.verdict == verdict]
        lines += [
            workflow_command(kind, _title(row.task, row.language), describe_row(row))
            for row in rows[:_MOST_ROWS]
        ]
    kind = "notice" if result.passed else "error"
    return [workflow_command(kind, "fusion-eval check", result.headline), *lines]


def error_annotation(message: str) -> str:
    """Return the workflow command that annotates an error."""
    return workflow_command("error", "fusion-eval check", message)


def add_summary(result: CheckResult, environment: Mapping[str, str] = os.environ) -> None:
    """Append the check to the summary of the job, if it has one.

    Raises:
        ConfigError: The summary cannot be written.
    """
    path = environment.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    text = as_markdown(result) + "\n"
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"Cannot write GITHUB_STEP_SUMMARY, {path}: {error.strerror}") from error


def _title(task: str, language: str | None) -> str:
    return f"{task} ({language})" if language else task
