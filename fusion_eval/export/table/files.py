"""`fusion-eval export --format table`: the scores as papers print them, `table.md` and `table.tex`."""

from __future__ import annotations

from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.export.comparable import compared
from fusion_eval.export.subject import Subject, Written, written
from fusion_eval.export.table.captions import footnotes
from fusion_eval.export.table.latex import as_latex
from fusion_eval.export.table.markdown import as_markdown
from fusion_eval.export.table.score_grids import grids


def write_tables(subject: Subject, folder: Path) -> Written:
    """Both files in `folder`. Raises `ConfigError` where the runs hold no number, or a file cannot be written."""
    found = compared(subject)
    made = grids(subject.runs, found)
    if not made:
        raise ConfigError(
            f"{subject.path} has no number to put into a table: there is no results file beside its samples"
        )
    notes = footnotes(subject.runs, found.metrics or found.judged, found.why_not)
    paths = (
        written(folder, "table.md", as_markdown(made, notes)),
        written(folder, "table.tex", as_latex(made, notes)),
    )
    return Written(paths, (f"Not compared: {found.why_not}",) if found.why_not else ())
