"""Write a folder for any static host: the report of each comparison in a folder, and an index."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from fusion_eval.errors import ConfigError
from fusion_eval.exports.subject import ExportedFiles, read_subject
from fusion_eval.report.html.report import FILE_NAME, Report, write_page
from fusion_eval.report.html.site import SitePage, site_index
from fusion_eval.runs.comparison import FILE_NAME as COMPARISON
from fusion_eval.runs.verdicts import FILE_NAME as VERDICTS
from fusion_eval.runs.verdicts import read_verdicts
from fusion_eval.runs.writing import write_file
from fusion_eval.text.file_names import safe_file_name

_WARNING = "the site holds the prompts, answers and verdicts of the runs; look at it before you publish it"


def write_site(path: Path, output: Path, allow_partial: bool = False) -> ExportedFiles:
    """Write `index.html`, and `NAME/report.html` of each folder with a comparison.

    Args:
        path: A folder that `fusion-eval run` wrote, or a folder of such folders.
        output: The folder to write to.
        allow_partial: Read runs whose sample files lack items.

    Raises:
        ConfigError: No folder has a comparison, or a run cannot be read.
    """
    folders = [path] if (path / COMPARISON).is_file() else _compared_folders(path)
    if not folders:
        raise ConfigError(
            f"{path} holds no {COMPARISON}, and neither does a folder in it; fusion-eval compare … --output DIR writes one"
        )
    pages, paths = [], []
    for folder in folders:
        subject = read_subject(folder, allow_partial)
        name = safe_file_name(folder.resolve().name)
        verdicts = read_verdicts(folder / VERDICTS) if (folder / VERDICTS).is_file() else ()
        sampled = [run for run in subject.runs if run.files.samples]
        written = write_page(Report(sampled, subject.comparison, verdicts=verdicts), output / name)
        paths += written
        if subject.comparison:
            pages.append(SitePage(folder.resolve().name, f"{quote(name)}/{FILE_NAME}", subject.comparison))
    write_file(output / "index.html", site_index(pages).encode())
    return ExportedFiles((output / "index.html", *paths), (_WARNING,))


def _compared_folders(path: Path) -> list[Path]:
    if not path.is_dir():
        return []
    return sorted(child for child in path.iterdir() if (child / COMPARISON).is_file())
