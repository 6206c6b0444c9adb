"""The report as a file: one page without a network, whose policy allows its own script only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report_page import Question, data_of, decoded, write_comparison_page, write_runs

import fusion_eval as fe
from fusion_eval.api.reports import write_report
from fusion_eval.comparison.compare import compare
from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.errors import ConfigError
from fusion_eval.report.html.items import read_items
from fusion_eval.report.html.page import content_security_policy, joined_script
from fusion_eval.report.html.report import Report, write_page
from fusion_eval.runs.comparison import write_comparison
from fusion_eval.runs.reading import read_runs

QUESTIONS = [
    Question("first\nWhere?", ["at home", "in town"], ("at home", 0.0), ("in town today now", 1.0)),
    Question(
        "first\nWhen?", ["at noon", "at night"], ("at noon", 1.0), ("at night", 0.0), fallback="no reply"
    ),
    Question("first\nWho?", ["😀 the old man and the sea", "b"], ("b", 0.0), ("😀 the old man and she", 0.0)),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_runs(tmp_path, "quiz_en", QUESTIONS)


def test_the_page_refers_to_nothing_outside_itself(folder: Path) -> None:
    # when
    page = write_comparison_page(folder).read_text(encoding="utf-8")
    # then
    assert not re.search(r'(?:src|href)="(?!#|data:)', page) and "http://" not in page.split('id="data"')[0]


def test_the_policy_names_the_hash_of_the_script_and_nothing_wider() -> None:
    # when
    policy = content_security_policy("a{}", "1")
    # then
    assert "default-src 'none'" in policy and "unsafe" not in policy and "strict-dynamic" not in policy
    assert "script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='" in policy


def test_the_joined_script_has_no_imports_and_cannot_end_early() -> None:
    assert not re.search(r"^(import|export) ", joined_script(), re.MULTILINE) and "</" not in joined_script()


def test_the_same_runs_give_the_same_page(folder: Path) -> None:
    assert write_comparison_page(folder).read_text(encoding="utf-8") == write_comparison_page(
        folder
    ).read_text(encoding="utf-8")


def test_the_finding_stands_in_the_page_without_any_script(folder: Path) -> None:
    assert re.search(
        r'<h1 id="finding">fusion does not differ significantly from single',
        write_comparison_page(folder).read_text(encoding="utf-8"),
    )


def test_rows_have_values_and_what_follows_the_common_start_of_prompts(folder: Path) -> None:
    # when
    overview = decoded(data_of(write_comparison_page(folder).read_text(encoding="utf-8"))[0])
    # then
    assert overview["items"]["systems"] == ["single", "fusion"]
    assert [row[3] for row in overview["item_rows"]] == ["Where?", "When?", "Who?"]
    assert overview["item_rows"][0][4] == [[[0, 0.0]], [[0, 1.0]]]
    assert overview["items"]["metrics"] == [{"name": "acc", "higher": True, "decimals": 0}]
    # and the second system fell back on the second item
    assert [row[6] for row in overview["item_rows"]] == [[], [1], []]


def test_supported_parts_are_counted_as_a_browser_counts(folder: Path) -> None:
    # when
    texts = decoded(data_of(write_comparison_page(folder).read_text(encoding="utf-8"))[1])[2]
    # then the emoji counts as two
    assert texts["answers"][1]["spans"] == [[0, 18, [0]]]
    assert texts["answers"][1]["text"].encode("utf-16-le")[:36].decode("utf-16-le") == "😀 the old man and"


def test_systems_that_share_a_pool_have_it_once(folder: Path) -> None:
    # when
    texts = decoded(data_of(write_comparison_page(folder).read_text(encoding="utf-8"))[1])[0]
    # then
    assert len(texts["pools"]) == 1 and texts["answers"][0]["chosen"] == 0


def test_large_texts_go_to_files_beside_the_page(folder: Path, tmp_path: Path) -> None:
    # given
    runs = read_runs([folder / "single", folder / "fusion"])
    # when
    page, texts = write_page(Report(runs), tmp_path / "out", largest=10)
    # then
    assert len(data_of(page.read_text())) == 1 and "strict-dynamic" in page.read_text()
    assert (texts / "texts-0.js").read_text().startswith('fusionEvalTexts(0, "')


def test_one_run_has_a_page_without_a_comparison(folder: Path) -> None:
    # when
    page = write_report(folder / "fusion", candidate_scores=False).read_text()
    # then
    assert "nothing was compared" in page and 'id="table"' not in page and 'id="list"' in page


def test_a_folder_with_a_comparison_alone_stands_for_the_runs_that_it_names(folder: Path) -> None:
    # given
    compared = folder / "compared"
    runs = read_runs([folder / "fusion", folder / "single"])
    write_comparison(compare(runs, ComparisonOptions(resamples=100)), compared)
    # when
    page = write_report(compared, candidate_scores=False)
    # then
    assert page == compared / "report.html"
    assert decoded(data_of(page.read_text())[0])["items"]["systems"] == ["fusion", "single"]


def test_a_notebook_has_the_pictures_as_charts_by_name(folder: Path) -> None:
    # given
    pytest.importorskip("altair", reason="charts need the extra 'plots'")
    # when
    charts = fe.charts(folder)
    # then
    assert list(charts) == ["forest", "wins"]
    assert charts["forest"].to_dict()["title"] == "Difference from single: quiz_en, acc"


def test_a_compared_run_that_has_lost_its_samples_is_named(folder: Path) -> None:
    # given
    runs = read_runs([folder / "single", folder / "fusion"])
    write_comparison(compare(runs, ComparisonOptions(resamples=100)), folder)
    for path in (folder / "fusion").rglob("samples_*"):
        path.unlink()
    # when, then
    with pytest.raises(ConfigError, match="fusion"):
        write_report(folder, candidate_scores=False)


def test_a_value_that_is_no_number_is_left_out_of_the_row(tmp_path: Path) -> None:
    # given
    nan = float("nan")
    runs = write_runs(tmp_path, "quiz_en", [Question("[]", ["a", "b"], ("a", nan), ("b", 1.0))])
    # when
    items = read_items(
        read_runs([runs / "single", runs / "fusion"]), {("quiz_en", "acc", "none"): {0: [nan, 1.0]}}
    )
    # then
    (row,) = items.rows
    assert (row[3], row[4], row[7]) == ("[]", [[], [[0, 1.0]]], [])


def test_answers_that_differ_behind_what_the_row_shows_are_different(tmp_path: Path) -> None:
    # given
    start = "the same words " * 40
    folder = write_runs(
        tmp_path,
        "open_en",
        [
            Question("?", ["a"], (start, 1.0), (f"{start}and more", 2.5)),
            Question("!", ["a"], (start, 1.0), (start, 1.0)),
        ],
    )
    # when
    items = read_items(read_runs([folder / "single", folder / "fusion"]), {})
    # then
    assert [row[8] for row in items.rows] == [[1], []]
    assert items.head["metrics"][0]["decimals"] == 2


def test_an_empty_reference_is_none(tmp_path: Path) -> None:
    # given
    folder = write_runs(tmp_path, "open_en", [Question("?", ["a", "b"], ("a", 1.0), ("b", 1.0), reference=" ")])  # fmt: skip
    # when
    texts = decoded(data_of(write_comparison_page(folder).read_text(encoding="utf-8"))[1])[0]
    # then
    assert texts["references"] == []
