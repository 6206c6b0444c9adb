"""Writes results/README.md from the files beside it: `python results/readme.py`. CI compares."""

from __future__ import annotations

import re
from pathlib import Path

from fusion_eval.report.comparison_table import as_markdown
from fusion_eval.runs.comparison import FILE_NAME, read_comparison

HERE = Path(__file__).parent
HEAD = """# Results

Reference results that anyone can reproduce: each folder has the commands that made it (`make.sh`), the comparison, a card on how
it was made, tables, and a baseline per strategy for `fusion-eval check`. This page is drawn from these files by
`python results/readme.py`."""


def page() -> str:
    """The whole of README.md."""
    folders = sorted(path.parent for path in HERE.glob(f"*/{FILE_NAME}"))
    return "\n\n".join([HEAD, *map(_section, folders)]) + "\n"


def _section(folder: Path) -> str:
    comparison = read_comparison(folder / FILE_NAME)
    together = [row for row in comparison.rows if row.language == "all"]
    files = [f"[{path.name}]({folder.name}/{path.name})" for path in sorted(folder.iterdir())]
    return "\n\n".join(
        [
            f"## {folder.name}",
            _about(folder / "make.sh"),
            _inside((folder / "table.md").read_text(encoding="utf-8")),
            "Over all languages:",
            as_markdown(comparison, together),
            "Files: " + ", ".join(files),
        ]
    )


def _about(script: Path) -> str:
    """The comment at the head of the script."""
    lines = script.read_text(encoding="utf-8").splitlines()[1:]
    end = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line.removeprefix("#").strip() for line in lines[:end])


def _inside(markdown: str) -> str:
    """Headings stand below those of this page."""
    return re.sub(r"^#+ ", "### ", markdown, flags=re.MULTILINE).strip()


if __name__ == "__main__":
    (HERE / "README.md").write_text(page(), encoding="utf-8")
