"""The harness, when we are the ones who print."""

from __future__ import annotations

import logging
from pathlib import Path


def quieten() -> None:
    """Switch off what the harness has no switch for: a bar and a hint per task, and git's complaint outside a repository."""
    import lm_eval.api.task
    import lm_eval.evaluator

    lm_eval.api.task.tqdm = lambda items, **_: items
    logging.getLogger("lm_eval.api.task").addFilter(_no_hint)
    if not any((folder / ".git").exists() for folder in (Path.cwd(), *Path.cwd().parents)):
        lm_eval.evaluator.get_git_commit_hash = lambda: None  # which is what it finds there


def _no_hint(record: logging.LogRecord) -> bool:
    return "Custom kwargs can be passed" not in record.getMessage()
