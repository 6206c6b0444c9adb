"""The views of a check: table, Markdown, JSON, JUnit and GitHub annotations; with hostile names too."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from gate_sides import side

from fusion_eval.errors import ConfigError
from fusion_eval.gate import github
from fusion_eval.gate.check import CheckOptions, check
from fusion_eval.gate.checked_rows import CheckedRow, CheckedRun
from fusion_eval.gate.junit import junit, write_junit
from fusion_eval.gate.margins import Margins
from fusion_eval.gate.result import CheckResult
from fusion_eval.gate.views import MARK, as_json, as_markdown, as_text
from fusion_eval.text.workflow_commands import without_commands

HOSTILE = (
    "a|b<script>x</script> @octocat --> `c`\n::error::mine\r\n# [d](https://evil.example)\x1b[31m\ufffe\u202e"
)
LOST, FEW, SAME = "lost", "few", "same"


def example_result(lost: str = LOST, few: str = FEW, **options: Any) -> CheckResult:
    """Check three tasks: one is a regression, one is inconclusive, one is unchanged."""
    right = np.repeat([1.0, 0.0], [700, 300])
    worse = np.repeat([1.0, 0.0], [600, 400])
    old = side({lost: right, few: right[::50], SAME: right}, name="base.gz")
    new = side({lost: worse, few: worse[::50], SAME: right}, name="out/new")
    result = check(old, new, CheckOptions(**options))
    return replace(result, rows=tuple(row for row in result.rows if row.task != "all"))


def hostile_result() -> CheckResult:
    """Put a hostile text wherever a name or note can stand."""
    result = example_result(HOSTILE, HOSTILE + "2")
    rows = [
        replace(row, metric=HOSTILE, filter=HOSTILE, language=HOSTILE, note=HOSTILE) for row in result.rows
    ]
    run = CheckedRun(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    return replace(result, rows=tuple(rows), notes=(HOSTILE,), baseline=run, candidate=run)


class TestTable:
    def test_the_table_has_a_line_for_each_row_and_ends_with_the_verdict(self) -> None:
        lines = as_text(example_result()).splitlines()
        assert lines[0].split()[:3] == ["task", "lang", "metric"]
        assert [line.split()[0] for line in lines[2:5]] == [LOST, FEW, SAME]
        assert "REGRESSION" in lines[2] and "inconclusive" in lines[3] and "unchanged" in lines[4]
        assert (
            lines[-1]
            == "out/new against base.gz: REGRESSION: 1 of 3 rows are worse by more than their margin"
        )

    def test_an_inconclusive_check_tells_how_many_items_it_needs(self) -> None:
        result = example_result()
        few = replace(result, verdict="inconclusive", rows=result.rows[1:])
        assert re.search(r"too few items to tell in 1 of 2 rows; the largest needs about [\d,]+ items$", as_text(few))  # fmt: skip

    def test_names_add_no_line_and_no_control_code_to_the_table(self) -> None:
        result, plain = hostile_result(), example_result()
        text = as_text(replace(result, notes=plain.notes))
        assert "\x1b" not in text and "\u202e" not in text and "\r" not in text
        assert not any(line.startswith(("::", "#")) for line in text.splitlines())


class TestMarkdown:
    def test_rows_that_did_not_pass_are_visible_and_all_rows_are_folded(self) -> None:
        seen, fold = as_markdown(example_result()).split("<details>")
        assert seen.startswith(f"{MARK}\n\n### out/new against base.gz: REGRESSION")
        assert f"| {LOST} |" in seen and f"| {FEW} |" in seen and f"| {SAME} |" not in seen
        assert "All 3 rows" in fold and f"| {SAME} |" in fold

    def test_a_passing_check_has_no_visible_table(self) -> None:
        result = example_result()
        passed = replace(result, verdict="pass", rows=result.rows[2:])
        assert "| task" not in as_markdown(passed).split("<details>")[0]

    def test_names_are_text_and_nothing_else(self) -> None:
        text = as_markdown(hostile_result())
        rows = [line for line in text.splitlines() if line.startswith("| a")]
        assert len(rows) == 4  # two in sight, and the same behind the fold: no name ended its line
        heads = [line for line in text.splitlines() if line.startswith("| task")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {len(re.findall(r"\|", heads[0]))}
        ours = rf"{MARK}|</?details>|</?summary>|<!-- -->"
        assert "<" not in re.sub(ours, "", text)
        for mark in ("@octocat", "https://", "\x1b", "\u202e", "\r"):
            assert mark not in text
        assert not re.search(r"(?<!\\)[`\[\]]", text)
        assert not [line for line in text.splitlines() if line.startswith(("::", "# "))]


class TestJson:
    def test_json_has_every_field(self) -> None:
        result = example_result()
        read = json.loads(as_json(result))
        assert set(read) == {one.name for one in fields(CheckResult)}
        assert set(read["baseline"]) == set(read["candidate"]) == {one.name for one in fields(CheckedRun)}
        assert all(set(row) == {one.name for one in fields(CheckedRow)} for row in read["rows"])
        assert (read["schema_version"], read["verdict"], read["exit_code"]) == (1, "regression", 1)
        assert [row["verdict"] for row in read["rows"]] == ["regression", "inconclusive", "pass"]

    def test_json_keeps_names_unchanged(self) -> None:
        assert json.loads(as_json(hostile_result()))["rows"][0]["task"] == HOSTILE


class TestJUnit:
    @pytest.mark.parametrize(
        ("inconclusive", "failures", "skipped"), [("tell", 1, 1), ("pass", 1, 0), ("fail", 2, 0)]
    )
    def test_the_report_counts_its_failures_and_skipped_cases(
        self, inconclusive: Any, failures: int, skipped: int
    ) -> None:
        (suite,) = ElementTree.fromstring(junit(example_result(inconclusive=inconclusive)))
        told = [int(suite.attrib[name]) for name in ("tests", "failures", "skipped", "errors")]
        assert told == [3, failures, skipped, 0]
        cases = suite.findall("testcase")
        assert [len([case for case in cases if case.find(kind) is not None]) for kind in ("failure", "skipped")] == [failures, skipped]  # fmt: skip

    def test_a_failure_describes_the_row(self) -> None:
        (suite,) = ElementTree.fromstring(junit(example_result()))
        case = suite[0]
        assert (case.attrib["classname"], case.attrib["name"]) == (LOST, "acc,none")
        failure = case.find("failure")
        assert failure is not None and failure.text == failure.attrib["message"]
        assert failure.text.startswith(
            "acc went from 0.7000 to 0.6000 (-0.1000), and the margin is 0.0100: a loss"
        )

    def test_any_characters_in_names_give_valid_xml(self) -> None:
        odd = HOSTILE + "".join(map(chr, range(32))) + "\x7f\x80\ud800\ufffe\uffff]]>&\"'"
        result = replace(hostile_result(), candidate=CheckedRun(odd, ""))
        result = replace(result, rows=tuple(replace(row, task=odd, metric=odd) for row in result.rows))
        content = junit(result)
        (suite,) = ElementTree.fromstring(content)
        assert [suite.attrib["tests"], suite.attrib["failures"], len(suite)] == ["3", "1", 3]
        lxml = pytest.importorskip("lxml.etree")
        assert lxml.fromstring(content)[0].attrib["skipped"] == "1"

    def test_a_report_that_cannot_be_written_is_an_error_that_names_the_path(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for place in (tmp_path, tmp_path / "file" / "report.xml"):
            with pytest.raises(
                ConfigError, match=rf"Cannot write {place}: .*; name another file with --junit"
            ):
                write_junit(example_result(), place)


def parsed(command: str) -> tuple[str, str, str]:
    """(Kind, title, message) as the runner reads a line."""
    match = re.fullmatch(r"::(\w+) title=([^,:]*)::(.*)", command)
    assert match, command
    title = match[2].replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    return match[1], title, match[3].replace("%0A", "\n").replace("%25", "%")


class TestGitHub:
    def test_the_check_and_each_row_that_did_not_pass_get_an_annotation(self) -> None:
        told = [parsed(line) for line in github.annotation_lines(example_result())]
        assert [(kind, title) for kind, title, _ in told] == [("error", "fusion-eval check"), ("error", LOST), ("warning", FEW)]  # fmt: skip
        assert told[1][2].startswith("acc went from 0.7000 to 0.6000")

    @pytest.mark.parametrize(("inconclusive", "kind"), [("tell", "warning"), ("pass", "notice"), ("fail", "error")])  # fmt: skip
    def test_the_option_inconclusive_sets_the_kind_of_annotation(self, inconclusive: Any, kind: str) -> None:
        assert parsed(github.annotation_lines(example_result(inconclusive=inconclusive))[2])[0] == kind

    def test_a_passing_check_is_a_notice(self) -> None:
        result = check(side({"quiz": [1.0, 0.0]}), side({"quiz": [1.0, 0.0]}))
        assert [parsed(line)[:2] for line in github.annotation_lines(result)] == [
            ("notice", "fusion-eval check")
        ]

    def test_there_are_no_more_annotations_than_github_shows(self) -> None:
        result = example_result()
        many = replace(result, rows=result.rows[:1] * 30)
        told = [parsed(line)[1] for line in github.annotation_lines(many)]
        assert len(told) == 10 and told[0] == "fusion-eval check"

    def test_names_cannot_end_or_begin_a_workflow_command(self) -> None:
        name = "a,b: 50%\n::warning::c%0A::set-output name=x::"
        result = example_result(name, "few")
        result = replace(result, rows=tuple(replace(row, metric=name) for row in result.rows))
        lines = github.annotation_lines(result)
        assert len(lines) == 3 and all("\n" not in line for line in lines)
        kind, title, message = parsed(lines[1])
        assert (kind, title) == ("error", name.replace("\n", ""))
        assert message.startswith(name.replace("\n", ""))

    def test_a_random_token_keeps_commands_in_the_table_from_running(self) -> None:
        one, other = (
            without_commands("::error::mine").splitlines(),
            without_commands("x").splitlines(),
        )
        assert one[0].startswith("::stop-commands::") and one[1] == "::error::mine"
        assert one[2] == f"::{one[0].removeprefix('::stop-commands::')}::"
        assert len(one[2]) > 30 and one[0] != other[0]

    def test_json_in_the_log_holds_no_command_of_the_older_form(self) -> None:
        result = example_result("x ##[add-mask]0")
        text = as_json(result)
        assert "##[" not in text and json.loads(text)["rows"][0]["task"] == "x ##[add-mask]0"
        assert "##[" not in as_markdown(result)

    def test_the_summary_is_appended_to_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "summary.md"
        file.write_text("of another step\n")
        for _ in range(2):
            github.add_summary(example_result(), {"GITHUB_STEP_SUMMARY": str(file)})
        text = file.read_text(encoding="utf-8")
        assert text.startswith("of another step\n") and text.count(MARK) == 2

    def test_a_summary_that_is_too_long_for_github_is_one_line(self, tmp_path: Path) -> None:
        result = replace(hostile_result(), rows=hostile_result().rows * 2000)
        github.add_summary(result, {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")})
        text = (tmp_path / "summary.md").read_text(encoding="utf-8")
        assert "4,000 rows did not pass, too many to show here" in text and len(text) < 2000
        assert "<script" not in text and "@octocat" not in text

    def test_a_summary_that_cannot_be_written_is_an_error_that_names_the_path(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=f"Cannot write GITHUB_STEP_SUMMARY, {tmp_path}: "):
            github.add_summary(example_result(), {"GITHUB_STEP_SUMMARY": str(tmp_path)})

    def test_without_a_summary_file_nothing_is_written(self, tmp_path: Path) -> None:
        github.add_summary(example_result(), {})
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("variable", "here"), [("true", True), ("false", False), (None, False)])
    def test_a_github_job_is_recognized_by_its_environment(self, variable: str | None, here: bool) -> None:
        assert github.in_github_actions({"GITHUB_ACTIONS": variable} if variable else {}) is here


def test_a_margin_of_a_metric_is_shown_in_its_units() -> None:
    # given values on a scale to 100, for which two digits are enough
    old, new = side({"t": [50.0, 20.0]}, metric="chrf"), side({"t": [51.0, 25.0]}, metric="chrf")
    assert " 1.50 " in as_text(check(old, new, CheckOptions(Margins(metrics={"chrf": 1.5}))))
