"""A comparison as text, Markdown, CSV and JSON: every view has the same content, and names cannot steer it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from comparison_of import ROW, comparison_of

from fusion_eval.report.comparison_table import as_csv, as_json, as_markdown, as_text, notes_of
from fusion_eval.runs.comparison import RankedRun

HOSTILE_NAMES = ["a|b", "<script>x</script>", "[x](http://e)", "`x`", "a\x1b[2Jb", "x\ny"]


class TestText:
    def test_a_row_has_values_difference_interval_p_values_wins_and_power(self) -> None:
        # when
        head, _, line, *legend = as_text(comparison_of()).splitlines()
        # then
        assert head.split() == ["task", "lang", "metric", "n", "single", "fusion", "delta", "test", "p", "p", "adj", "win", "w/t/l", "detects", "needs"]  # fmt: skip
        assert "1,200/300" in line and "0.4123" in line and "+0.0400 [+0.0100, +0.0700]" in line
        assert "0.0123" in line and "0.0246" in line and " * " in line
        assert "52% [49, 54]" in line and "90/1060/50" in line and "0.0423" in line and "1,341" in line
        assert "95% interval (bca bootstrap)" in legend[0] and "over all 1 rows (holm)" in legend[1]

    def test_unknown_values_are_dashes(self) -> None:
        # given
        row = replace(
            ROW, ci_low=None, ci_high=None, minimal_detectable_effect=None, items_needed=None, language=None
        )
        # when
        line = as_text(comparison_of(row)).splitlines()[2]
        # then
        assert "[+" not in line and line.split()[-2:] == ["-", "-"] and line.split()[1] == "-"

    def test_a_bound_of_zero_has_no_minus(self) -> None:
        assert "[-0.1000, +0.0000]" in as_text(comparison_of(replace(ROW, ci_low=-0.1, ci_high=-0.0)))

    def test_several_candidates_have_a_column_and_a_table_of_ranks(self) -> None:
        # given
        ranked = RankedRun("quiz_fr", "fr", "acc", "none", "fusion", 0.45, 1, "a")
        comparison = comparison_of(ROW, replace(ROW, candidate="bon"), runs=3, ranks=(ranked,))
        # when
        lines = as_text(comparison).splitlines()
        # then
        assert "candidate" in lines[0]
        assert lines[-2].split() == ["quiz_fr", "fr", "acc", "fusion", "0.4500", "1", "a"]

    def test_filters_are_shown_if_a_metric_has_several(self) -> None:
        # given
        strict, flexible = replace(ROW, filter="strict"), replace(ROW, filter="flexible")
        # when, then
        assert "acc,strict" in as_text(comparison_of(strict, flexible))
        assert "acc,none" not in as_text(comparison_of())

    def test_notes_come_last_and_each_once(self) -> None:
        # given
        comparison = comparison_of(replace(ROW, note="one item"), notes=("left out", "left out"))
        # when, then
        assert as_text(comparison).splitlines()[-2:] == [
            "note: left out",
            "note: quiz_fr, acc, fusion: one item",
        ]


class TestNotesOfRows:
    def test_a_note_on_a_few_rows_names_each_with_its_filter(self) -> None:
        # given
        rows = [replace(ROW, candidate=name, filter="strict", note="one item") for name in ("a", "b")]
        # when
        (note,) = notes_of(comparison_of(*rows), rows)
        # then
        assert note == "quiz_fr, acc,strict, a; quiz_fr, acc,strict, b: one item"

    def test_a_note_on_many_rows_counts_them(self) -> None:
        # given
        rows = [replace(ROW, task=f"quiz_{number}", note="one item") for number in range(17)]
        # when, then
        assert notes_of(comparison_of(*rows), rows) == ["17 rows: one item"]

    def test_each_of_several_notes_on_a_row_is_grouped_by_itself(self) -> None:
        # given four rows with a note, one of which has another
        rows = [replace(ROW, task=f"quiz_{number}", note="one item") for number in range(3)]
        rows.append(replace(ROW, task="exam", note="one item; 2 items are left out"))
        # when, then
        assert notes_of(comparison_of(*rows), rows) == [
            "4 rows: one item",
            "exam, acc, fusion: 2 items are left out",
        ]

    def test_notes_of_rows_that_are_not_shown_are_left_out(self) -> None:
        # given
        rows = ROW, replace(ROW, task="exam", note="one item")
        # when, then
        assert notes_of(comparison_of(*rows, notes=("whole",)), rows[:1]) == ["whole"]


class TestOtherViews:
    def test_csv_and_json_have_every_field(self) -> None:
        # when
        (row,) = csv.DictReader(io.StringIO(as_csv(comparison_of())))
        # then
        assert float(row["delta"]) == 0.04 and row["significant"] == "True" and row["win_p_value"] == "0.001"
        assert json.loads(as_json(comparison_of()))["rows"][0]["items_needed"] == 1341

    def test_markdown_has_the_same_cells_as_text(self) -> None:
        # when
        head, _, line = as_markdown(comparison_of()).splitlines()[:3]
        # then
        text = as_text(comparison_of()).splitlines()[2]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == len(head.strip("|").split("|"))
        assert "".join(text.split()) == "".join("".join(cells).split()).replace("\\", "")


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_cannot_leave_their_cell(name: str) -> None:
    # given
    hostile = comparison_of(replace(ROW, task=name), notes=(name,))
    harmless = comparison_of(ROW, notes=("n",))
    # when, then
    for view in (as_text, as_markdown):
        assert "\x1b" not in view(hostile)
        assert len(view(hostile).splitlines()) == len(view(harmless).splitlines())
    line = as_markdown(hostile).splitlines()[2]
    assert "<script" not in line and line.replace("\\|", "").count("|") == line.count(" | ") + 2
