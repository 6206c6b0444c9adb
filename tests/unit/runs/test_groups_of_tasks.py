"""Groups of tasks in files of others: doubled at each level, in a circle, or in a long chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_folders import samples, write_run

from fusion_eval.runs.provenance import reported_scores
from fusion_eval.runs.reading import read_runs
from fusion_eval.runs.task_setup import group_members, outermost_groups

CHAIN = {f"g{level}": [f"g{level + 1}"] for level in range(3_000)} | {"g3000": ["quiz"]}
DOUBLED = {f"g{level}": [f"g{level + 1}"] * 2 for level in range(60)} | {"g60": ["quiz"]}
CIRCLE = {"g0": ["g1"], "g1": ["g0", "quiz"]}


@pytest.mark.parametrize("groups", [CHAIN, DOUBLED, CIRCLE], ids=["chain", "doubled", "circle"])
def test_groups_are_walked_once(tmp_path: Path, groups: dict[str, list[str]]) -> None:
    # given
    folder = write_run(tmp_path, {"quiz": samples([1.0])})
    (path,) = folder.rglob("results_*.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    content |= {"group_subtasks": groups, "groups": {"g0": {"acc,none": 1.0}}}
    path.write_text(json.dumps(content), encoding="utf-8")
    # when
    (run,) = read_runs([folder])
    # then
    assert group_members(run)["g0"] == {"quiz"}
    assert "quiz" in outermost_groups(run)
    assert [score.task for score in reported_scores(run)] == ["g0"]
