"""The page of an analysis: its finding, its tables and its notes."""

from __future__ import annotations

from pathlib import Path

from report_page import Question, write_comparison_page, write_runs

from fusion_eval.api import reports
from fusion_eval.report.html.report import Report, write_page
from fusion_eval.runs.analysis import Analysis, CeilingRow, CurvePoint
from fusion_eval.runs.reading import read_runs

QUESTIONS = [Question(f"{number}?", ["a", "b"], ("a", 1.0), ("b", 0.0)) for number in range(4)]
HOSTILE = "<script>alert(1)</script>"
POINTS = tuple(
    CurvePoint(HOSTILE, "en", "acc", "none", name, None, k, value, 0.1, 0.9, 4, 4)
    for name, k, value in (("mean", 1, 0.5), ("mean", 2, 0.5), ("oracle", 2, 0.875))
)
CEILING = CeilingRow(HOSTILE, "en", "acc", "none", 4, 1, 0.25, 0.01, 0.8)
ANALYSIS = Analysis(1, (), curves=POINTS, ceiling=(CEILING,), notes=("one note",))


def test_an_analysis_has_a_page_with_its_finding_tables_notes_and_items(tmp_path: Path) -> None:
    # given
    folder = write_runs(tmp_path, "quiz_en", QUESTIONS)
    # when
    runs = read_runs([folder / "single", folder / "fusion"])
    page = write_page(Report(runs, analysis=ANALYSIS), folder)[0].read_text(encoding="utf-8")
    # then
    assert "2 candidates have 0.5000 on average and 0.8750 by a perfect choice" in page
    assert page.count('<details class="part"') == 2 and "What k candidates give" in page
    assert "one note" in page and 'id="items"' in page
    assert HOSTILE not in page and "&lt;script&gt;alert(1)" in page


def test_a_page_without_an_analysis_has_no_place_for_it(tmp_path: Path) -> None:
    page = write_comparison_page(write_runs(tmp_path, "quiz_en", QUESTIONS)).read_text(encoding="utf-8")
    assert 'id="analysis"' not in page and 'href="#analysis"' not in page


def test_a_page_that_cannot_be_written_is_a_note(tmp_path: Path) -> None:
    # given runs that are not there
    notes: list[str] = []
    # when
    reports.write_analysis_page([tmp_path / "single"], tmp_path, notes.append)
    # then
    assert len(notes) == 1 and notes[0].startswith("report.html is not written: ")
