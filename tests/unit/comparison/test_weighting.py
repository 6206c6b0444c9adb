"""A row over several tasks weights them as the harness's group does, and a note says how."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from compared_runs import compared
from run_folders import samples, write_run


def write_group(folder: Path, small: list[float], large: list[float], reported: float | None) -> Path:
    """Write a run of a small and a large task, and the number of their group."""
    write_run(folder, {"quiz_fr": samples(small, prefix="fr"), "quiz_de": samples(large, prefix="de")})
    if reported is not None:
        (file,) = (folder / "model").glob("results_*.json")
        content = json.loads(file.read_text(encoding="utf-8"))
        content["groups"] = {"quiz": {"acc,none": reported}}
        content["group_subtasks"] = {"quiz": ["quiz_fr", "quiz_de"]}
        file.write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("reported", "delta", "note"),
    [
        ((2 / 8, 6 / 8), 0.5, "weights tasks by their size, as the harness does in its group quiz"),
        ((0.5, 0.5), 0.0, "weights tasks of different sizes equally"),
        ((None, None), 0.0, "weights tasks of different sizes equally"),
    ],
)
def test_the_harness_decides_how_tasks_are_weighted(
    tmp_path: Path, reported: tuple[float | None, float | None], delta: float, note: str
) -> None:
    # given a small task that gets worse and a large one that gets better
    first = write_group(tmp_path / "a", [1.0] * 2, [0.0] * 6, reported[0])
    second = write_group(tmp_path / "b", [0.0] * 2, [1.0] * 6, reported[1])
    # when
    comparison = compared(first, second)
    # then
    (overall,) = [row for row in comparison.rows if row.language == "all"]
    assert overall.delta == pytest.approx(delta)
    assert [note in one for one in comparison.notes].count(True) == 1
