"""A judge's rows and verdicts in a bundle are computed again from its replies, and forged ones are result."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bundles import Edit, assert_difference, edit_json, export_bundle, forge
from local_judge import (
    always_first,
    by_quality,
    judge_folders,
    judge_server,
    often_right,
    open_run,
    prefers_longer,
    random_qualities,
    run_of_qualities,
)
from openai_server import Plan, Server, serve

from fusion_eval.exports.bundle.verify import verify

Serve = Callable[[Plan], Server]
ITEMS = 24


@pytest.fixture
def one_judge(openai_server: Serve, tmp_path: Path) -> Path:
    """A bundle of two runs that one judge judged."""
    runs = [
        open_run(tmp_path / "out" / name, [f"An answer, q={(number * step) % 9}" for number in range(ITEMS)])
        for name, step in (("base", 2), ("cand", 5))
    ]
    judge_folders(openai_server(judge_server(by_quality)), runs, tmp_path / "out")
    return export_bundle(tmp_path / "out", tmp_path)


@pytest.fixture(scope="module")
def judged_by_three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of three runs. Three judges judged every pair of runs; one of them prefers long answers."""
    folder = tmp_path_factory.mktemp("panel")
    runs = [
        run_of_qualities(folder / "out" / name, random_qualities(ITEMS, seed))
        for name, seed in (("a", 1), ("b", 2), ("c", 3))
    ]
    plan = judge_server(by_quality, lengthy=prefers_longer, fickle=often_right(0.7))
    with serve(plan) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        judge_folders(server, runs, folder / "out", model="test-model|lengthy|fickle", every_pair=True)
    return export_bundle(folder / "out", folder)


@pytest.fixture
def panel(judged_by_three: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(judged_by_three, tmp_path / "panel"))


def test_a_bundle_of_one_judge_agrees(one_judge: Path) -> None:
    result = verify(one_judge)
    assert not result.differences and result.compared > 50
    # then: only what is fitted to the answers is not computed again
    assert all("style, strengths and other fits" in note for note in result.notes)


def test_a_bundle_of_a_panel_agrees(panel: Path) -> None:
    result = verify(panel)
    assert not result.differences
    content = json.loads((panel / "comparison.json").read_text())
    assert len(content["rows"]) == 3 and all(len(rows) == 3 for rows in content["by_judge"].values())
    # then: the strengths of three systems, and the style of each pair that has one, are not computed again
    assert result.not_computed == sum(len(content["judging"][part]) for part in ("style", "strengths")) > 0
    assert f"; {result.not_computed} could not be computed again" in result.summary


def opponent(folder: Path) -> Path:
    lines = [json.dumps({"id": f"q{n}", "answer": f"third {n} q=1.5"}) for n in range(ITEMS)]
    (folder / "third.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "third.jsonl"


@pytest.mark.parametrize("names", ["ab", "abc", "a"])
@pytest.mark.parametrize("sequential", [False, True])
def test_a_judging_against_an_opponent_agrees(
    openai_server: Serve, tmp_path: Path, names: str, sequential: bool
) -> None:
    runs = [
        run_of_qualities(tmp_path / "out" / name, random_qualities(ITEMS, seed))
        for seed, name in enumerate(names)
    ]
    server = openai_server(judge_server(by_quality))
    judge_folders(server, runs, tmp_path / "out", opponent=opponent(tmp_path), sequential=sequential)
    result = verify(
        export_bundle(tmp_path / "out" if len(runs) > 1 else move_into_run(tmp_path / "out"), tmp_path)
    )
    assert not result.differences
    assert any("stopped early" in note for note in result.notes) == sequential


def move_into_run(folder: Path) -> Path:
    """Move the comparison and the verdicts into the only run of `folder`. Return the run."""
    (run,) = [child for child in folder.iterdir() if child.is_dir()]
    for name in ("comparison.json", "verdicts.jsonl"):
        (folder / name).rename(run / name)
    return run


def test_the_counts_of_a_judging_that_stopped_early_are_verified(
    openai_server: Serve, tmp_path: Path
) -> None:
    runs = [
        run_of_qualities(tmp_path / "out" / "a", random_qualities(80, 1)),
        run_of_qualities(tmp_path / "out" / "b", random_qualities(80, 2, 0.6)),
    ]
    judge_folders(openai_server(judge_server(often_right(0.9))), runs, tmp_path / "out", sequential=True)
    bundle = export_bundle(tmp_path / "out", tmp_path)
    result = verify(bundle)
    assert not result.differences and result.not_computed >= 1
    # then: its wins are counted again
    forge(bundle, "comparison.json", lambda comparison: comparison["rows"][0].update(wins=80))
    assert_difference(verify(bundle), "b against a: wins: found 80")


def reverse(verdict: dict[str, Any]) -> None:
    verdict["verdict"], verdict["score"] = ("loss", 0.0) if verdict["score"] else ("win", 1.0)


def remove_orders(verdict: dict[str, Any]) -> None:
    verdict.update(orders=[], score=1.0, verdict="win")


def rename_judge(verdict: dict[str, Any]) -> None:
    verdict["judge"] = "gpt-9"


def claim_opponent(verdict: dict[str, Any]) -> None:
    verdict["against_opponent"] = True


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (reverse, ("verdicts: cand against base on document", ": verdict: found")),
        (remove_orders, ("score: found 1, expected 0.5",)),
        (
            rename_judge,
            (
                "not expected",
                "by gpt-9",
            ),
        ),
        (
            rename_judge,
            (
                "missing",
                "by test-model",
            ),
        ),
        (claim_opponent, ("against_opponent: found True, expected False",)),
    ],
)
def test_a_forged_verdict_is_found(one_judge: Path, edit: Edit, words: tuple[str, ...]) -> None:
    path = one_judge / "verdicts.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    lines.sort(key=lambda line: not json.loads(line)["orders"])  # equal answers have none
    path.write_text("".join(lines))
    edit_json(path, edit)
    assert_difference(verify(one_judge), *words)


def test_a_forged_verdict_is_found_in_the_rows_too(one_judge: Path) -> None:
    edit_json(one_judge / "verdicts.jsonl", reverse)
    assert_difference(verify(one_judge), "judge:helpfulness of open_en", "candidate_value: found")


def test_rows_without_verdicts_are_found(one_judge: Path) -> None:
    (one_judge / "verdicts.jsonl").unlink()
    forge(one_judge, "bundle.json", lambda contents: None)
    assert_difference(verify(one_judge), "judged rows", "one of them is missing")


def test_verdicts_without_a_judging_are_found(one_judge: Path) -> None:
    forge(one_judge, "comparison.json", lambda comparison: comparison.update(judging=None))
    assert_difference(verify(one_judge), "judged rows", "one of them is missing")


def test_export_notes_that_verdicts_are_missing(
    openai_server: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [
        run_of_qualities(tmp_path / "out" / name, random_qualities(4, seed)) for seed, name in enumerate("ab")
    ]
    judge_folders(openai_server(judge_server(always_first)), runs, tmp_path / "out")
    (tmp_path / "out" / "verdicts.jsonl").unlink()
    export_bundle(tmp_path / "out", tmp_path)
    assert "there is no verdicts.jsonl from which the judge's rows" in capsys.readouterr().err


def hide_a_judge(comparison: dict[str, Any]) -> None:
    comparison["judging"]["judges"].pop()


def change_a_judge(comparison: dict[str, Any]) -> None:
    comparison["judging"]["judges"][0]["position_consistency"] = 1.25


def change_agreement(comparison: dict[str, Any]) -> None:
    comparison["judging"]["agreement"]["share"] = 1.25


def drop_agreement(comparison: dict[str, Any]) -> None:
    comparison["judging"]["agreement"] = None


def spend_nothing(comparison: dict[str, Any]) -> None:
    comparison["judging"]["prompt_tokens"] = 0


def change_an_own_row(comparison: dict[str, Any]) -> None:
    comparison["by_judge"]["lengthy"][0]["delta"] = 0.75


def drop_own_rows(comparison: dict[str, Any]) -> None:
    del comparison["by_judge"]["lengthy"]


def invent_own_rows(comparison: dict[str, Any]) -> None:
    comparison["by_judge"]["gpt-9"] = comparison["by_judge"]["lengthy"]


def drop_a_row(comparison: dict[str, Any]) -> None:
    comparison["rows"].pop()


def invent_a_rank(comparison: dict[str, Any]) -> None:
    row = comparison["rows"][0]
    comparison["ranks"] = [
        {name: row[name] for name in ("task", "language", "metric", "filter")}
        | {"run": "a", "value": 1, "rank": 1, "groups": "a"}
    ]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (hide_a_judge, "not expected"),
        (change_a_judge, "position_consistency: found 1.25"),
        (change_agreement, "judging: agreement: share: found 1.25"),
        (drop_agreement, "judging: agreement: found nothing"),
        (spend_nothing, "judging: prompt_tokens: found 0"),
        (change_an_own_row, "by_judge: lengthy: judge:helpfulness of open_en"),
        (drop_own_rows, "by_judge: missing: lengthy"),
        (invent_own_rows, "by_judge: not expected: gpt-9"),
        (drop_a_row, "rows: missing: judge:helpfulness of open_en"),
        (invent_a_rank, "ranks: not expected: a in judge:helpfulness"),
    ],
)
def test_a_forged_judging_is_found(panel: Path, edit: Edit, words: str) -> None:
    forge(panel, "comparison.json", edit)
    assert_difference(verify(panel), words)
