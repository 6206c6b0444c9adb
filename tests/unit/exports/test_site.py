"""A site of reports: a page for each comparison, and an index with groups of systems that cannot be told apart."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from comparison_of import ROW, comparison_of
from report_page import Question, write_runs

from fusion_eval import api
from fusion_eval.errors import FusionEvalError
from fusion_eval.report.html.site import SitePage, leaderboards, site_index
from fusion_eval.runs.comparison import RankedRun

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
    assert 'href="../index.html">All reports' in written.paths[1].read_text()


def test_a_comparison_beside_its_runs_has_a_page_and_one_without_runs_is_noted(tmp_path: Path) -> None:
    # given a comparison in a folder of its own, and one whose runs are gone
    out = tmp_path / "out"
    for name in ("demo", "gone"):
        folder = write_runs(out / name, "quiz_en", QUESTIONS)
        api.compare(folder / "single", folder / "fusion", output=folder / "compared")
    shutil.rmtree(out / "gone" / "single")
    # when
    written = api.export(out, tmp_path / "site", format="site")
    # then
    index = (tmp_path / "site" / "index.html").read_text()
    assert 'href="demo/compared/report.html">demo/compared</a>' in index
    assert 'href="../../index.html"' in (tmp_path / "site/demo/compared/report.html").read_text()
    assert "gone" not in index and "compared is left out: There is no run" in written.notes[1]


@pytest.mark.parametrize("place", [".", "one", "site"])
def test_the_site_may_be_written_beside_what_it_shows(place: str, tmp_path: Path) -> None:
    # given
    folder = write_runs(tmp_path / "one", "quiz_en", QUESTIONS)
    api.compare(folder / "single", folder / "fusion", output=folder)
    # when it is written twice
    for _ in range(2):
        written = api.export(tmp_path, tmp_path / place, format="site")
    # then
    assert 'href="one/report.html"' in written.paths[0].read_text()
    assert len(written.paths) == 2


def test_a_folder_without_a_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FusionEvalError, match=r"holds no comparison\.json"):
        api.export(tmp_path, tmp_path / "site", format="site")


def test_groups_stand_below_each_other_and_the_caption_says_on_what_they_were_compared() -> None:
    # given
    ranks = [
        RankedRun("quiz_fr", "fr", "acc", "none", run, 1.0 / rank, rank, groups)
        for rank, (run, groups) in enumerate((("bon", "a"), ("fusion", "ab"), ("single", "b")), start=1)
    ]
    # when
    comparison = comparison_of(ranks=tuple(ranks))
    index = site_index([SitePage("t", "t/report.html", comparison)])
    # then
    assert leaderboards(comparison)[0]["letters"] == ["a", "b"]
    assert "quiz_fr, 1,200 items" in index and 'colspan="2">Group' in index
    assert index.count('<td class="letter c0">a</td>') == index.count('<td class="letter c1">b</td>') == 2


def test_two_systems_share_a_group_unless_they_differ_significantly() -> None:
    # when
    apart, equal = (
        leaderboards(comparison_of(replace(ROW, significant=one)))[0]["lines"] for one in (True, False)
    )
    # then
    assert apart == [("1", "fusion", "0.4523", "a"), ("2", "single", "0.4123", "b")]
    assert [line[3] for line in equal] == ["a", "a"]


def test_every_system_that_a_judge_compared_has_a_place() -> None:
    # given
    one, other = (replace(ROW, candidate=name, significant=name == "fusion") for name in ("fusion", "bon"))
    # when
    (board,) = leaderboards(comparison_of(one, replace(other, candidate_value=0.4123)))
    # then
    assert board["lines"] == [
        ("1", "fusion", "0.4523", "a"),
        ("2", "single", "0.4123", "b"),
        ("2", "bon", "0.4123", "ab"),
    ]


def test_names_are_no_markup() -> None:
    # given
    comparison = comparison_of(replace(ROW, candidate="<script>x</script>", task="</style>"))
    # when
    index = site_index([SitePage("<b>t</b>", "t/report.html", comparison)])
    # then
    assert "<script>" not in index and index.count("</style>") == 1 and "<b>t" not in index
