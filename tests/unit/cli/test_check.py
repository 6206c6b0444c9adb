"""`fusion-eval check` and `fusion-eval baseline` on the command line: exit codes, options, and what they print."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from check_command import check, quiz_run

from fusion_eval.cli.main import main

RUNS = Path(__file__).resolve().parents[2] / "data" / "harness_runs"
Capture = pytest.CaptureFixture[str]
Rejection = Callable[..., str]
VERSIONS = ("0.4.1", "0.4.3", "0.4.8", "0.4.12")


class TestExitCodes:
    def test_the_same_run_passes_with_0(self, base: Path, good: Path, capsys: Capture) -> None:
        code, out = check(capsys, base, good)
        assert (
            code == 0
            and out.splitlines()[-1]
            == f"{good} against {base}: no regression: none of 1 rows is worse by more than its margin"
        )

    def test_a_loss_fails_with_1_and_a_gain_passes_with_0(
        self, good: Path, bad: Path, base: Path, capsys: Capture
    ) -> None:
        assert check(capsys, base, bad)[0] == 1
        assert check(capsys, bad, base)[0] == 0

    def test_too_few_items_end_with_3_unless_an_option_decides(self, tmp_path: Path, capsys: Capture) -> None:
        old, new = quiz_run(tmp_path / "a", 7, of=8), quiz_run(tmp_path / "b", 6, of=8)
        code, out = check(capsys, old, new)
        assert code == 3 and "too few items to tell in 1 of 1 rows; the largest needs about" in out
        assert [check(capsys, old, new, "--inconclusive", word)[0] for word in ("pass", "fail")] == [0, 1]

    def test_unusable_input_ends_with_2(self, base: Path, tmp_path: Path, rejection: Rejection) -> None:
        assert "There is no baseline file or run" in rejection("check", base, tmp_path / "none")

    def test_a_file_that_is_neither_baseline_nor_run_is_called_so(
        self, base: Path, tmp_path: Path, rejection: Rejection
    ) -> None:
        # given
        other = tmp_path / "pyproject.toml"
        other.write_text("[project]\n")

        # then
        expected = f"{other} is neither a baseline file, which fusion-eval baseline writes, nor a run"
        assert expected in rejection("check", other, base)

    @pytest.mark.parametrize("version", VERSIONS)
    def test_runs_of_every_release_can_be_checked(self, version: str, capsys: Capture) -> None:
        # given few items: only the translations show which of two models is the stronger
        weak, strong = RUNS / version / "weak", RUNS / version / "strong"

        # then all metrics together cannot tell, and the translations can
        assert [check(capsys, *pair)[0] for pair in ((weak, strong), (strong, weak))] == [3, 3]
        code, out = check(capsys, weak, strong, "--metrics", "bleu,chrf")
        assert code == 0 and out.count(" pass ") == 2
        code, out = check(capsys, strong, weak, "--metrics", "chrf")
        assert code == 1 and "REGRESSION" in out

    @pytest.mark.parametrize(("one", "other"), [("0.4.1", "0.4.12"), ("0.4.12", "0.4.3"), ("0.4.8", "0.4.1")])
    def test_the_same_model_passes_under_another_release(
        self, one: str, other: str, tmp_path: Path, capsys: Capture
    ) -> None:
        # when two runs are compared, no value differs
        code, out = check(capsys, RUNS / one / "strong", RUNS / other / "strong")
        assert code == 0 and out.count("unchanged") == 12 and "prompts are not" not in out

        # when the baseline is a file, the check passes too
        main(["baseline", str(RUNS / one / "strong"), "-o", str(tmp_path / "base.gz")])
        capsys.readouterr()
        assert check(capsys, tmp_path / "base.gz", RUNS / other / "strong")[0] == 0

    def test_missing_tasks_are_an_error_unless_partial_runs_are_allowed(
        self, capsys: Capture, rejection: Rejection
    ) -> None:
        # given
        whole, part = RUNS / "0.4.12" / "weak", RUNS / "0.4.12" / "limited"

        # then
        assert "The task mini_choice is in the baseline" in rejection("check", whole, part)
        code, out = check(capsys, whole, part, "--allow-partial")
        assert code == 0 and "2 are checked" in out and "and is left out" in out


class TestOptions:
    def test_every_option_reaches_the_check(
        self, tmp_path: Path, good: Path, bad: Path, capsys: Capture
    ) -> None:
        # given
        (tmp_path / "margins.yaml").write_text("acc: 0.9")

        # when
        options = f"--margin {tmp_path}/margins.yaml --alpha 0.2 --inconclusive fail --metrics acc --overall --cluster story --format json"
        code, out = check(capsys, good, bad, *options.split())

        # then
        result = json.loads(out)
        (row,) = result["rows"]
        assert (code, result["alpha"], result["inconclusive"], row["margin"], row["clusters"]) == (
            0, 0.2, "fail", 0.9, 50,
        )  # fmt: skip

    def test_without_clusters_each_item_is_independent(self, good: Path, bad: Path, capsys: Capture) -> None:
        result = json.loads(check(capsys, good, bad, "--cluster", "none", "--format", "json")[1])
        assert result["rows"][0]["clusters"] == 200

    @pytest.mark.parametrize(
        ("format", "part"),
        [("table", "p worse"), ("md", "<!-- fusion-eval check -->"), ("json", '"rows": [')],
    )
    def test_each_format_has_its_own_form(
        self, good: Path, bad: Path, capsys: Capture, format: str, part: str
    ) -> None:
        code, out = check(capsys, good, bad, "--format", format)
        assert code == 1 and part in out

    def test_a_junit_report_is_written_and_the_table_still_printed(
        self, good: Path, bad: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        path = tmp_path / "new" / "report.xml"
        assert check(capsys, good, bad, "--junit", path)[0] == 1
        assert ElementTree.parse(path).getroot()[0].attrib["failures"] == "1"

    def test_truncated_lines_are_left_out_if_partial_runs_are_allowed(
        self, good: Path, tmp_path: Path, capsys: Capture, rejection: Rejection
    ) -> None:
        # given a run whose last line is cut off
        cut = quiz_run(tmp_path / "cut", 160)
        (file,) = cut.glob("model/samples*")
        file.write_text(file.read_text()[:-20])

        # then
        assert (
            "line 200 is not a sample of the harness, or is cut off; the option allow_partial"
            in rejection("check", good, cut)
        )
        for pair in ((good, cut), (cut, good)):
            code, out = check(capsys, *pair, "--allow_partial")
            assert code == 0 and "1 lines cannot be read and are left out" in out
        assert main(["baseline", str(cut), "-o", str(tmp_path / "cut.gz"), "--allow_partial"]) == 0
        assert "note: " in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ("--inconclusive maybe", "invalid choice: 'maybe'"),
            ("--alpha 2", "should be a number between 0.0001 and 0.5"),
            ("--margins 0.1", "Did you mean '--margin'?"),
            ("--format xml", "invalid choice: 'xml'"),
        ],
    )
    def test_a_wrong_option_is_one_line(self, good: Path, capsys: Capture, words: str, message: str) -> None:
        with pytest.raises(SystemExit) as stopped:
            main(["check", str(good), str(good), *words.split()])
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


class TestMistakes:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ("--margin 2", "--margin 2 should be a share of the metric's range"),
            ("--margin none.yaml", "--margin none.yaml is neither a number, such as 0.01, nor a file"),
            ("--metrics ac", "metrics=ac: the baseline has no such metric. Did you mean 'acc'?"),
            ("--metrics ,", "The list ',' is empty"),
            ("--cluster none", "--cluster none has no effect on"),
        ],
    )
    def test_a_wrong_value_is_named(
        self, base: Path, good: Path, rejection: Rejection, words: str, message: str
    ) -> None:
        assert rejection("check", base, good, *words.split()).startswith(f"fusion-eval: {message}")

    def test_an_unknown_cluster_field_is_named_with_the_nearest_one(
        self, good: Path, rejection: Rejection
    ) -> None:
        message = rejection("check", good, good, "--cluster", "storey")
        assert "documents of quiz have no such field. Did you mean 'story'?" in message

    def test_a_missing_baseline_is_named_with_the_command_that_writes_it(
        self, base: Path, good: Path, rejection: Rejection
    ) -> None:
        missing = base.with_name("bases.json.gz")
        assert rejection("check", missing, good) == (
            f"fusion-eval: There is no baseline {missing}. Did you mean '{base}'? fusion-eval baseline RUN -o {missing} makes it\n"
        )

    def test_a_folder_without_a_run_is_named(self, base: Path, tmp_path: Path, rejection: Rejection) -> None:
        (tmp_path / "empty").mkdir()
        assert str(tmp_path / "empty") in rejection("check", base, tmp_path / "empty")
        assert str(tmp_path / "empty") in rejection("baseline", tmp_path / "empty", "-o", tmp_path / "b.gz")

    def test_a_folder_with_several_runs_lists_them(
        self, good: Path, bad: Path, tmp_path: Path, rejection: Rejection
    ) -> None:
        assert "holds 2 runs (bad/model, good/model); name one of them" in rejection("check", good, tmp_path)

    def test_a_report_that_cannot_be_written_is_an_error_after_the_verdict(
        self, good: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        assert main(["check", str(good), str(good), "--junit", str(tmp_path)]) == 2
        printed = capsys.readouterr()
        assert "no regression" in printed.out and "name another file with --junit" in printed.err

    def test_a_report_does_not_replace_another_kind_of_file(
        self, good: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        assert main(["check", str(good), str(good), "--junit", str(tmp_path / "notes.txt")]) == 2
        assert "is something else than a JUnit report, and is not replaced" in capsys.readouterr().err
        assert (tmp_path / "notes.txt").read_text() == "mine"

    def test_a_baseline_does_not_replace_another_kind_of_file(
        self, good: Path, tmp_path: Path, rejection: Rejection
    ) -> None:
        (results,) = good.rglob("results_*.json")
        before = results.read_bytes()
        assert "is something else than a baseline" in rejection("baseline", good, "-o", results)
        assert results.read_bytes() == before

    def test_a_baseline_does_not_replace_another_archive(
        self, good: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        for name, content in (("backup.gz", gzip.compress(b"all my photos")), ("notes.gz", b"mine")):
            (tmp_path / name).write_bytes(content)
            for words in (("baseline", good, "-o"), ("check", "--update-baseline")):
                order = (
                    [*words, tmp_path / name] if words[0] == "baseline" else [*words, tmp_path / name, good]
                )
                assert main([str(word) for word in order]) == 2
                assert "is not replaced" in capsys.readouterr().err
            assert (tmp_path / name).read_bytes() == content

    def test_an_empty_path_is_an_error(self, good: Path, capsys: Capture) -> None:
        with pytest.raises(SystemExit) as stopped:
            main(["check", "", str(good)])
        assert stopped.value.code == 2 and "the path is empty" in capsys.readouterr().err

    def test_an_empty_list_of_metrics_is_an_error(self, good: Path, rejection: Rejection) -> None:
        assert "is empty" in rejection("check", good, good, "--metrics", "")

    def test_a_bug_ends_with_70_and_a_traceback(
        self, good: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fusion_eval.gate.views.as_text", None)
        monkeypatch.setattr("fusion_eval.gate.views.VIEWS", {})
        assert main(["check", str(good), str(good)]) == 70
        assert "Traceback" in capsys.readouterr().err

    def test_a_baseline_cannot_be_made_from_a_baseline(
        self, base: Path, tmp_path: Path, rejection: Rejection
    ) -> None:
        assert "is a baseline file already; name the run" in rejection(
            "baseline", base, "-o", tmp_path / "b.gz"
        )

    def test_a_baseline_cannot_replace_a_folder(
        self, good: Path, tmp_path: Path, rejection: Rejection
    ) -> None:
        assert "there is a folder" in rejection("baseline", good, "-o", tmp_path)


class TestOnGitHub:
    @pytest.fixture(autouse=True)
    def summary(self, no_github: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = tmp_path / "summary.md"
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
        return path

    def test_annotations_follow_the_table_that_is_guarded_against_commands(
        self, base: Path, bad: Path, summary: Path, capsys: Capture
    ) -> None:
        code, out = check(capsys, base, bad)
        lines = out.splitlines()
        mark = lines[0].removeprefix("::stop-commands::")
        assert code == 1 and mark != lines[0]
        assert [line.split("::")[1] for line in lines[lines.index(f"::{mark}::") + 1 :]] == [
            "error title=fusion-eval check",
            "error title=quiz",
        ]
        assert summary.read_text().startswith("<!-- fusion-eval check -->")

    @pytest.mark.parametrize("format", ["json", "md"])
    def test_annotations_go_to_stderr_with_other_formats(
        self, base: Path, bad: Path, format: str, capsys: Capture
    ) -> None:
        assert main(["check", str(base), str(bad), "--format", format]) == 1
        printed = capsys.readouterr()
        assert [line.split(" ")[0] for line in printed.err.splitlines()] == ["::error", "::error"]
        assert "::" not in printed.out
        assert (
            json.loads(printed.out)["exit_code"] == 1 if format == "json" else printed.out.startswith("<!--")
        )
