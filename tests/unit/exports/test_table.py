"""Tables of scores mark the best system and those that cannot be told apart from it, and no name leaves its cell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import samples, write_run

from fusion_eval.comparison.compare import compare
from fusion_eval.errors import ConfigError
from fusion_eval.exports.subject import read_subject
from fusion_eval.exports.table.grid import Grid, TableCell
from fusion_eval.exports.table.rendering import as_latex, as_markdown
from fusion_eval.exports.table.score_tables import write_tables
from fusion_eval.runs.comparison import Comparison, write_comparison
from fusion_eval.runs.judging_summary import JudgeReport, JudgingSummary

Values = Mapping[str, Sequence[float]]
GOOD, BAD = [1.0] * 36 + [0.0] * 4, [0.0] * 36 + [1.0] * 4
NEAR = [1.0] * 35 + [0.0] * 5
WORDS = r"\\(?:text(?:asciitilde|asciicircum|backslash|less|greater|bar)\{\}|toprule|midrule|bottomrule|centering|small|par|medskip|raggedright|footnotesize|textbf|caption)"


def write_runs(
    root: Path, runs: Mapping[str, Values], *, metric: str = "acc", higher: bool = True, error: float = 0.05
) -> Path:
    """Write a folder for each run. Its results file has the mean of each task's values, ± `error`."""
    for name, tasks in runs.items():
        write_run(
            root / name,
            {task: samples(values, metric, prefix=task) for task, values in tasks.items()},
            reported={
                task: {f"{metric},none": sum(values) / len(values), f"{metric}_stderr,none": error}
                for task, values in tasks.items()
            },
            directions={task: {metric: higher} for task in tasks},
        )
    return root


def tables(root: Path) -> tuple[str, str]:
    """Return the Markdown and the LaTeX of the runs in `root`."""
    written = write_tables(read_subject(root), root / "out")
    assert [path.name for path in written.paths] == ["table.md", "table.tex"]
    markdown, latex = (path.read_text(encoding="utf-8") for path in written.paths)
    check_latex(latex)
    return markdown, latex


def cells(markdown: str, table: int = 0) -> dict[str, list[str]]:
    """Return the lines of a table by their first cell, which is empty for the head."""
    blocks = [block for block in markdown.split("\n\n") if block.startswith("|")]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in blocks[table].splitlines()]
    return {line[0]: line[1:] for line in lines if not line[0].startswith(":")}


def check_latex(text: str) -> None:
    """Assert that braces are closed, lines have all their cells, and special characters are escaped."""
    assert text.isascii()
    first, body = text.split("\n", 1)
    assert first.startswith("% ")
    for preamble, inner in re.findall(r"\\begin\{tabular\}\{(\w+)\}\n(.*?)\\end\{tabular\}", body, re.DOTALL):
        lines = [line for line in inner.splitlines() if line.endswith(r" \\")]
        assert len(lines) > 1
        for line in lines:
            assert len(re.findall(r"(?<!\\)&", line)) == len(preamble) - 1
            assert not re.match(r"\s*[\[*]", line), (
                "the end of the line before would take this as its argument"
            )
    bare = re.sub(r"\\(?:begin|end)\{(?:table|tabular)\}(?:\{l?r*\})?", "", body)
    bare = re.sub(r" \\\\$", "", bare, flags=re.MULTILINE)
    bare = re.sub(r"\$\^\{(?:\\dagger )?(?:\*[+-])?\}\$|\$\\pm\$|\$\\dagger\$|\\[&%$#_{}]|" + WORDS, "", bare)
    assert not re.search(r"[\\$%#_^~]", bare)
    depth = 0
    for brace in re.findall(r"[{}]", bare):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0


def test_languages_are_columns_and_their_mean_is_the_last_column(tmp_path: Path) -> None:
    # given two runs of a task in two languages, of which the second is far better
    tasks = ["quiz_de", "quiz_fr"]
    write_runs(tmp_path, {"a": dict.fromkeys(tasks, BAD), "b": dict.fromkeys(tasks, GOOD)})
    # when
    markdown, latex = tables(tmp_path)
    # then the better one is bold and alone among the best, and differs from the baseline for the better
    assert cells(markdown)[""] == ["de", "fr", "all"]
    assert cells(markdown)["a"] == ["0.100 ± 0.050", "0.100 ± 0.050", "0.100"]
    assert cells(markdown)["b"] == [r"**0.900** ± 0.050 †\*+"] * 2 + [r"**0.900** †\*+"]
    assert r"\textbf{0.900} $\pm$ 0.050$^{\dagger *+}$" in latex
    # and the caption says by what
    assert (
        "Baseline: a." in markdown
        and "p at most 0.05, adjusted within each family of rows (holm)" in markdown
    )
    assert "N: 40 items in a task, 80 in all" in markdown and "95% intervals (bca" in markdown
    assert "a: dummy" in markdown


def test_a_system_that_cannot_be_told_apart_from_the_best_has_its_mark(tmp_path: Path) -> None:
    write_runs(tmp_path, {"a": {"quiz": NEAR}, "b": {"quiz": GOOD}})
    markdown, _ = tables(tmp_path)
    assert cells(markdown)["a"] == ["0.875 ± 0.050 †"]
    assert cells(markdown)["b"] == ["**0.900** ± 0.050 †"]


def test_three_runs_are_marked_by_the_groups_of_the_comparison(tmp_path: Path) -> None:
    write_runs(tmp_path, {"a": {"quiz": BAD}, "b": {"quiz": GOOD}, "c": {"quiz": NEAR}})
    markdown, _ = tables(tmp_path)
    assert cells(markdown)["a"] == ["0.100 ± 0.050"]
    assert cells(markdown)["b"] == [r"**0.900** ± 0.050 †\*+"]
    assert cells(markdown)["c"] == [r"0.875 ± 0.050 †\*+"]


def test_no_group_is_marked_if_candidates_were_not_tested_against_each_other(tmp_path: Path) -> None:
    # given three runs in two languages: two candidates are tested against each other over all languages alone
    tasks = ["quiz_de", "quiz_fr"]
    runs = {name: dict.fromkeys(tasks, values) for name, values in {"a": BAD, "b": GOOD, "c": NEAR}.items()}
    markdown, _ = tables(write_runs(tmp_path, runs))
    # then only the mean says who is like the best
    assert ["†" in cell for cell in cells(markdown)["b"]] == [False, False, True]
    assert ["†" in cell for cell in cells(markdown)["c"]] == [False, False, True]


def test_the_lowest_value_is_best_if_lower_is_better(tmp_path: Path) -> None:
    write_runs(tmp_path, {"a": {"quiz": GOOD}, "b": {"quiz": BAD}}, metric="cer", higher=False)
    markdown, _ = tables(tmp_path)
    assert "cer (lower is better" in markdown
    assert cells(markdown)["a"] == ["0.900 ± 0.050"]
    assert cells(markdown)["b"] == [r"**0.100** ± 0.050 †\*+"]


def test_one_run_has_values_and_no_marks(tmp_path: Path) -> None:
    write_runs(tmp_path, {"a": {"quiz_de": GOOD, "quiz_fr": NEAR}})
    markdown, _ = tables(tmp_path / "a")
    assert cells(markdown)["a"] == ["0.900 ± 0.050", "0.875 ± 0.050", "0.887"]
    assert "†" not in markdown and "Baseline" not in markdown


def test_tasks_without_a_language_are_columns(tmp_path: Path) -> None:
    tasks = {"sums": GOOD, "logic": NEAR}
    markdown, _ = tables(write_runs(tmp_path, {"a": tasks, "b": tasks}))
    assert cells(markdown)[""] == ["sums", "logic", "all"]
    assert cells(markdown)["a"][0] == "**0.900** ± 0.050 †", "equal runs are both best"


def test_each_family_has_a_table_after_the_table_of_all_tasks(tmp_path: Path) -> None:
    tasks = {"quiz_de": GOOD, "quiz_fr": NEAR, "sums": BAD}
    markdown, _ = tables(write_runs(tmp_path, {"a": tasks, "b": tasks}))
    assert cells(markdown, 0)[""] == ["quiz", "sums", "all"]
    assert cells(markdown, 1)[""] == ["de", "fr", "all"]
    assert [cell.split()[0].strip("*") for cell in cells(markdown, 0)["a"]] == ["0.887", "0.100", "0.625"]


def test_runs_that_cannot_be_compared_have_no_marks_but_a_note(tmp_path: Path) -> None:
    # given a run that lacks one of two tasks
    write_runs(tmp_path, {"a": {"quiz_de": GOOD, "quiz_fr": GOOD}, "b": {"quiz_de": BAD}})
    # when
    written = write_tables(read_subject(tmp_path), tmp_path / "out")
    markdown = written.paths[0].read_text(encoding="utf-8")
    check_latex(written.paths[1].read_text(encoding="utf-8"))
    # then a missing value is a dash, nothing has a mark, and a note says why
    assert cells(markdown)["b"] == ["0.100 ± 0.050", "-", "-"]
    assert "†" not in markdown and "quiz\\_fr is in a and not in b" in markdown
    assert written.notes and written.notes[0].startswith("Not compared: ")


def test_the_standard_error_is_shown_only_beside_the_harness_value(tmp_path: Path) -> None:
    # given a comparison of half of the items, as --allow_partial makes it
    write_runs(tmp_path, {"a": {"quiz": GOOD}, "b": {"quiz": BAD}})
    subject = read_subject(tmp_path)
    full = compare(subject.runs)
    half = replace(full, rows=tuple(replace(row, baseline_value=0.5, n=20) for row in full.rows))
    write_comparison(half, tmp_path)
    markdown, _ = tables(tmp_path)
    # then its values are printed, and the error of all items is not
    assert cells(markdown)["a"] == ["**0.500** †"]
    assert "N: 20 items" in markdown


def test_a_comparison_of_older_runs_is_not_used(tmp_path: Path) -> None:
    write_runs(tmp_path, {"a": {"quiz": GOOD}, "b": {"quiz": BAD}})
    stale = compare(read_subject(tmp_path).runs)
    runs = tuple(replace(run, date="2020-01-01T00-00-00") for run in stale.runs)
    write_comparison(replace(stale, runs=runs, alpha=0.2), tmp_path)
    assert "p at most 0.05" in tables(tmp_path)[0]


def test_a_metric_without_a_better_direction_has_no_best(tmp_path: Path) -> None:
    tasks = {"quiz": GOOD}
    write_runs(tmp_path, {"a": tasks, "b": {"quiz": BAD}}, metric="length", higher=None)  # type: ignore[arg-type]  # as the harness writes it
    markdown, _ = tables(tmp_path)
    assert cells(markdown)["a"] == ["0.900 ± 0.050"] and "no better direction" in markdown


def with_judged_rows(comparison: Comparison) -> Comparison:
    """Add a judge's rows of the same runs to a comparison."""
    rows = tuple(replace(row, metric="judge:helpfulness", invalid=0.0) for row in comparison.rows)
    judge = JudgeReport("gpt", 40, 0.0, 1.0, 0.5, None, None)
    judging = JudgingSummary("helpfulness", "abc", "both", 1, 1, False, (judge,), 10, 10, None)
    return replace(comparison, rows=comparison.rows + rows, judging=judging)


def test_a_judges_win_rates_have_their_own_table(tmp_path: Path) -> None:
    write_runs(tmp_path, {"a": {"quiz": BAD}, "b": {"quiz": GOOD}})
    write_comparison(with_judged_rows(compare(read_subject(tmp_path).runs)), tmp_path)
    markdown, latex = tables(tmp_path)
    (cell,) = cells(markdown, 1)["b against a"]
    assert re.fullmatch(r"90\.0% \\\[[\d.]+, [\d.]+\\\] \\\*\+", cell)
    assert "Judge: gpt; prompt helpfulness" in markdown and r"90.0\%" in latex
    assert len([block for block in markdown.split("\n\n") if block.startswith("|")]) == 2


def test_metrics_are_compared_anew_if_the_comparison_has_only_judged_rows(tmp_path: Path) -> None:
    write_runs(tmp_path, {"a": {"quiz": BAD}, "b": {"quiz": GOOD}})
    comparison = with_judged_rows(compare(read_subject(tmp_path).runs))
    write_comparison(replace(comparison, rows=comparison.rows[1:]), tmp_path)
    markdown, _ = tables(tmp_path)
    assert cells(markdown, 0)["b"] == [r"**0.900** ± 0.050 †\*+"]
    assert "b against a" in cells(markdown, 1)


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    write_runs(tmp_path, {"a": {"quiz_de": GOOD, "quiz_fr": BAD}, "b": {"quiz_de": NEAR, "quiz_fr": GOOD}})
    assert tables(tmp_path) == tables(tmp_path)


def test_a_run_without_numbers_is_an_error(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"quiz": samples(GOOD)}, results=False)
    with pytest.raises(ConfigError, match="no number to put into a table"):
        write_tables(read_subject(tmp_path / "a"), tmp_path / "out")


def grid(name: str) -> Grid:
    line = (TableCell("1.0", "± 0.1", best=True, in_best_group=True, sign="*-"), None)
    return Grid(name, (name, "fr"), ((name, line), ("b", (TableCell("2.0"), TableCell("3.0")))), (name,))


@given(st.text(max_size=30) | st.text("\\{}&%$#_~^[]*|<>`@\n\x1b中é", max_size=30))
def test_no_name_breaks_the_latex(name: str) -> None:
    check_latex(as_latex([grid(name), grid("a")], [name]))


@pytest.mark.parametrize(
    "name", ["a|b", "<script>x</script>", "[x](http://e)", "**x**", "`x`", "a\x1b[2Jb", "x\ny", "@all"]
)
def test_no_name_leaves_its_cell_in_markdown(name: str) -> None:
    shown, plain = as_markdown([grid(name)], [name]), as_markdown([grid("a")], ["a"])
    assert len(shown.splitlines()) == len(plain.splitlines())
    assert (
        "\x1b" not in shown
        and "<script" not in shown
        and "@all" not in shown
        and "](" not in shown.replace("\\](", "")
    )
    (line,) = [line for line in shown.splitlines() if "**1.0**" in line]
    assert len(re.findall(r"(?<!\\)\|", line)) == 4


def test_names_outside_ascii_are_code_points_in_latex() -> None:
    assert "{[}U+4E2D{]}" in as_latex([grid("中")], [])


def test_names_in_files_are_escaped(tmp_path: Path) -> None:
    runs: dict[str, Any] = {"a_&_50%": {"quiz#1": GOOD}, "b{$}": {"quiz#1": BAD}}
    markdown, latex = tables(write_runs(tmp_path, runs))
    assert r"a\_\&\_50\%" in latex and r"quiz\#1" in latex and r"b\{\$\}" in latex
    assert r"a\_&amp;\_50%" in markdown
