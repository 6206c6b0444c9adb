"""Rows over several tasks, and metrics that have no common row although their names are equal."""

from __future__ import annotations

from pathlib import Path

from compared_runs import compared
from run_folders import samples, write_run


def write_ter_of_two_kinds(folder: Path) -> Path:
    """Write a run in which `ter` is a corpus metric of one task and a number in the other."""
    return write_run(
        folder, {"t": samples([["the cat", "the dog"]] * 6, "ter"), "u": samples([0.4, 0.5, 0.6], "ter")}
    )


def test_tasks_of_several_families_have_a_row_over_all(tmp_path: Path) -> None:
    # given
    folders = [
        write_run(tmp_path / name, {"quiz": samples(values), "exam": samples(values)})
        for name, values in (("a", [0.0, 1.0]), ("b", [1.0, 1.0]))
    ]
    # when
    rows = compared(*folders).rows
    # then
    assert [(row.task, row.n) for row in rows] == [("quiz", 2), ("exam", 2), ("all", 4)]


def test_a_corpus_metric_and_a_number_of_one_name_have_no_common_row(tmp_path: Path) -> None:
    # given
    folders = [write_ter_of_two_kinds(tmp_path / name) for name in ("a", "b")]
    # when
    comparison = compared(*folders)
    # then
    assert [row.task for row in comparison.rows] == ["t", "u"]
    assert any(note.startswith("ter has no common row") for note in comparison.notes)


def test_each_kind_of_metric_has_its_own_ranks(tmp_path: Path) -> None:
    # given
    folders = [write_ter_of_two_kinds(tmp_path / name) for name in ("a", "b", "c")]
    # when, then
    assert [ranked.task for ranked in compared(*folders).ranks] == ["t"] * 3 + ["u"] * 3


def test_metrics_with_opposite_directions_have_no_common_row(tmp_path: Path) -> None:
    # given
    directions = {"t": {"score": True}, "u": {"score": False}}
    folders = [
        write_run(
            tmp_path / name,
            {"t": samples(values, "score"), "u": samples(values, "score", prefix="p")},
            directions=directions,
        )
        for name, values in (("a", [0.1, 0.2]), ("b", [0.3, 0.2]))
    ]
    # when
    rows = compared(*folders).rows
    # then
    assert [(row.task, row.wins, row.losses) for row in rows] == [("t", 1, 0), ("u", 0, 1)]
