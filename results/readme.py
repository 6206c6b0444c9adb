"""Write results/README.md from the files beside it: `python results/readme.py`. A test compares them."""

from __future__ import annotations

import re
from pathlib import Path

from fusion_eval.report.comparison_table import as_markdown
from fusion_eval.runs.comparison import FILE_NAME, read_comparison

HERE = Path(__file__).parent
HEAD = """# Results

Reference results that anyone can reproduce. Each folder has the commands that made it (`make.sh`), the comparison, a card on how
it was made and tables. All but those of verdicts have baselines for `fusion-eval check`. `python results/readme.py` draws this page
from these files. `make.sh` writes them anew, with other dates: `git diff` shows whether a number changed, and
`git checkout results` puts them back."""


def page() -> str:
    """Return the text of README.md."""
    folders = sorted(path.parent for path in HERE.glob(f"*/{FILE_NAME}"))
    return "\n\n".join([HEAD, *map(_section, folders)]) + "\n"


def _section(folder: Path) -> str:
    comparison = read_comparison(folder / FILE_NAME)
    overall = [row for row in comparison.rows if row.language == "all"]
    files = [f"[{path.name}]({folder.name}/{path.name})" for path in sorted(folder.iterdir())]
    return "\n\n".join(
        [
            f"## {folder.name}",
            _about(folder / "make.sh"),
            _below_heading((folder / "table.md").read_text(encoding="utf-8")),
            "Over all languages:",
            as_markdown(comparison, overall),
            "Files: " + ", ".join(files),
        ]
    )


def _about(script: Path) -> str:
    """Return the comment at the head of a script."""
    lines = script.read_text(encoding="utf-8").splitlines()[1:]
    end = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(line.removeprefix("#").strip() for line in lines[:end])


def _below_heading(markdown: str) -> str:
    """Lower the headings below those of this page."""
    return re.sub(r"^#+ ", "### ", markdown, flags=re.MULTILINE).strip()


if __name__ == "__main__":
    (HERE / "README.md").write_text(page(), encoding="utf-8")
