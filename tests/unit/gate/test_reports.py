"""What a check leaves behind: table, comment, JSON, JUnit, and what GitHub shows; with names by which someone means ill."""

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
from fusion_eval.gate.check import CheckSettings, check
from fusion_eval.gate.junit import junit, write_junit
from fusion_eval.gate.margins import Margins
from fusion_eval.gate.result import Checked, CheckedRow, CheckedRun
from fusion_eval.gate.views import MARK, as_json, as_markdown, as_text

HOSTILE = (
    "a|b<script>x</script> @octocat --> `c`\n::error::mine\r\n# [d](https://evil.example)\x1b[31m\ufffe\u202e"
)
LOST, FEW, SAME = "lost", "few", "same"


def found(lost: str = LOST, few: str = FEW, **settings: Any) -> Checked:
    """One task is a regression, one has too few items to tell, one is as it was."""
    right = np.repeat([1.0, 0.0], [700, 300])
    worse = np.repeat([1.0, 0.0], [600, 400])
    old = side({lost: right, few: right[::50], SAME: right}, name="base.gz")
    new = side({lost: worse, few: worse[::50], SAME: right}, name="out/new")
    made = check(old, new, CheckSettings(**settings))
    return replace(made, rows=tuple(row for row in made.rows if row.task != "all"))


def hostile() -> Checked:
    made = found(HOSTILE, HOSTILE + "2")
    rows = [replace(row, metric=HOSTILE, filter=HOSTILE, language=HOSTILE, note=HOSTILE) for row in made.rows]
    run = CheckedRun(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    return replace(made, rows=tuple(rows), notes=(HOSTILE,), baseline=run, candidate=run)


class TestTable:
    def test_a_line_per_row_then_what_it_came_to(self) -> None:
        lines = as_text(found()).splitlines()
        assert lines[0].split()[:3] == ["task", "lang", "metric"]
        assert [line.split()[0] for line in lines[2:5]] == [LOST, FEW, SAME]
        assert "REGRESSION" in lines[2] and "inconclusive" in lines[3] and "unchanged" in lines[4]
        assert (
            lines[-1]
            == "out/new against base.gz: REGRESSION: 1 of 3 rows are worse by more than their margin"
        )

    def test_too_few_items_tell_how_many_would_do(self) -> None:
        made = found()
        few = replace(made, verdict="inconclusive", rows=made.rows[1:])
        assert re.search(r"too few items to tell in 1 of 2 rows; the largest needs about [\d,]+ items$", as_text(few))  # fmt: skip

    def test_names_bring_no_line_and_no_code_of_their_own(self) -> None:
        made, plain = hostile(), found()
        text = as_text(replace(made, notes=plain.notes))
        assert "\x1b" not in text and "\u202e" not in text and "\r" not in text
        assert not any(line.startswith(("::", "#")) for line in text.splitlines())


class TestMarkdown:
    def test_what_did_not_pass_is_in_sight_and_all_behind_a_fold(self) -> None:
        seen, fold = as_markdown(found()).split("<details>")
        assert seen.startswith(f"{MARK}\n\n### out/new against base.gz: REGRESSION")
        assert f"| {LOST} |" in seen and f"| {FEW} |" in seen and f"| {SAME} |" not in seen
        assert "All 3 rows" in fold and f"| {SAME} |" in fold

    def test_a_passing_check_has_no_table_in_sight(self) -> None:
        made = found()
        passed = replace(made, verdict="pass", rows=made.rows[2:])
        assert "| task" not in as_markdown(passed).split("<details>")[0]

    def test_names_are_text_and_nothing_else(self) -> None:
        text = as_markdown(hostile())
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
    def test_every_field_is_there(self) -> None:
        made = found()
        read = json.loads(as_json(made))
        assert set(read) == {one.name for one in fields(Checked)}
        assert set(read["baseline"]) == set(read["candidate"]) == {one.name for one in fields(CheckedRun)}
        assert all(set(row) == {one.name for one in fields(CheckedRow)} for row in read["rows"])
        assert (read["schema_version"], read["verdict"], read["exit_code"]) == (1, "regression", 1)
        assert [row["verdict"] for row in read["rows"]] == ["regression", "inconclusive", "pass"]

    def test_names_come_back_as_they_were(self) -> None:
        assert json.loads(as_json(hostile()))["rows"][0]["task"] == HOSTILE


class TestJUnit:
    @pytest.mark.parametrize(
        ("inconclusive", "failures", "skipped"), [("tell", 1, 1), ("pass", 1, 0), ("fail", 2, 0)]
    )
    def test_counts_are_those_of_the_cases(self, inconclusive: Any, failures: int, skipped: int) -> None:
        (suite,) = ElementTree.fromstring(junit(found(inconclusive=inconclusive)))
        told = [int(suite.attrib[name]) for name in ("tests", "failures", "skipped", "errors")]
        assert told == [3, failures, skipped, 0]
        cases = suite.findall("testcase")
        assert [len([case for case in cases if case.find(kind) is not None]) for kind in ("failure", "skipped")] == [failures, skipped]  # fmt: skip

    def test_a_failure_says_what_happened(self) -> None:
        (suite,) = ElementTree.fromstring(junit(found()))
        case = suite[0]
        assert (case.attrib["classname"], case.attrib["name"]) == (LOST, "acc,none")
        failure = case.find("failure")
        assert failure is not None and failure.text == failure.attrib["message"]
        assert failure.text.startswith(
            "acc went from 0.7000 to 0.6000 (-0.1000), and the margin is 0.0100: a loss"
        )

    def test_names_of_any_characters_make_a_report_that_parses(self) -> None:
        odd = HOSTILE + "".join(map(chr, range(32))) + "\x7f\x80\ud800\ufffe\uffff]]>&\"'"
        made = replace(hostile(), candidate=CheckedRun(odd, ""))
        made = replace(made, rows=tuple(replace(row, task=odd, metric=odd) for row in made.rows))
        content = junit(made)
        (suite,) = ElementTree.fromstring(content)
        assert [suite.attrib["tests"], suite.attrib["failures"], len(suite)] == ["3", "1", 3]
        lxml = pytest.importorskip("lxml.etree")
        assert lxml.fromstring(content)[0].attrib["skipped"] == "1"

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for place in (tmp_path, tmp_path / "file" / "report.xml"):
            with pytest.raises(
                ConfigError, match=rf"Cannot write {place}: .*; name another file with --junit"
            ):
                write_junit(found(), place)


def parsed(command: str) -> tuple[str, str, str]:
    """(Kind, title, message) as the runner reads a line."""
    match = re.fullmatch(r"::(\w+) title=([^,:]*)::(.*)", command)
    assert match, command
    title = match[2].replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    return match[1], title, match[3].replace("%0A", "\n").replace("%25", "%")


class TestGitHub:
    def test_one_annotation_for_the_whole_and_one_for_each_row_that_did_not_pass(self) -> None:
        told = [parsed(line) for line in github.commands(found())]
        assert [(kind, title) for kind, title, _ in told] == [("error", "fusion-eval check"), ("error", LOST), ("warning", FEW)]  # fmt: skip
        assert told[1][2].startswith("acc went from 0.7000 to 0.6000")

    @pytest.mark.parametrize(("inconclusive", "kind"), [("tell", "warning"), ("pass", "notice"), ("fail", "error")])  # fmt: skip
    def test_too_few_items_weigh_what_they_count_as(self, inconclusive: Any, kind: str) -> None:
        assert parsed(github.commands(found(inconclusive=inconclusive))[2])[0] == kind

    def test_a_passing_check_is_a_notice(self) -> None:
        made = check(side({"quiz": [1.0, 0.0]}), side({"quiz": [1.0, 0.0]}))
        assert [parsed(line)[:2] for line in github.commands(made)] == [("notice", "fusion-eval check")]

    def test_no_more_errors_than_are_shown_and_the_whole_is_among_them(self) -> None:
        made = found()
        many = replace(made, rows=made.rows[:1] * 30)
        told = [parsed(line)[1] for line in github.commands(many)]
        assert len(told) == 10 and told[0] == "fusion-eval check"

    def test_names_end_no_command_and_begin_none(self) -> None:
        name = "a,b: 50%\n::warning::c%0A::set-output name=x::"
        made = found(name, "few")
        made = replace(made, rows=tuple(replace(row, metric=name) for row in made.rows))
        lines = github.commands(made)
        assert len(lines) == 3 and all("\n" not in line for line in lines)
        kind, title, message = parsed(lines[1])
        assert (kind, title) == ("error", name.replace("\n", ""))
        assert message.startswith(name.replace("\n", ""))

    def test_the_table_stands_between_marks_that_nobody_can_guess(self) -> None:
        one, other = github.guarded("::error::mine").splitlines(), github.guarded("x").splitlines()
        assert one[0].startswith("::stop-commands::") and one[1] == "::error::mine"
        assert one[2] == f"::{one[0].removeprefix('::stop-commands::')}::"
        assert len(one[2]) > 30 and one[0] != other[0]

    def test_json_in_a_log_holds_no_older_command(self) -> None:
        made = found("x ##[add-mask]0")
        text = github.harmless(as_json(made))
        assert "##[" not in text and json.loads(text)["rows"][0]["task"] == "x ##[add-mask]0"
        assert "##[" not in as_markdown(made)

    def test_the_summary_stands_behind_what_is_there(self, tmp_path: Path) -> None:
        file = tmp_path / "summary.md"
        file.write_text("of another step\n")
        for _ in range(2):
            github.add_summary(found(), {"GITHUB_STEP_SUMMARY": str(file)})
        text = file.read_text(encoding="utf-8")
        assert text.startswith("of another step\n") and text.count(MARK) == 2

    def test_a_summary_too_large_for_github_is_one_line(self, tmp_path: Path) -> None:
        made = replace(hostile(), rows=hostile().rows * 2000)
        github.add_summary(made, {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")})
        text = (tmp_path / "summary.md").read_text(encoding="utf-8")
        assert "4,000 rows did not pass, too many to show here" in text and len(text) < 2000
        assert "<script" not in text and "@octocat" not in text

    def test_a_summary_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=f"Cannot write GITHUB_STEP_SUMMARY, {tmp_path}: "):
            github.add_summary(found(), {"GITHUB_STEP_SUMMARY": str(tmp_path)})

    def test_without_a_place_for_it_there_is_no_summary(self, tmp_path: Path) -> None:
        github.add_summary(found(), {})
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("variable", "here"), [("true", True), ("false", False), (None, False)])
    def test_where_it_runs(self, variable: str | None, here: bool) -> None:
        assert github.runs_here({"GITHUB_ACTIONS": variable} if variable else {}) is here


def test_a_margin_of_a_metric_is_shown_in_its_units() -> None:
    """Given values on a scale to 100, two digits are enough."""
    old, new = side({"t": [50.0, 20.0]}, metric="chrf"), side({"t": [51.0, 25.0]}, metric="chrf")
    assert " 1.50 " in as_text(check(old, new, CheckSettings(Margins(metrics={"chrf": 1.5}))))
