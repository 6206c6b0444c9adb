"""`fusion-eval check` and `baseline` on the command line: exit codes, every option, and one sentence for every mistake."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.gate.baseline_file import read_baseline

RUNS = Path(__file__).resolve().parents[2] / "data" / "harness_runs"
VERSIONS = ("0.4.1", "0.4.3", "0.4.8", "0.4.12")


@pytest.fixture(autouse=True)
def not_on_github(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


def run(folder: Path, right: int, of: int = 200) -> Path:
    return write_run(folder, {"quiz": samples([1.0] * right + [0.0] * (of - right), story=[n // 4 for n in range(of)])})  # fmt: skip


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return run(tmp_path / "good", 160)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return run(tmp_path / "bad", 80)


@pytest.fixture
def base(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "base.json.gz"
    assert main(["baseline", str(good), "-o", str(path)]) == 0
    capsys.readouterr()
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one line on stderr, with exit code 2."""
    assert main([str(word) for word in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1
    return said.err


def asked(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    """(Exit code, stdout) of a check that says nothing on stderr."""
    code = main(["check", *(str(word) for word in arguments)])
    said = capsys.readouterr()
    assert said.err == ""
    return code, said.out


Capture = pytest.CaptureFixture[str]


class TestExitCodes:
    def test_the_same_run_is_no_regression(self, base: Path, good: Path, capsys: Capture) -> None:
        code, out = asked(capsys, base, good)
        assert code == 0 and out.splitlines()[-1] == f"{good} against {base}: no regression: none of 1 rows is worse by more than its margin"  # fmt: skip

    def test_a_loss_is_a_regression_and_a_gain_is_none(self, good: Path, bad: Path, base: Path, capsys: Capture) -> None:  # fmt: skip
        assert asked(capsys, base, bad)[0] == 1
        assert asked(capsys, bad, base)[0] == 0  # the two swapped are another question, and a fair one

    def test_too_few_items_to_tell(self, tmp_path: Path, capsys: Capture) -> None:
        old, new = run(tmp_path / "a", 7, of=8), run(tmp_path / "b", 6, of=8)
        code, out = asked(capsys, old, new)
        assert code == 3 and "too few items to tell in 1 of 1 rows; the largest needs about" in out
        assert [asked(capsys, old, new, "--inconclusive", word)[0] for word in ("pass", "fail")] == [0, 1]

    def test_unusable_input(self, base: Path, tmp_path: Path, capsys: Capture) -> None:
        assert "There is no run" in refused(capsys, "check", base, tmp_path / "none")

    @pytest.mark.parametrize("version", VERSIONS)
    def test_runs_of_every_release(self, version: str, capsys: Capture) -> None:
        # given a few items only: the stronger of two models can be told by its translations alone, the weaker by nothing
        weak, strong = RUNS / version / "weak", RUNS / version / "strong"
        assert [asked(capsys, *pair)[0] for pair in ((weak, strong), (strong, weak))] == [3, 3]
        code, out = asked(capsys, weak, strong, "--metrics", "bleu,chrf")
        assert code == 0 and out.count(" pass ") == 2
        code, out = asked(capsys, strong, weak, "--metrics", "chrf")
        assert code == 1 and "REGRESSION" in out

    @pytest.mark.parametrize(("one", "other"), [("0.4.1", "0.4.12"), ("0.4.12", "0.4.3"), ("0.4.8", "0.4.1")])
    def test_a_model_is_no_worse_under_another_release(self, one: str, other: str, tmp_path: Path, capsys: Capture) -> None:  # fmt: skip
        code, out = asked(capsys, RUNS / one / "strong", RUNS / other / "strong")
        assert code == 0 and out.count("unchanged") == 12 and "prompts are not" not in out
        main(["baseline", str(RUNS / one / "strong"), "-o", str(tmp_path / "base.gz")])
        capsys.readouterr()
        assert asked(capsys, tmp_path / "base.gz", RUNS / other / "strong")[0] == 0

    def test_a_part_of_the_tasks_is_an_error_unless_asked_for(self, capsys: Capture) -> None:
        whole, part = RUNS / "0.4.12" / "weak", RUNS / "0.4.12" / "limited"
        assert "The task mini_choice is in the baseline" in refused(capsys, "check", whole, part)
        code, out = asked(capsys, whole, part, "--allow-partial")
        assert code == 0 and "2 are checked" in out and "and is left out" in out


class TestOptions:
    def test_every_one_reaches_the_check(self, tmp_path: Path, good: Path, bad: Path, capsys: Capture) -> None:  # fmt: skip
        (tmp_path / "margins.yaml").write_text("acc: 0.9")
        options = f"--margin {tmp_path}/margins.yaml --alpha 0.2 --inconclusive fail --metrics acc --overall --cluster story --format json"
        code, out = asked(capsys, good, bad, *options.split())
        made = json.loads(out)
        (row,) = made["rows"]
        assert (code, made["alpha"], made["inconclusive"], row["margin"], row["clusters"]) == (0, 0.2, "fail", 0.9, 50)  # fmt: skip

    def test_items_of_their_own(self, good: Path, bad: Path, capsys: Capture) -> None:
        made = json.loads(asked(capsys, good, bad, "--cluster", "none", "--format", "json")[1])
        assert made["rows"][0]["clusters"] == 200

    @pytest.mark.parametrize(("format", "part"), [("table", "p worse"), ("md", "<!-- fusion-eval check -->"), ("json", '"rows": [')])  # fmt: skip
    def test_formats(self, good: Path, bad: Path, capsys: Capture, format: str, part: str) -> None:
        code, out = asked(capsys, good, bad, "--format", format)
        assert code == 1 and part in out

    def test_a_junit_report_beside_what_is_printed(self, good: Path, bad: Path, tmp_path: Path, capsys: Capture) -> None:  # fmt: skip
        path = tmp_path / "new" / "report.xml"
        assert asked(capsys, good, bad, "--junit", path)[0] == 1
        assert ElementTree.parse(path).getroot()[0].attrib["failures"] == "1"

    def test_lines_that_are_cut_off_are_left_out_where_parts_will_do(self, good: Path, tmp_path: Path, capsys: Capture) -> None:  # fmt: skip
        cut = run(tmp_path / "cut", 160)
        (file,) = cut.glob("model/samples*")
        file.write_text(file.read_text()[:-20])
        assert "line 200 is not a sample of the harness, or is cut off; --allow_partial" in refused(capsys, "check", good, cut)  # fmt: skip
        for pair in ((good, cut), (cut, good)):
            code, out = asked(capsys, *pair, "--allow_partial")
            assert code == 0 and "1 lines cannot be read and are left out" in out
        assert main(["baseline", str(cut), "-o", str(tmp_path / "cut.gz"), "--allow_partial"]) == 0
        assert "note: " in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("--inconclusive maybe", "invalid choice: 'maybe'"),
            ("--alpha 2", "should be a number between 0.0001 and 0.5"),
            ("--margins 0.1", "Did you mean '--margin'?"),
            ("--format xml", "invalid choice: 'xml'"),
        ],
    )
    def test_a_slip_is_one_line(self, good: Path, capsys: Capture, words: str, said: str) -> None:
        with pytest.raises(SystemExit) as left:
            main(["check", str(good), str(good), *words.split()])
        assert left.value.code == 2
        assert said in capsys.readouterr().err


class TestMistakes:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("--margin 2", "--margin 2 should be a share of the metric's range"),
            ("--margin none.yaml", "--margin none.yaml is neither a number, such as 0.01, nor a file"),
            ("--metrics ac", "--metrics ac: the baseline has no such metric. Did you mean 'acc'?"),
            ("--metrics ,", "The list ',' is empty"),
            ("--cluster none", "--cluster none has no effect on"),
        ],
    )
    def test_of_options(self, base: Path, good: Path, capsys: Capture, words: str, said: str) -> None:
        assert refused(capsys, "check", base, good, *words.split()).startswith(f"fusion-eval: {said}")

    def test_a_field_that_is_not_there(self, good: Path, capsys: Capture) -> None:
        said = refused(capsys, "check", good, good, "--cluster", "storey")
        assert "documents of quiz have no such field. Did you mean 'story'?" in said

    def test_a_baseline_that_is_not_there_says_how_to_make_it(self, base: Path, good: Path, capsys: Capture) -> None:  # fmt: skip
        missing = base.with_name("bases.json.gz")
        assert refused(capsys, "check", missing, good) == (
            f"fusion-eval: There is no baseline {missing}. Did you mean '{base}'? fusion-eval baseline RUN -o {missing} makes it\n"
        )

    def test_a_folder_that_is_no_run(self, base: Path, tmp_path: Path, capsys: Capture) -> None:
        (tmp_path / "empty").mkdir()
        assert str(tmp_path / "empty") in refused(capsys, "check", base, tmp_path / "empty")
        assert str(tmp_path / "empty") in refused(capsys, "baseline", tmp_path / "empty", "-o", tmp_path / "b.gz")  # fmt: skip

    def test_a_folder_of_several_runs(self, good: Path, bad: Path, tmp_path: Path, capsys: Capture) -> None:
        assert "holds 2 runs (bad/model, good/model); name one of them" in refused(
            capsys, "check", good, tmp_path
        )

    def test_a_report_where_none_can_be_written_is_told_after_the_verdict(self, good: Path, tmp_path: Path, capsys: Capture) -> None:  # fmt: skip
        assert main(["check", str(good), str(good), "--junit", str(tmp_path)]) == 2
        said = capsys.readouterr()
        assert "no regression" in said.out and "name another file with --junit" in said.err

    def test_a_report_does_not_replace_what_is_none(
        self, good: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        assert main(["check", str(good), str(good), "--junit", str(tmp_path / "notes.txt")]) == 2
        assert "is something else than a JUnit report, and is not replaced" in capsys.readouterr().err
        assert (tmp_path / "notes.txt").read_text() == "mine"

    def test_a_baseline_does_not_replace_what_is_none(
        self, good: Path, tmp_path: Path, capsys: Capture
    ) -> None:
        (results,) = good.rglob("results_*.json")
        before = results.read_bytes()
        assert "is something else than a baseline" in refused(capsys, "baseline", good, "-o", results)
        assert results.read_bytes() == before

    def test_an_archive_of_something_else_is_not_replaced(
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

    def test_an_empty_path_is_no_folder_at_hand(self, good: Path, capsys: Capture) -> None:
        with pytest.raises(SystemExit) as left:
            main(["check", "", str(good)])
        assert left.value.code == 2 and "the path is empty" in capsys.readouterr().err

    def test_an_empty_list_of_metrics_is_no_wish_for_all(self, good: Path, capsys: Capture) -> None:
        assert "is empty" in refused(capsys, "check", good, good, "--metrics", "")

    def test_a_mistake_of_ours_is_no_verdict(self, good: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
        monkeypatch.setattr("fusion_eval.gate.views.as_text", None)
        monkeypatch.setattr("fusion_eval.gate.views.VIEWS", {})
        assert main(["check", str(good), str(good)]) == 70
        assert "Traceback" in capsys.readouterr().err

    def test_a_baseline_of_a_baseline(self, base: Path, tmp_path: Path, capsys: Capture) -> None:
        assert "is a baseline file already; name the run" in refused(capsys, "baseline", base, "-o", tmp_path / "b.gz")  # fmt: skip

    def test_a_baseline_where_a_folder_is(self, good: Path, tmp_path: Path, capsys: Capture) -> None:
        assert "there is a folder" in refused(capsys, "baseline", good, "-o", tmp_path)


class TestBaseline:
    def test_says_what_is_in_it(self, good: Path, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "base.gz"
        assert main(["baseline", str(good), "--output", str(path), "--cluster", "none"]) == 0
        assert capsys.readouterr().out == f"{path}: 1 tasks, 200 items, 1 metrics, {path.stat().st_size:,} bytes\n"  # fmt: skip
        assert len(set(read_baseline(path).tasks[0].clusters)) == 200


class TestUpdate:
    def test_what_the_old_one_says_is_told_and_the_new_one_written(self, base: Path, bad: Path, capsys: Capture) -> None:  # fmt: skip
        assert main(["check", str(base), str(bad), "--update-baseline"]) == 0
        said = capsys.readouterr()
        assert "REGRESSION" in said.out and said.err == f"{base} now holds {bad}\n"
        assert asked(capsys, base, bad)[0] == 0

    def test_it_becomes_what_baseline_would_have_made(self, base: Path, bad: Path, tmp_path: Path, capsys: Capture) -> None:  # fmt: skip
        main(["check", str(base), str(bad), "--update-baseline"])
        main(["baseline", str(bad), "-o", str(tmp_path / "new.gz")])
        assert base.read_bytes() == (tmp_path / "new.gz").read_bytes()

    def test_a_new_file(self, good: Path, tmp_path: Path, capsys: Capture) -> None:
        path = tmp_path / "new" / "base.json.gz"
        assert main(["check", str(path), str(good), "--update-baseline"]) == 0
        said = capsys.readouterr()
        assert said.out == "" and said.err == f"{path} now holds {good}, and is new\n"
        assert asked(capsys, path, good)[0] == 0

    def test_a_run_is_not_replaced(self, good: Path, bad: Path, capsys: Capture) -> None:
        (file,) = good.glob("model/samples*")
        before = file.read_bytes()
        for place in (good, file):
            said = refused(capsys, "check", place, bad, "--update-baseline")
            assert f"--update_baseline rewrites a baseline file, and {place} is none" in said
        assert file.read_bytes() == before

    def test_an_old_one_that_cannot_be_compared_is_told_and_replaced(self, base: Path, tmp_path: Path, capsys: Capture) -> None:  # fmt: skip
        other = write_run(tmp_path / "other", {"exam": samples([1.0, 0.0])})
        assert main(["check", str(base), str(other), "--update-baseline"]) == 0
        said = capsys.readouterr()
        first, second = said.err.splitlines()
        assert said.out == "" and first.startswith("not checked: The task quiz is in the baseline")
        assert second == f"{base} now holds {other}" and asked(capsys, base, other)[0] == 0

    def test_a_damaged_one_is_told_and_replaced(self, base: Path, good: Path, capsys: Capture) -> None:
        base.write_bytes(base.read_bytes()[:-30])
        assert main(["check", str(base), str(good), "--update-baseline"]) == 0
        assert capsys.readouterr().err.startswith(f"not checked: The baseline {base} cannot be read")
        assert asked(capsys, base, good)[0] == 0

    def test_a_candidate_that_is_none_leaves_it_as_it_was(self, base: Path, tmp_path: Path, capsys: Capture) -> None:  # fmt: skip
        before = base.read_bytes()
        refused(capsys, "check", base, tmp_path / "none", "--update-baseline")
        assert base.read_bytes() == before

    def test_a_report_that_cannot_be_written_leaves_it_as_it_was(self, base: Path, bad: Path, tmp_path: Path, capsys: Capture) -> None:  # fmt: skip
        before = base.read_bytes()
        assert main(["check", str(base), str(bad), "--update-baseline", "--junit", str(tmp_path)]) == 2
        assert base.read_bytes() == before


class TestOnGitHub:
    @pytest.fixture(autouse=True)
    def summary(self, not_on_github: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = tmp_path / "summary.md"
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
        return path

    def test_annotations_come_after_the_guarded_table(self, base: Path, bad: Path, summary: Path, capsys: Capture) -> None:  # fmt: skip
        code, out = asked(capsys, base, bad)
        lines = out.splitlines()
        mark = lines[0].removeprefix("::stop-commands::")
        assert code == 1 and mark != lines[0]
        assert [line.split("::")[1] for line in lines[lines.index(f"::{mark}::") + 1 :]] == ["error title=fusion-eval check", "error title=quiz"]  # fmt: skip
        assert summary.read_text().startswith("<!-- fusion-eval check -->")

    @pytest.mark.parametrize("format", ["json", "md"])
    def test_other_formats_have_standard_output_to_themselves(self, base: Path, bad: Path, format: str, capsys: Capture) -> None:  # fmt: skip
        assert main(["check", str(base), str(bad), "--format", format]) == 1
        said = capsys.readouterr()
        assert [line.split(" ")[0] for line in said.err.splitlines()] == ["::error", "::error"]
        assert "::" not in said.out
        assert json.loads(said.out)["exit_code"] == 1 if format == "json" else said.out.startswith("<!--")
