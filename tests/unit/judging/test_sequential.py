"""Sequential judging: the level holds however often the test looks, and the rows agree with the decision to stop."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from local_judge import (
    ServerStart,
    by_quality,
    judge_folders,
    judge_server,
    often_right,
    open_run,
    open_samples,
    random_qualities,
    run_of_qualities,
)
from run_folders import write_run

from fusion_eval.judging.job import Job, PlannedPairs, judge_planned
from fusion_eval.judging.pair_verdicts import AnswerPair, label_of
from fusion_eval.judging.panel import JudgedPair, in_random_order
from fusion_eval.runs.comparison import Comparison
from fusion_eval.runs.verdicts import Verdict
from fusion_eval.types import Message

FEW_AT_A_TIME: dict[str, Any] = {"judge_args": {"concurrency": 8, "cache": "off"}}


def check_consistent(found: Comparison) -> None:
    """Assert what must hold for every comparison that stopped early."""
    assert found.judging is not None
    for row in found.rows:
        assert row.test == "sequential"
        assert row.ci_low is not None and row.ci_high is not None
        assert row.ci_low <= row.delta <= row.ci_high
        assert row.win_rate_low <= row.win_rate <= row.win_rate_high
        assert row.delta == pytest.approx(row.candidate_value - row.baseline_value)
    widest = {(row.baseline, row.candidate): row for row in sorted(found.rows, key=lambda row: row.n)}
    for stop in found.judging.sequential:
        decided = widest.get((stop.baseline, stop.candidate)) or next(
            row for row in widest.values() if row.candidate == stop.candidate
        )
        assert decided.significant == stop.decided


def languages(folder: Path, sizes: dict[str, int], seed: int, shift: float) -> Path:
    """Write a run of a task in several languages, with so many items each."""
    tasks = {
        f"open_{language}": open_samples(
            [f"{folder.name} {language} q={q}" for q in random_qualities(n, seed + place, shift)]
        )
        for place, (language, n) in enumerate(sizes.items())
    }
    config = {task: {"metadata": {"language": task[-2:]}} for task in tasks}
    return write_run(folder, tasks, config=config)


def test_rows_of_languages_of_different_size_show_what_was_tested(
    tmp_path: Path, openai_server: ServerStart
) -> None:
    sizes = {"en": 120, "fr": 12}
    runs = [
        languages(tmp_path / name, sizes, seed, shift)
        for name, seed, shift in (("a", 1, 0.0), ("b", 50, 0.6))
    ]
    comparison = judge_folders(
        openai_server(judge_server(often_right(0.8))), runs, options=FEW_AT_A_TIME, sequential=True
    )
    check_consistent(comparison)
    assert {row.language for row in comparison.rows} == {"en", "fr", "all"}
    assert comparison.judging.sequential[0].decided


@pytest.mark.parametrize("scale", [3, 5])
def test_graded_scores_and_win_rates_have_separate_intervals(
    tmp_path: Path, openai_server: ServerStart, scale: int
) -> None:
    def taste(a: str, b: str, luck: random.Random) -> str:
        mark = by_quality(a, b, luck)
        return {"A": "A>B", "B": "B>A", "C": "A=B"}[mark] if scale == 5 else mark

    runs = [
        run_of_qualities(tmp_path / "a", random_qualities(100, 1)),
        run_of_qualities(tmp_path / "b", random_qualities(100, 2, 0.7)),
    ]
    comparison = judge_folders(
        openai_server(judge_server(taste)), runs, options=FEW_AT_A_TIME | {"scale": scale}, sequential=True
    )
    check_consistent(comparison)
    (row,) = comparison.rows
    if scale == 5:  # a win is worth three quarters
        assert row.win_rate > row.candidate_value > 0.5


def test_two_hypotheses_share_the_level_and_each_agrees_with_its_row(
    tmp_path: Path, openai_server: ServerStart
) -> None:
    runs = [
        run_of_qualities(tmp_path / n, random_qualities(100, s, shift))
        for s, (n, shift) in enumerate([("a", 0.0), ("b", 0.8), ("c", 0.02)])
    ]
    comparison = judge_folders(
        openai_server(judge_server(often_right(0.9))), runs, options=FEW_AT_A_TIME, sequential=True
    )
    check_consistent(comparison)
    assert [stop.decided for stop in comparison.judging.sequential] == [True, False]


def test_against_an_opponent_the_row_shows_the_test_that_stopped(
    tmp_path: Path, openai_server: ServerStart
) -> None:
    runs = [
        run_of_qualities(tmp_path / "a", random_qualities(150, 1)),
        run_of_qualities(tmp_path / "b", random_qualities(150, 2, 0.6)),
    ]
    file = tmp_path / "third.jsonl"
    file.write_text(
        "\n".join(f'{{"id": "q{n}", "answer": "third {n} q={1.3}"}}' for n in range(150)), encoding="utf-8"
    )
    comparison = judge_folders(
        openai_server(judge_server(often_right(0.9))),
        runs,
        options=FEW_AT_A_TIME,
        sequential=True,
        opponent=file,
    )
    check_consistent(comparison)
    (stop,) = comparison.judging.sequential
    assert stop.decided and stop.judged < stop.planned


def test_items_of_one_cluster_are_judged_together(tmp_path: Path, openai_server: ServerStart) -> None:
    documents = [f"d{n // 3}" for n in range(90)]
    runs = []
    for name, seed, shift in (("a", 1, 0.0), ("b", 2, 0.9)):
        answers = [f"{name} q={q}" for q in random_qualities(90, seed, shift)]
        runs.append(open_run(tmp_path / name, answers, document_id=documents))
    comparison = judge_folders(
        openai_server(judge_server(by_quality)), runs, options=FEW_AT_A_TIME, sequential=True
    )
    check_consistent(comparison)
    (row,) = comparison.rows
    assert row.clusters * 3 == row.n


# The level, without a server


@dataclass(frozen=True)
class RandomPanel:
    """A panel with known scores by item. It records which items were judged."""

    scores: dict[str, float]
    width: int = 4
    seen: list[str] = field(default_factory=list)

    @property
    def protocol(self) -> Any:
        return type("Protocol", (), {"seed": 0})

    async def judge_all(self, pairs: Sequence[AnswerPair]) -> list[JudgedPair]:
        self.seen.extend(pair.item for pair in pairs)
        return [JudgedPair(pair, verdict(pair, self.scores[pair.item]), ()) for pair in pairs]


def verdict(pair: AnswerPair, score: float) -> Verdict:
    return Verdict(
        pair.task,
        None,
        pair.doc_id,
        pair.item,
        pair.baseline,
        pair.candidate,
        "judge",
        label_of(score),
        score,
    )


def job(clusters: int, size: int, hypotheses: int, sequential: bool = True) -> tuple[Job, PlannedPairs]:
    names = ["base", *(f"c{n}" for n in range(hypotheses))]
    matches, labels = {}, {}
    for name in names[1:]:
        pairs = []
        for number in range(clusters * size):
            pair = AnswerPair(
                "t", None, number, f"{name}{number}", "base", name, (Message("user", "?"),), ("x", "y")
            )
            labels["t", pair.item] = f"cluster {number // size}"
            pairs.append(pair)
        matches["base", name] = tuple(pairs)
    runs = tuple(type("Run", (), {"name": name}) for name in names)
    return Job(runs, sequential=sequential), PlannedPairs(matches, labels, None, ())  # type: ignore[arg-type] # names alone are asked for


@pytest.mark.parametrize(
    ("size", "hypotheses"), [(1, 1), (3, 1), (1, 3)], ids=["items", "clusters", "hypotheses"]
)
async def test_without_a_difference_judging_stops_at_most_as_often_as_alpha(
    size: int, hypotheses: int
) -> None:
    judging_job, planned = job(90 // size, size, hypotheses)
    draw, stopped, times = np.random.default_rng(size + hypotheses), 0, 300
    items = [pair.item for pairs in planned.by_systems.values() for pair in pairs]
    for _ in range(times):
        # given verdicts that are the same within a cluster, won as often as lost
        luck = draw.choice([0.0, 0.5, 1.0], size=len(items), p=[0.4, 0.2, 0.4])
        panel = RandomPanel({item: float(luck[place - place % size]) for place, item in enumerate(items)})
        await judge_planned(judging_job, panel, planned)  # type: ignore[arg-type] # it has all that is used of a panel
        stopped += len(panel.seen) < len(items)
    # Any false decision among the hypotheses counts once.
    assert stopped / times <= 0.05 + 3 * (0.05 * 0.95 / times) ** 0.5


async def test_with_a_difference_judging_stops_early() -> None:
    judging_job, planned = job(300, 1, 1)
    draw, saved = np.random.default_rng(5), []
    items = [pair.item for pairs in planned.by_systems.values() for pair in pairs]
    for _ in range(30):
        panel = RandomPanel({item: float(draw.random() < 0.75) for item in items})
        await judge_planned(judging_job, panel, planned)  # type: ignore[arg-type] # as above
        saved.append(1 - len(panel.seen) / len(items))
    assert float(np.mean(saved)) > 0.6


def test_clusters_are_judged_in_a_random_order_that_depends_on_the_seed() -> None:
    # In the order of the file, hard items at its end would come too late to count.
    _, planned = job(50, 1, 1)
    (pairs,) = planned.by_systems.values()
    labelled = [(planned.cluster(pair), pair) for pair in pairs]
    orders = [[pair.doc_id for (pair,) in in_random_order(labelled, seed)] for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0]) and sorted(orders[0]) == list(range(50))
    assert abs(float(np.corrcoef(orders[0], range(50))[0, 1])) < 0.4
