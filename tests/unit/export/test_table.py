"""Scores as papers print them: what is bold, what is marked, and that no name can leave its cell."""

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

from fusion_eval.compare.compare import compare
from fusion_eval.errors import ConfigError
from fusion_eval.export.subject import read_subject
from fusion_eval.export.table.grid import Entry, Grid
from fusion_eval.export.table.rendering import as_latex, as_markdown
from fusion_eval.export.table.score_tables import write_tables
from fusion_eval.runs.comparison import Comparison, write_comparison
from fusion_eval.runs.judging_summary import JudgeReport, JudgingSummary

Values = Mapping[str, Sequence[float]]
GOOD, BAD = [1.0] * 36 + [0.0] * 4, [0.0] * 36 + [1.0] * 4
NEAR = [1.0] * 35 + [0.0] * 5
WORDS = r"\\(?:text(?:asciitilde|asciicircum|backslash|less|greater|bar)\{\}|toprule|midrule|bottomrule|centering|small|par|medskip|raggedright|footnotesize|textbf|caption)"


def make(
    root: Path, runs: Mapping[str, Values], *, metric: str = "acc", higher: bool = True, error: float = 0.05
) -> Path:
    """A folder per run, with the mean of each task's values as reported, ± `error`."""
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


def both(root: Path) -> tuple[str, str]:
    """The Markdown and the LaTeX of the runs in `root`."""
    made = write_tables(read_subject(root), root / "out")
    assert [path.name for path in made.paths] == ["table.md", "table.tex"]
    markdown, latex = (path.read_text(encoding="utf-8") for path in made.paths)
    check_latex(latex)
    return markdown, latex


def cells(markdown: str, table: int = 0) -> dict[str, list[str]]:
    """The lines of a table by their first cell; that of the head is empty."""
    blocks = [block for block in markdown.split("\n\n") if block.startswith("|")]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in blocks[table].splitlines()]
    return {line[0]: line[1:] for line in lines if not line[0].startswith(":")}


def check_latex(text: str) -> None:
    """Every brace is closed, every line has as many cells as the table, and no special character stands bare."""
    assert text.isascii()
    first, body = text.split("\n", 1)
    assert first.startswith("% ")
    for preamble, inner in re.findall(r"\\begin\{tabular\}\{(\w+)\}\n(.*?)\\end\{tabular\}", body, re.DOTALL):
        lines = [line for line in inner.splitlines() if line.endswith(r" \\")]
        assert len(lines) > 1
        for line in lines:
            assert len(re.findall(r"(?<!\\)&", line)) == len(preamble) - 1
            assert not re.match(r"\s*[\[*]", line), "an argument of the line's end before it"
    bare = re.sub(r"\\(?:begin|end)\{(?:table|tabular)\}(?:\{l?r*\})?", "", body)
    bare = re.sub(r" \\\\$", "", bare, flags=re.MULTILINE)
    bare = re.sub(r"\$\^\{(?:\\dagger )?(?:\*[+-])?\}\$|\$\\pm\$|\$\\dagger\$|\\[&%$#_{}]|" + WORDS, "", bare)
    assert not re.search(r"[\\$%#_^~]", bare)
    depth = 0
    for brace in re.findall(r"[{}]", bare):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0


def test_languages_are_columns_and_their_mean_the_last(tmp_path: Path) -> None:
    # Given two runs of a task in two languages, of which the second is far better
    tasks = ["quiz_de", "quiz_fr"]
    make(tmp_path, {"a": dict.fromkeys(tasks, BAD), "b": dict.fromkeys(tasks, GOOD)})
    # When they are printed
    markdown, latex = both(tmp_path)
    # Then the better one is bold and alone among the best, and differs from the baseline for the better
    assert cells(markdown)[""] == ["de", "fr", "all"]
    assert cells(markdown)["a"] == ["0.100 ± 0.050", "0.100 ± 0.050", "0.100"]
    assert cells(markdown)["b"] == [r"**0.900** ± 0.050 †\*+"] * 2 + [r"**0.900** †\*+"]
    assert r"\textbf{0.900} $\pm$ 0.050$^{\dagger *+}$" in latex
    # And the caption says by what
    assert "Baseline: a." in markdown and "p at most 0.05, adjusted over all 3 rows" in markdown
    assert "N: 40 items in a task, 80 in all" in markdown and "95% intervals (bca" in markdown
    assert "a: dummy" in markdown


def test_a_system_that_cannot_be_told_from_the_best_shares_its_mark(tmp_path: Path) -> None:
    make(tmp_path, {"a": {"quiz": NEAR}, "b": {"quiz": GOOD}})
    markdown, _ = both(tmp_path)
    assert cells(markdown)["a"] == ["0.875 ± 0.050 †"]
    assert cells(markdown)["b"] == ["**0.900** ± 0.050 †"]


def test_of_three_runs_the_groups_of_the_comparison_are_marked(tmp_path: Path) -> None:
    make(tmp_path, {"a": {"quiz": BAD}, "b": {"quiz": GOOD}, "c": {"quiz": NEAR}})
    markdown, _ = both(tmp_path)
    assert cells(markdown)["a"] == ["0.100 ± 0.050"]
    assert cells(markdown)["b"] == [r"**0.900** ± 0.050 †\*+"]
    assert cells(markdown)["c"] == [r"0.875 ± 0.050 †\*+"]


def test_no_group_is_marked_where_candidates_were_not_tested_against_each_other(tmp_path: Path) -> None:
    # Given three runs in two languages: two candidates are tested against each other over all languages alone
    tasks = ["quiz_de", "quiz_fr"]
    runs = {name: dict.fromkeys(tasks, values) for name, values in {"a": BAD, "b": GOOD, "c": NEAR}.items()}
    markdown, _ = both(make(tmp_path, runs))
    # Then only the mean says who is like the best
    assert ["†" in cell for cell in cells(markdown)["b"]] == [False, False, True]
    assert ["†" in cell for cell in cells(markdown)["c"]] == [False, False, True]


def test_of_a_metric_that_is_better_low_the_lowest_is_best(tmp_path: Path) -> None:
    make(tmp_path, {"a": {"quiz": GOOD}, "b": {"quiz": BAD}}, metric="cer", higher=False)
    markdown, _ = both(tmp_path)
    assert "cer (lower is better" in markdown
    assert cells(markdown)["a"] == ["0.900 ± 0.050"]
    assert cells(markdown)["b"] == [r"**0.100** ± 0.050 †\*+"]


def test_one_run_has_values_and_no_marks(tmp_path: Path) -> None:
    make(tmp_path, {"a": {"quiz_de": GOOD, "quiz_fr": NEAR}})
    markdown, _ = both(tmp_path / "a")
    assert cells(markdown)["a"] == ["0.900 ± 0.050", "0.875 ± 0.050", "0.887"]
    assert "†" not in markdown and "Baseline" not in markdown


def test_tasks_without_a_language_are_columns(tmp_path: Path) -> None:
    tasks = {"sums": GOOD, "logic": NEAR}
    markdown, _ = both(make(tmp_path, {"a": tasks, "b": tasks}))
    assert cells(markdown)[""] == ["sums", "logic", "all"]
    assert cells(markdown)["a"][0] == "**0.900** ± 0.050 †", "equal runs are both best"


def test_families_of_languages_have_tables_of_their_own_after_that_of_all_tasks(tmp_path: Path) -> None:
    tasks = {"quiz_de": GOOD, "quiz_fr": NEAR, "sums": BAD}
    markdown, _ = both(make(tmp_path, {"a": tasks, "b": tasks}))
    assert cells(markdown, 0)[""] == ["quiz", "sums", "all"]
    assert cells(markdown, 1)[""] == ["de", "fr", "all"]
    assert [cell.split()[0].strip("*") for cell in cells(markdown, 0)["a"]] == ["0.887", "0.100", "0.625"]


def test_runs_that_cannot_be_compared_stand_side_by_side_and_say_so(tmp_path: Path) -> None:
    # Given a run that lacks one of two tasks
    make(tmp_path, {"a": {"quiz_de": GOOD, "quiz_fr": GOOD}, "b": {"quiz_de": BAD}})
    # When they are printed
    made = write_tables(read_subject(tmp_path), tmp_path / "out")
    markdown = made.paths[0].read_text(encoding="utf-8")
    check_latex(made.paths[1].read_text(encoding="utf-8"))
    # Then what is missing is a dash, nothing has a mark, and whoever publishes it is told
    assert cells(markdown)["b"] == ["0.100 ± 0.050", "-", "-"]
    assert "†" not in markdown and "quiz\\_fr is in a and not in b" in markdown
    assert made.notes and made.notes[0].startswith("Not compared: ")


def test_the_harness_error_stands_beside_no_value_but_its_own(tmp_path: Path) -> None:
    # Given a comparison of half of the items, as --allow_partial makes it
    make(tmp_path, {"a": {"quiz": GOOD}, "b": {"quiz": BAD}})
    subject = read_subject(tmp_path)
    whole = compare(subject.runs)
    half = replace(whole, rows=tuple(replace(row, baseline_value=0.5, n=20) for row in whole.rows))
    write_comparison(half, tmp_path)
    markdown, _ = both(tmp_path)
    # Then its values are printed, and the error of all items is not
    assert cells(markdown)["a"] == ["**0.500** †"]
    assert "N: 20 items" in markdown


def test_a_comparison_of_older_runs_is_not_used(tmp_path: Path) -> None:
    make(tmp_path, {"a": {"quiz": GOOD}, "b": {"quiz": BAD}})
    stale = compare(read_subject(tmp_path).runs)
    runs = tuple(replace(run, date="2020-01-01T00-00-00") for run in stale.runs)
    write_comparison(replace(stale, runs=runs, alpha=0.2), tmp_path)
    assert "p at most 0.05" in both(tmp_path)[0]


def test_a_metric_without_a_better_end_has_no_best(tmp_path: Path) -> None:
    tasks = {"quiz": GOOD}
    make(tmp_path, {"a": tasks, "b": {"quiz": BAD}}, metric="length", higher=None)  # type: ignore[arg-type]  # as the harness writes it
    markdown, _ = both(tmp_path)
    assert cells(markdown)["a"] == ["0.900 ± 0.050"] and "no better direction" in markdown


def judged(comparison: Comparison) -> Comparison:
    """The comparison with a judge's rows of the same runs beside its own."""
    rows = tuple(replace(row, metric="judge:helpfulness", invalid=0.0) for row in comparison.rows)
    judge = JudgeReport("gpt", 40, 0.0, 1.0, 0.5, None, None)
    judging = JudgingSummary("helpfulness", "abc", "both", 1, 1, False, (judge,), 10, 10, None)
    return replace(comparison, rows=comparison.rows + rows, judging=judging)


def test_win_rates_of_a_judge_have_a_table_of_their_own(tmp_path: Path) -> None:
    make(tmp_path, {"a": {"quiz": BAD}, "b": {"quiz": GOOD}})
    write_comparison(judged(compare(read_subject(tmp_path).runs)), tmp_path)
    markdown, latex = both(tmp_path)
    (cell,) = cells(markdown, 1)["b against a"]
    assert re.fullmatch(r"90\.0% \\\[[\d.]+, [\d.]+\\\] \\\*\+", cell)
    assert "Judge: gpt; prompt helpfulness" in markdown and r"90.0\%" in latex
    assert len([block for block in markdown.split("\n\n") if block.startswith("|")]) == 2


def test_a_judge_alone_leaves_the_metrics_to_a_comparison_made_now(tmp_path: Path) -> None:
    make(tmp_path, {"a": {"quiz": BAD}, "b": {"quiz": GOOD}})
    found = judged(compare(read_subject(tmp_path).runs))
    write_comparison(replace(found, rows=found.rows[1:]), tmp_path)
    markdown, _ = both(tmp_path)
    assert cells(markdown, 0)["b"] == [r"**0.900** ± 0.050 †\*+"]
    assert "b against a" in cells(markdown, 1)


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    make(tmp_path, {"a": {"quiz_de": GOOD, "quiz_fr": BAD}, "b": {"quiz_de": NEAR, "quiz_fr": GOOD}})
    assert both(tmp_path) == both(tmp_path)


def test_a_run_without_numbers_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "a", {"quiz": samples(GOOD)}, results=False)
    with pytest.raises(ConfigError, match="no number to put into a table"):
        write_tables(read_subject(tmp_path / "a"), tmp_path / "out")


def grid(name: str) -> Grid:
    line = (Entry("1.0", "± 0.1", best=True, in_best_group=True, sign="*-"), None)
    return Grid(name, (name, "fr"), ((name, line), ("b", (Entry("2.0"), Entry("3.0")))), (name,))


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


def test_a_name_in_another_script_is_told_by_its_code_points_in_latex() -> None:
    assert "{[}U+4E2D{]}" in as_latex([grid("中")], [])


def test_names_of_files_are_escaped_on_their_way(tmp_path: Path) -> None:
    runs: dict[str, Any] = {"a_&_50%": {"quiz#1": GOOD}, "b{$}": {"quiz#1": BAD}}
    markdown, latex = both(make(tmp_path, runs))
    assert r"a\_\&\_50\%" in latex and r"quiz\#1" in latex and r"b\{\$\}" in latex
    assert r"a\_&amp;\_50%" in markdown
