"""A site of reports: a page for each comparison, and an index with groups of systems that cannot be told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from comparison_of import ROW, comparison_of
from report_page import Question, write_runs

from fusion_eval import api
from fusion_eval.errors import FusionEvalError
from fusion_eval.report.html.site import SitePage, leaderboards, site_index

QUESTIONS = [
    Question("a\nb", ["x", "y"], ("x", 0.0), ("y", 1.0)),
    Question("a\nc", ["x", "y"], ("x", 0.0), ("y", 1.0)),
]


def test_every_comparison_has_a_page_and_a_place_in_the_index(tmp_path: Path) -> None:
    # given
    for name in ("one", "other"):
        folder = write_runs(tmp_path / "out" / name, "quiz_en", QUESTIONS)
        api.compare(folder / "single", folder / "fusion", output=folder)
    # when
    written = api.export(tmp_path / "out", tmp_path / "site", format="site")
    # then
    index = (tmp_path / "site" / "index.html").read_text()
    assert 'href="one/report.html"' in index and 'href="other/report.html"' in index
    assert [path.name for path in written.paths] == ["index.html", "report.html", "report.html"]


def test_a_folder_without_a_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FusionEvalError, match=r"holds no comparison\.json"):
        api.export(tmp_path, tmp_path / "site", format="site")


def test_two_systems_share_a_group_unless_they_differ_significantly() -> None:
    # when
    apart, equal = (
        leaderboards(comparison_of(replace(ROW, significant=one)))[0]["lines"] for one in (True, False)
    )
    # then
    assert apart == [("1", "fusion", "0.4523", "a"), ("2", "single", "0.4123", "b")]
    assert [line[3] for line in equal] == ["a", "a"]


def test_names_are_no_markup() -> None:
    # given
    comparison = comparison_of(replace(ROW, candidate="<script>x</script>", task="</style>"))
    # when
    index = site_index([SitePage("<b>t</b>", "t/report.html", comparison)])
    # then
    assert "<script>" not in index and index.count("</style>") == 1 and "<b>t" not in index
