"""Where the task files are: beside the package in a checkout, inside it once it is installed."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[2]


def folder() -> Path:
    """The checkout's `tasks` where the package runs from a checkout, else the copy inside the package."""
    checkout = PACKAGE.parent
    return checkout / "tasks" if _is_ours(checkout / "pyproject.toml") else PACKAGE / "tasks"


def _is_ours(project_file: Path) -> bool:
    # Beside an installed package lie other people's files, and a `tasks` among them is no rarity.
    return project_file.is_file() and 'name = "fusion-eval"' in project_file.read_text(encoding="utf-8")
