"""More than two systems: a fixed opponent, every pair, strengths, and sequential judging."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from local_judge import (
    ServerStart,
    by_quality,
    judge_folders,
    judge_server,
    often_right,
    open_run,
    prefers_first,
    random_qualities,
    run_of_qualities,
    two_language_run,
    unreadable_on_mute,
    verdict_lines,
)
from openai_server import prompt_text

from fusion_eval.comparison.options import ComparisonOptions
from fusion_eval.errors import ConfigError

# A fixed opponent


def opponent(folder: Path, lines: Sequence[Mapping[str, Any]], name: str = "third.jsonl") -> Path:
    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    "identity",
    [
        lambda n: {"id": f"q{n}"},
        lambda n: {"doc_id": n},
        lambda n: {"prompt": f"Question {n}?"},
        lambda n: {"prompt": f"  Question {n}?\n", "model": "third"},
        lambda n: {"id": f"q{n}", "task": "open_en"},
        lambda n: {"id": f"q{n}", "language": "en"},
    ],
)
@pytest.mark.parametrize("answered", [lambda t: {"answer": t}, lambda t: {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": t}]}])  # fmt: skip
def test_each_run_gets_a_win_rate_against_the_opponent_and_the_difference_is_paired(
    tmp_path: Path, openai_server: ServerStart, identity, answered
):
    # given a baseline that scores 0, 1, 1/2, 0 and a candidate that scores 1, 1, 1/2, 0
    runs = [
        run_of_qualities(tmp_path / "base", [1, 6, 5, 2]),
        run_of_qualities(tmp_path / "cand", [6, 7, 5, 1]),
    ]
    file = opponent(tmp_path, [{**identity(n), **answered(f"third {n} q=5")} for n in (2, 0, 3, 1)])
    server = openai_server(judge_server(by_quality))
    comparison = judge_folders(server, runs, tmp_path / "out", opponent=file)
    assert len(server.calls) == 2 * 2 * 4
    asked = [prompt_text(call.body) for call in server.calls]
    assert all(
        sum(f"\nQuestion {n}?\n--- end of request" in prompt for prompt in asked) == 4 for n in range(4)
    )
    (row,) = comparison.rows
    assert (row.baseline, row.candidate, row.n) == ("base", "cand", 4)
    assert (row.baseline_value, row.candidate_value, row.delta) == (0.375, 0.625, 0.25)
    assert (row.wins, row.ties, row.losses) == (1, 3, 0)
    assert comparison.judging.opponent == "third" and [run.name for run in comparison.runs] == [
        "base",
        "cand",
    ]
    lines = verdict_lines(tmp_path / "out")
    assert [(line["baseline"], line["candidate"], line["score"]) for line in lines] == [
        *(("third", "base", score) for score in (0.0, 1.0, 0.5, 0.0)),
        *(("third", "cand", score) for score in (1.0, 1.0, 0.5, 0.0)),
    ]
    assert [system.name for system in comparison.judging.strengths] == ["cand", "third", "base"]


def test_white_space_around_a_prompt_does_not_matter(tmp_path: Path, openai_server: ServerStart):
    runs = [
        open_run(tmp_path / name, [f"{name} q={q}"], prompt=[" Why?\n"])
        for name, q in (("base", 1), ("cand", 3))
    ]
    file = opponent(tmp_path, [{"prompt": "Why?", "answer": "q=2"}])
    assert judge_folders(openai_server(judge_server(by_quality)), runs, opponent=file).rows[0].delta == 1.0


def test_an_item_without_both_verdicts_is_not_compared(tmp_path: Path, openai_server: ServerStart):
    runs = [
        open_run(tmp_path / "base", ["b q=1", "b q=6 mute", "b q=6"]),
        open_run(tmp_path / "cand", ["c q=9", "c q=1", "c q=2"]),
    ]
    file = opponent(tmp_path, [{"id": f"q{n}", "answer": f"third {n} q=5"} for n in range(3)])
    (row,) = judge_folders(openai_server(judge_server(unreadable_on_mute)), runs, opponent=file).rows
    assert (row.n, row.baseline_value, row.candidate_value) == (2, 0.5, 0.5)
    assert row.invalid == pytest.approx(1 / 6)


def test_missing_answers_of_an_opponent_are_an_error_or_a_note(tmp_path: Path, openai_server: ServerStart):
    runs = [
        run_of_qualities(tmp_path / "base", [1, 6, 5, 2]),
        run_of_qualities(tmp_path / "cand", [6, 7, 5, 1]),
    ]
    file = opponent(tmp_path, [{"id": f"q{n}", "answer": "q=5"} for n in (0, 3, 17)])
    server = openai_server(judge_server(by_quality))
    with pytest.raises(
        ConfigError,
        match=r"no answer to 2 of 4 documents \(by 'id'; the first is document 1 of open_en\).*the option allow_partial",
    ):
        judge_folders(server, runs, opponent=file)
    assert server.calls == ()
    comparison = judge_folders(server, runs, opponent=file, statistics=ComparisonOptions(allow_partial=True))
    assert comparison.rows[0].n == 2 and any("no answer to 2 of 4" in note for note in comparison.notes)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "holds no answers"),
        ([{"id": "q0"}], "line 1 has no answer under answer, output"),
        ([{"name": "q0", "answer": "x"}], "cannot be matched to the runs' documents: it has answer, name"),
        (["q0"], "line 1 is not a JSON object"),
        ([{"id": "zzz", "answer": "x"}], "no answer to 1 of 1 documents"),
        ([{"id": "q0", "answer": "x"}, {"id": "q0", "answer": "y"}], r"line 2 has another answer to the same document \(id q0\)"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_opponents_file_is_an_error_that_names_the_line(
    tmp_path: Path, openai_server: ServerStart, lines, message
):
    runs = [run_of_qualities(tmp_path / "base", [1]), run_of_qualities(tmp_path / "cand", [6])]
    server = openai_server(judge_server(by_quality))
    with pytest.raises(ConfigError, match=message) as error:
        judge_folders(server, runs, opponent=opponent(tmp_path, lines))
    assert "third.jsonl" in str(error.value) and server.calls == ()


@pytest.mark.parametrize("identity", ["id", "doc_id"])
def test_one_answer_to_two_prompts_is_an_error(tmp_path: Path, openai_server: ServerStart, identity: str):
    # given tasks in two languages with the same ids
    runs = [
        two_language_run(tmp_path / "base", [1, 1], [1, 1]),
        two_language_run(tmp_path / "cand", [3, 3], [1, 3]),
    ]
    server = openai_server(judge_server(by_quality))
    plain = [{identity: f"q{n}" if identity == "id" else n, "answer": "q=2"} for n in range(2)]
    with pytest.raises(
        ConfigError, match=f"one answer with {identity} .* several prompts .* 'task' or 'language'"
    ):
        judge_folders(server, runs, opponent=opponent(tmp_path, plain))
    assert server.calls == ()
    for field, french, german in (("language", "fr", "de"), ("task", "open_fr", "open_de")):
        named = [
            {**line, field: value, "answer": f"{value} q={q}"}
            for value, q in ((french, 2), (german, 4))
            for line in plain
        ]
        comparison = judge_folders(server, runs, opponent=opponent(tmp_path, named))
        assert [(row.language, row.candidate_value) for row in comparison.rows] == [
            ("fr", 1.0),
            ("de", 0.0),
            ("all", 0.5),
        ]


def test_an_opponent_with_the_name_of_a_run_gets_another_name(tmp_path: Path, openai_server: ServerStart):
    runs = [run_of_qualities(tmp_path / "base", [1, 2]), run_of_qualities(tmp_path / "cand", [6, 2])]
    file = opponent(tmp_path, [{"id": f"q{n}", "answer": f"third q={n}"} for n in range(2)], "cand.jsonl")
    comparison = judge_folders(openai_server(judge_server(by_quality)), runs, opponent=file)
    assert comparison.judging.opponent == "cand (opponent)" and comparison.rows[0].candidate == "cand"


# Several systems


def test_every_pair_judges_every_two_runs_and_strengths_rank_the_systems(
    tmp_path: Path, openai_server: ServerStart
):
    server = openai_server(judge_server(often_right(0.75)))
    runs = [
        run_of_qualities(tmp_path / name, random_qualities(40, seed, shift))
        for name, seed, shift in (("mid", 1, 0.5), ("low", 2, 0.0), ("top", 3, 1.1))
    ]
    comparison = judge_folders(server, runs, tmp_path / "all", every_pair=True)
    matches = [("mid", "low"), ("mid", "top"), ("low", "top")]
    assert [(row.baseline, row.candidate) for row in comparison.rows] == matches
    assert len(server.calls) == 3 * 2 * 40
    assert [(system.name, system.rank) for system in comparison.judging.strengths] == [
        ("top", 1),
        ("mid", 2),
        ("low", 3),
    ]
    assert sum(system.strength for system in comparison.judging.strengths) == pytest.approx(0, abs=1e-6)
    calls = len(server.calls)
    star = judge_folders(server, runs, tmp_path / "star")
    assert [(row.baseline, row.candidate) for row in star.rows] == matches[:2] and len(server.calls) == calls
    assert [row.win_rate for row in star.rows] == [row.win_rate for row in comparison.rows[:2]]
    pair = judge_folders(server, runs[:2])
    assert pair.judging.strengths == ()


def test_one_run_alone_is_an_error(tmp_path: Path, openai_server: ServerStart):
    with pytest.raises(ConfigError, match="two runs or more, the baseline first"):
        judge_folders(openai_server(judge_server(by_quality)), [run_of_qualities(tmp_path / "base", [1])])


# Sequential judging

FEW_AT_A_TIME = {"judge_args": {"concurrency": 8}}


def test_sequential_judging_stops_at_a_strong_difference_and_counts_the_judged_pairs(
    tmp_path: Path, openai_server: ServerStart
):
    server = openai_server(judge_server(often_right(0.95)))
    runs = [
        run_of_qualities(tmp_path / "base", random_qualities(300, 1)),
        run_of_qualities(tmp_path / "cand", random_qualities(300, 2, 2.0)),
    ]
    comparison = judge_folders(server, runs, tmp_path / "out", options=FEW_AT_A_TIME, sequential=True)
    (stopped,) = comparison.judging.sequential
    assert stopped.decided and (stopped.planned, stopped.baseline, stopped.candidate) == (300, "base", "cand")
    assert len(verdict_lines(tmp_path / "out")) == stopped.judged == len(server.calls) / 2 < 100
    (row,) = comparison.rows
    assert row.test == "sequential" and row.significant and row.p_value <= 0.05
    assert row.win_rate_low > 0.5 and row.ci_low > 0 and row.n == stopped.judged
    assert row.ci_low == pytest.approx(2 * row.win_rate_low - 1)


def test_without_a_difference_all_pairs_are_judged_and_nothing_is_decided(
    tmp_path: Path, openai_server: ServerStart
):
    server = openai_server(judge_server(prefers_first(0.5)))
    runs = [
        run_of_qualities(tmp_path / "base", random_qualities(120, 1)),
        run_of_qualities(tmp_path / "cand", random_qualities(120, 2)),
    ]
    comparison = judge_folders(server, runs, options=FEW_AT_A_TIME, sequential=True)
    (stopped,) = comparison.judging.sequential
    assert (stopped.decided, stopped.judged, stopped.planned) == (False, 120, 120)
    (row,) = comparison.rows
    assert not row.significant and row.win_rate_low < 0.5 < row.win_rate_high


def test_unreadable_pairs_count_as_judged(tmp_path: Path, openai_server: ServerStart):
    texts = [f"cand{' mute' * (n % 2)} q={q}" for n, q in enumerate(random_qualities(20, 2))]
    runs = [run_of_qualities(tmp_path / "base", random_qualities(20, 1)), open_run(tmp_path / "cand", texts)]
    comparison = judge_folders(
        openai_server(judge_server(unreadable_on_mute)), runs, options=FEW_AT_A_TIME, sequential=True
    )
    (stopped,) = comparison.judging.sequential
    assert (stopped.judged, stopped.planned, comparison.rows[0].n) == (20, 20, 10)


def test_against_an_opponent_judging_stops_when_the_difference_is_decided(
    tmp_path: Path, openai_server: ServerStart
):
    server = openai_server(judge_server(by_quality))
    runs = [
        run_of_qualities(tmp_path / "base", [1] * 200),
        run_of_qualities(tmp_path / "cand", [3] * 200),
        run_of_qualities(tmp_path / "twin", [1.5] * 200),
    ]
    file = opponent(tmp_path, [{"id": f"q{n}", "answer": f"third {n} q=2"} for n in range(200)])
    comparison = judge_folders(server, runs, options=FEW_AT_A_TIME, sequential=True, opponent=file)
    cand, twin = comparison.judging.sequential
    assert (cand.baseline, cand.candidate, cand.decided) == ("base", "cand", True) and cand.judged < 60
    assert (twin.candidate, twin.decided, twin.judged, twin.planned) == ("twin", False, 200, 200)
    assert [(row.significant, row.n) for row in comparison.rows] == [(True, cand.judged), (False, 200)]


def test_the_order_of_judging_depends_on_the_seed_and_the_verdicts_are_those_of_a_full_judging(
    tmp_path: Path, openai_server: ServerStart
):
    server = openai_server(judge_server(often_right(0.9)))
    runs = [
        run_of_qualities(tmp_path / "base", random_qualities(80, 1)),
        run_of_qualities(tmp_path / "cand", random_qualities(80, 2, 2.0)),
    ]
    judge_folders(server, runs, tmp_path / "early", options=FEW_AT_A_TIME, sequential=True)
    judge_folders(server, runs, tmp_path / "again", options=FEW_AT_A_TIME, sequential=True)
    judge_folders(server, runs, tmp_path / "all")
    early, everything = (
        verdict_lines(tmp_path / "early"),
        {line["doc_id"]: line for line in verdict_lines(tmp_path / "all")},
    )
    assert early == verdict_lines(tmp_path / "again")
    assert len(early) < 80 and [line["doc_id"] for line in early] != sorted(line["doc_id"] for line in early)
    assert all(everything[line["doc_id"]] == line for line in early)
