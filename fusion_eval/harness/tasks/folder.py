"""Find the folder with the task files: beside the package in a checkout, inside the package once it is installed."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[2]


def folder() -> Path:
    """Return the `tasks` folder of the checkout that the package runs from, else the copy inside the package."""
    checkout = PACKAGE.parent
    return checkout / "tasks" if _is_our_project(checkout / "pyproject.toml") else PACKAGE / "tasks"


def _is_our_project(project_file: Path) -> bool:
    # Other packages lie beside an installed one, and some of them ship a folder `tasks`.
    return project_file.is_file() and 'name = "fusion-eval"' in project_file.read_text(encoding="utf-8")
