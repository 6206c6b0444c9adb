"""Write the report of runs: `report.html`, and files with texts beside it if they are too large for one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from fusion_eval.report.comparison_table import notes_of
from fusion_eval.report.further_tables import captioned_tables
from fusion_eval.report.html.compressed import compressed
from fusion_eval.report.html.items import CandidateValues, Items, read_items
from fusion_eval.report.html.overview import overview_fields
from fusion_eval.report.html.page import render_page
from fusion_eval.report.html.pictures import Picture
from fusion_eval.runs.analysis import Analysis
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.reading import Run
from fusion_eval.runs.verdicts import Verdict
from fusion_eval.runs.writing import write_file

FILE_NAME = "report.html"
TEXTS_FOLDER = "report_texts"
LARGEST_PAGE = 24 * 2**20
"""Bytes of compressed texts. A page with more has them in files beside it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is made of. Everything but the runs may be absent."""

    runs: Sequence[Run]
    """The baseline first."""
    comparison: Comparison | None = None
    candidate_values: CandidateValues = field(default_factory=dict)
    verdicts: Sequence[Verdict] = ()
    pictures: Sequence[Picture] = ()
    pictures_note: str = ""
    """What to install, or to do, for more pictures."""
    notes: Sequence[str] = ()
    analysis: Analysis | None = None
    index: str = ""
    """The address of the first page of the site that the report belongs to."""


def write_page(report: Report, folder: Path, largest: int = LARGEST_PAGE) -> list[Path]:
    """Write `report.html` to a folder, which is created if needed.

    Args:
        report: The report.
        folder: The folder.
        largest: The most bytes of compressed texts inside the page.

    Returns:
        The page's path; then the folder of texts, if they are in files of their own.

    Raises:
        ConfigError: A file of a run cannot be read, or the page cannot be written.
    """
    items = read_items(report.runs, report.candidate_values, report.verdicts)
    sharded = sum(map(len, items.chunks)) > largest
    page = render(report, items, sharded=sharded)
    paths = [folder / FILE_NAME]
    if sharded:
        for place, chunk in enumerate(items.chunks):
            content = f'fusionEvalTexts({place}, "{chunk}");\n'
            write_file(folder / TEXTS_FOLDER / f"texts-{place}.js", content.encode())
        paths.append(folder / TEXTS_FOLDER)
    write_file(paths[0], page.encode())
    return paths


def render(report: Report, items: Items, *, sharded: bool = False) -> str:
    """Return the page as text."""
    comparison = report.comparison
    rows = [] if comparison is None else [asdict(row) for row in comparison.rows]
    data = {
        "rows": rows,
        "confidence": "" if comparison is None else f"{100 * (1 - comparison.alpha):g}%",
        "items": items.head,
        "item_rows": items.rows,
        "shards": TEXTS_FOLDER if sharded else "",
    }
    notes = [] if comparison is None else notes_of(comparison, comparison.rows)
    analysis = report.analysis
    fields = {
        **overview_fields(report.runs, comparison, analysis),
        "tables": [] if analysis is None else captioned_tables(analysis),
        "index": report.index,
        "pictures": report.pictures,
        "pictures_note": report.pictures_note,
        "has_rows": bool(rows),
        "has_items": bool(items.rows),
        "notes": list(
            dict.fromkeys([*notes, *report.notes, *items.notes, *(analysis.notes if analysis else ())])
        ),
    }
    return render_page(
        fields, compressed(msgspec.json.encode(data)), () if sharded else items.chunks, sharded=sharded
    )
