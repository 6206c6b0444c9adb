"""A comparison in Python: printed, in a notebook, and converted."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from comparison_of import ROW, comparison_of

from fusion_eval.report.comparison_table import as_csv, as_markdown, as_text
from fusion_eval.report.comparison_view import ComparisonView
from fusion_eval.runs.comparison import RankedRun


class Tags(HTMLParser):
    """Collect the tags and the texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read_html(view: ComparisonView) -> Tags:
    page = Tags()
    page.feed(view._repr_html_())
    return page


def test_a_view_prints_as_the_table_and_converts_to_every_form() -> None:
    # given
    comparison = comparison_of()
    # when
    view = ComparisonView(comparison)
    # then
    assert str(view) == as_text(comparison)
    assert repr(view) == "<ComparisonView of single, fusion: 1 rows>"
    assert view.to_markdown() == as_markdown(comparison)
    assert view.to_csv() == as_csv(comparison)
    assert json.loads(view.to_json())["rows"][0]["delta"] == 0.04
    assert view.to_frame()["delta"].tolist() == [0.04]


def test_rows_ranks_and_notes_are_at_hand() -> None:
    # given
    ranked = RankedRun("quiz_fr", "fr", "acc", "none", "fusion", 0.45, 1, "a")
    row = replace(ROW, note="one item")
    # when
    view = ComparisonView(comparison_of(row, ranks=(ranked,), notes=("left out",)))
    # then
    assert (view.rows, view.ranks) == ((row,), (ranked,))
    assert view.notes == ("left out", "quiz_fr, acc, fusion: one item")


def test_a_notebook_shows_the_cells_of_the_text_table_and_the_notes() -> None:
    # given
    view = ComparisonView(comparison_of(ROW, notes=("left out",)))
    # when
    page = read_html(view)
    # then
    assert {"quiz_fr", "+0.0400 [+0.0100, +0.0700]", "90/1060/50", "left out"} <= set(page.texts)
    assert page.tags == {"table", "thead", "tbody", "tr", "th", "td", "p", "br", "ul", "li"}


@pytest.mark.parametrize("name", ["<script>x</script>", "<img src=x onerror=y>", "a&lt;b", "a\x1b[2Jb"])
def test_names_are_escaped_in_a_notebook(name: str) -> None:
    # given a name in every place
    row = replace(ROW, task=name, metric=name, baseline=name, candidate=name, note=name)
    view = ComparisonView(comparison_of(row, baseline=name, notes=(name,)))
    # when
    page = read_html(view)
    # then it is text, and control codes are gone
    assert page.tags == {"table", "thead", "tbody", "tr", "th", "td", "p", "br", "ul", "li"}
    assert name.replace("\x1b", "") in page.texts and "\x1b" not in view._repr_html_()
