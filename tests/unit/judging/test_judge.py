"""Pairwise judging from end to end, with a local judge that replies by a known rule."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_judge import (
    ServerStart,
    always_first,
    by_quality,
    judge_folders,
    judge_server,
    open_run,
    prefers_first,
    quality,
    random_qualities,
    run_of_qualities,
    two_language_run,
    unreadable_on_mute,
    verdict_lines,
)
from openai_server import Fault, Plan, prompt_text

from fusion_eval.errors import ConfigError

# Orders


@pytest.mark.parametrize(
    "options", [{}, {"swap": "random"}, {"scale": 5}, {"structured": True}, {"repeats": 2}], ids=str
)
def test_swapping_the_runs_mirrors_the_result_exactly_and_needs_no_call(
    tmp_path: Path, openai_server: ServerStart, options
):
    # given a judge whose marks are partly random
    def moody(a: str, b: str, luck: random.Random) -> str:
        marks = ["A>>B", "A>B", "A=B", "B>A", "B>>A"] if options.get("scale") == 5 else ["A", "B", "C"]
        return luck.choice([*marks, marks[quality(a) < quality(b)]])

    server = openai_server(judge_server(moody))
    runs = [
        run_of_qualities(tmp_path / "one", random_qualities(40, 1)),
        run_of_qualities(tmp_path / "two", random_qualities(40, 2, 0.2)),
    ]
    there = judge_folders(server, runs, tmp_path / "there", options=options)
    calls = len(server.calls)
    back = judge_folders(server, runs[::-1], tmp_path / "back", options=options)
    assert len(server.calls) == calls == 40 * (1 if "swap" in options else 2) * options.get("repeats", 1)
    (row,), (mirrored,) = there.rows, back.rows
    assert mirrored.win_rate == pytest.approx(1 - row.win_rate, abs=1e-12)
    assert mirrored.delta == pytest.approx(-row.delta, abs=1e-12) != row.delta
    assert mirrored.p_value == row.p_value and mirrored.n == row.n == 40
    assert (mirrored.wins, mirrored.ties, mirrored.losses) == (row.losses, row.ties, row.wins)
    assert mirrored.position_consistency == row.position_consistency
    opposite = {"win": "loss", "tie": "tie", "loss": "win"}
    verdicts = [line["verdict"] for line in verdict_lines(tmp_path / "there")]
    assert [line["verdict"] for line in verdict_lines(tmp_path / "back")] == [
        opposite[verdict] for verdict in verdicts
    ]
    assert {"win", "loss"} <= set(verdicts)


def test_a_judge_that_always_names_the_first_answer_gives_only_ties(
    tmp_path: Path, openai_server: ServerStart
):
    server = openai_server(judge_server(always_first))
    runs = [
        run_of_qualities(tmp_path / "base", random_qualities(12, 1)),
        run_of_qualities(tmp_path / "cand", random_qualities(12, 2, 5.0)),
    ]
    comparison = judge_folders(server, runs)
    (row,) = comparison.rows
    assert (row.win_rate, row.delta, row.p_value) == (0.5, 0.0, 1.0)
    assert (row.wins, row.ties, row.losses) == (0, 12, 0)
    assert row.position_consistency == 0.0 and row.invalid == 0.0
    assert comparison.judging.judges[0].first_wins == 1.0


def test_n_is_the_number_of_prompts_whatever_the_number_of_calls(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(by_quality))
    runs = [
        run_of_qualities(tmp_path / "base", random_qualities(9, 1)),
        run_of_qualities(tmp_path / "cand", random_qualities(9, 2)),
    ]
    for number, (options, calls) in enumerate([({}, 18), ({"swap": "random"}, 9), ({"repeats": 3}, 54)]):
        options = {**options, "judge_args": {"cache": "off"}}
        before = len(server.calls)
        comparison = judge_folders(server, runs, tmp_path / str(number), options=options)
        assert len(server.calls) - before == calls
        assert (
            comparison.rows[0].n
            == 9
            == comparison.judging.judges[0].pairs
            == len(verdict_lines(tmp_path / str(number)))
        )
        assert comparison.rows[0].wins + comparison.rows[0].ties + comparison.rows[0].losses == 9


def test_a_preference_for_the_first_answer_cancels_over_both_orders(
    tmp_path: Path, openai_server: ServerStart
):
    # given two equally good systems
    server = openai_server(judge_server(prefers_first(0.6)))
    equal = [
        run_of_qualities(tmp_path / "base", random_qualities(150, 1)),
        run_of_qualities(tmp_path / "cand", random_qualities(150, 2)),
    ]
    (both,) = judge_folders(server, equal).rows
    assert both.p_value > 0.05 and abs(both.win_rate - 0.5) < 3 * 0.5 / 150**0.5
    assert both.position_consistency == pytest.approx(0.4**2 + 0.6 * 0.4, abs=0.12)


def test_a_true_difference_keeps_its_sign_despite_a_preference_for_the_first_answer(
    tmp_path: Path, openai_server: ServerStart
):
    server = openai_server(judge_server(prefers_first(0.7)))
    base, cand = random_qualities(120, 1), random_qualities(120, 2, 0.35)
    runs = [run_of_qualities(tmp_path / "base", base), run_of_qualities(tmp_path / "cand", cand)]
    (both,) = judge_folders(server, runs).rows
    assert sum(c > b for b, c in zip(base, cand, strict=True)) > 80
    assert both.win_rate > 0.5 and both.p_value < 0.05


def test_random_orders_are_balanced_and_depend_on_the_seed_and_the_repeat(
    tmp_path: Path, openai_server: ServerStart
):
    # given a judge that shows which answer stood first
    server = openai_server(judge_server(always_first))
    runs = [
        run_of_qualities(tmp_path / "base", random_qualities(100, 1)),
        run_of_qualities(tmp_path / "cand", random_qualities(100, 2)),
    ]

    def firsts(name: str, seed: int, repeats: int = 1) -> list[str]:
        options = {"swap": "random", "repeats": repeats, "judge_args": {"seed": seed, "cache": "off"}}
        judge_folders(server, runs, tmp_path / name, options=options)
        return [order["first"] for line in verdict_lines(tmp_path / name) for order in line["orders"]]

    zero, again, other = firsts("a", 0), firsts("b", 0), firsts("c", 1)
    twice = firsts("d", 0, repeats=2)
    assert zero == again
    assert 35 < zero.count("baseline") < 65 and 35 < other.count("baseline") < 65
    for one, two in ((zero, other), (twice[::2], twice[1::2])):
        assert 30 < sum(a == b for a, b in zip(one, two, strict=True)) < 70


# Invalid verdicts, and pairs that need no call


@pytest.mark.parametrize("options", [{}, {"structured": True}], ids=str)
def test_an_unreadable_reply_is_asked_for_once_more_and_then_invalid(
    tmp_path: Path, openai_server: ServerStart, options
):
    server = openai_server(judge_server(unreadable_on_mute))
    base = [f"base q={q}" for q in (1, 1, 1, 1, 1, 1, 1, 1)]
    cand = [f"cand q={q}" for q in (2, 2, 2, 0, 2, 2, 0, 1)]
    for place in (1, 5):
        cand[place] += " mute"
    comparison = judge_folders(
        server,
        [open_run(tmp_path / "base", base), open_run(tmp_path / "cand", cand)],
        tmp_path / "out",
        options=options,
    )
    assert len(server.calls) == 6 * 2 + 2 * 2 * 2
    (row,) = comparison.rows
    assert (row.n, row.wins, row.ties, row.losses) == (6, 3, 1, 2)
    assert row.win_rate == pytest.approx(3.5 / 6) and row.invalid == 2 / 8
    assert comparison.judging.judges[0].invalid == 2 / 8
    lines = verdict_lines(tmp_path / "out")
    assert [line["verdict"] for line in lines] == [
        "win",
        "invalid",
        "win",
        "loss",
        "win",
        "invalid",
        "loss",
        "tie",
    ]
    assert [line["score"] for line in lines][1] is None
    assert [order["asked"] for line in lines for order in line["orders"]].count(2) == 4


def test_the_second_attempt_has_another_seed_and_its_verdict_counts(
    tmp_path: Path, openai_server: ServerStart
):
    seeds: list[int] = []

    def reply(request: dict[str, Any], index: int) -> str:
        seeds.append(request["seed"])
        return "Hm." if len(set(seeds)) == 1 else "[[C]]"

    server = openai_server(Plan(reply=reply))
    runs = [open_run(tmp_path / "base", ["a"]), open_run(tmp_path / "cand", ["b"])]
    (row,) = judge_folders(server, runs, tmp_path / "out", options={"swap": "random"}).rows
    assert len(server.calls) == 2 == len(set(seeds)) and (row.n, row.ties, row.invalid) == (1, 1, 0.0)
    (order,) = verdict_lines(tmp_path / "out")[0]["orders"]
    assert (order["asked"], order["reply"], order["mark"]) == (2, "[[C]]", "C")
    assert (order["prompt_tokens"], order["completion_tokens"]) == tuple(
        sum(len(text.split()) for text in texts)
        for texts in ([prompt_text(call.body) for call in server.calls], ["Hm.", "[[C]]"])
    )


def test_one_unreadable_order_makes_the_pair_invalid(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(lambda a, b, luck: "?" if "mute" in a else "A"))
    runs = [open_run(tmp_path / "base", ["a", "b"]), open_run(tmp_path / "cand", ["c mute", "d"])]
    comparison = judge_folders(server, runs, tmp_path / "out")
    lines = verdict_lines(tmp_path / "out")
    assert [line["verdict"] for line in lines] == ["invalid", "tie"]
    assert [order["verdict"] for order in lines[0]["orders"]] == ["loss", "invalid"]
    assert comparison.rows[0].n == 1 and comparison.rows[0].position_consistency == 0.0


def test_without_any_readable_verdict_the_error_shows_a_reply(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(Plan(reply=lambda request, index: "Both are lovely."))
    runs = [open_run(tmp_path / "base", ["a"]), open_run(tmp_path / "cand", ["b"])]
    with pytest.raises(ConfigError, match=r"None of 1 pairs has a verdict.*Both are lovely.*--judge_prompt"):
        judge_folders(server, runs, tmp_path / "out")
    assert [line["verdict"] for line in verdict_lines(tmp_path / "out")] == ["invalid"], (
        "what was paid for is kept"
    )


def test_a_failed_call_makes_its_pair_invalid_and_stops_no_other(tmp_path: Path, openai_server: ServerStart):
    def refuses(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("status", status=400) if "mute" in prompt_text(request) else None

    server = openai_server(replace(judge_server(by_quality), faults=refuses))
    runs = [
        run_of_qualities(tmp_path / "base", [1, 1, 1]),
        open_run(tmp_path / "cand", ["c q=2", "c q=2 mute", "c q=2"]),
    ]
    (row,) = judge_folders(server, runs, tmp_path / "out").rows
    assert (row.n, row.wins, row.invalid) == (2, 2, pytest.approx(1 / 3))
    lines = verdict_lines(tmp_path / "out")
    assert [line["verdict"] for line in lines] == ["win", "invalid", "win"]
    assert all("400" in order["error"] and order["asked"] == 1 for order in lines[1]["orders"])


def test_a_reply_that_max_tokens_cuts_off_has_no_verdict(tmp_path: Path, openai_server: ServerStart):
    # given replies of six words, of which the last is the mark
    runs = [run_of_qualities(tmp_path / "base", [1]), run_of_qualities(tmp_path / "cand", [2])]
    server = openai_server(judge_server(by_quality))
    with pytest.raises(ConfigError, match="None of 1 pairs has a verdict"):
        judge_folders(server, runs, options={"judge_args": {"max_tokens": 5}})
    assert judge_folders(server, runs, options={"judge_args": {"max_tokens": 6}}).rows[0].wins == 1


def test_equal_answers_are_a_tie_without_a_call(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(always_first))
    texts = ["the same", "", "x q=1", " "]
    base, cand = (
        open_run(tmp_path / "base", texts),
        open_run(tmp_path / "cand", ["the same", "", "y q=2", "  "]),
    )
    comparison = judge_folders(server, [base, cand], tmp_path / "out")
    assert len(server.calls) == 2 * 2, "equal means equal in every character"
    assert [line["verdict"] for line in verdict_lines(tmp_path / "out")] == ["tie"] * 4
    assert [len(line["orders"]) for line in verdict_lines(tmp_path / "out")] == [0, 0, 2, 2]
    assert (comparison.rows[0].n, comparison.rows[0].win_rate, comparison.rows[0].invalid) == (4, 0.5, 0.0)


def test_a_run_against_itself_needs_no_call_and_shows_no_difference(
    tmp_path: Path, openai_server: ServerStart
):
    server = openai_server(judge_server(always_first))
    runs = [run_of_qualities(tmp_path / name / "run", random_qualities(5, 1)) for name in ("a", "b")]
    (row,) = judge_folders(server, runs).rows
    assert server.calls == () and (row.win_rate, row.delta, row.p_value) == (0.5, 0.0, 1.0)
    assert row.position_consistency is None


def test_judging_again_needs_no_call_and_writes_the_same_bytes(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(unreadable_on_mute, other=prefers_first(0.5)))
    base, cand = random_qualities(15, 1), random_qualities(15, 2)
    mute = [f"cand{' mute' * (i == 3)} q={q}" for i, q in enumerate(cand)]
    runs = [run_of_qualities(tmp_path / "base", base), open_run(tmp_path / "cand", mute)]
    for name in ("first", "second"):
        judge_folders(server, runs, tmp_path / name, model="test-model|other", options={"repeats": 2})
        calls = len(server.calls)
        assert calls == 15 * 2 * 2 * 2 + 4
    for file in ("verdicts.jsonl", "comparison.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


# Files


def test_the_lines_of_verdicts_jsonl_agree_with_the_rows(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(unreadable_on_mute, other=prefers_first(0.5)))
    cand = [f"cand{' mute' * (i % 7 == 3)} q={q}" for i, q in enumerate(random_qualities(30, 2, 0.2))]
    runs = [run_of_qualities(tmp_path / "base", random_qualities(30, 1)), open_run(tmp_path / "cand", cand)]
    comparison = judge_folders(server, runs, tmp_path / "out", model="test-model|other")
    lines = verdict_lines(tmp_path / "out")
    required = {"task", "language", "doc_id", "baseline", "candidate", "judge", "orders", "verdict"}
    assert all(required <= set(line) for line in lines)
    assert [(line["doc_id"], line["judge"]) for line in lines] == [
        (doc, judge) for doc in range(30) for judge in ("test-model", "other", "test-model|other")
    ]
    assert {(line["task"], line["language"], line["baseline"], line["candidate"]) for line in lines} == {
        ("open_en", "en", "base", "cand")
    }
    for line in lines:
        firsts = [order["first"] for order in line["orders"]]
        assert firsts == ([] if "|" in line["judge"] else ["baseline", "candidate"])
        for order in line["orders"]:
            assert {"first", "verdict", "reply"} <= set(order)
            second = "candidate" if order["first"] == "baseline" else "baseline"
            winner = {"A": order["first"], "B": second}.get(order["mark"])
            neither = "tie" if order["mark"] else "invalid"
            assert order["verdict"] == {"candidate": "win", "baseline": "loss"}.get(winner, neither)
            assert order["mark"] is None or order["reply"].endswith(f"[[{order['mark']}]]")
    rows = {"test-model|other": comparison.rows, **comparison.by_judge}
    assert set(rows) == {line["judge"] for line in lines}
    for judge, (row,) in rows.items():
        known = [line["score"] for line in lines if line["judge"] == judge and line["score"] is not None]
        assert row.n == len(known) < 30 or judge == "other"
        assert row.win_rate == pytest.approx(sum(known) / len(known)) == pytest.approx(row.candidate_value)
        assert row.delta == pytest.approx(2 * row.win_rate - 1)
        assert row.invalid == pytest.approx(1 - len(known) / 30)
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert written["rows"][0]["metric"] == "judge:helpfulness"
    assert {"invalid", "position_consistency"} <= set(written["rows"][0])


def test_tokens_and_cost_are_counted(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(by_quality))
    runs = [
        run_of_qualities(tmp_path / "base", random_qualities(4, 1)),
        run_of_qualities(tmp_path / "cand", random_qualities(4, 2)),
    ]
    sentences: list[str] = []
    options = {"judge_args": {"price_in": 500_000, "price_out": 1_000_000, "budget": 1_000_000}}
    comparison = judge_folders(server, runs, options=options, report=sentences.append).judging
    asked = sum(len(prompt_text(call.body).split()) for call in server.calls)
    assert (comparison.prompt_tokens, comparison.completion_tokens) == (asked, 8 * 6)
    assert comparison.cost == pytest.approx(asked / 2 + 8 * 6)
    assert len(sentences) == 1 and sentences[0].startswith("budget: ")


# Languages


def test_each_language_and_all_languages_together_have_a_row(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(by_quality))
    runs = [
        two_language_run(tmp_path / "base", [2] * 4, [2] * 4),
        two_language_run(tmp_path / "cand", [3, 3, 3, 1], [1, 1, 2, 3]),
    ]
    comparison = judge_folders(server, runs, tmp_path / "out")
    rows = {row.language: row for row in comparison.rows}
    assert list(rows) == ["fr", "de", "all"]
    assert {language: (row.n, row.win_rate) for language, row in rows.items()} == {
        "fr": (4, 0.75), "de": (4, 0.375), "all": (8, 0.5625),
    }  # fmt: skip
    assert rows["all"].family == "judge" and (rows["fr"].family or "").startswith("languages of open")
    assert rows["all"].clusters == 4 and rows["all"].position_consistency == 1.0
    asked = [prompt_text(call.body) for call in server.calls]
    for language, name in (("fr", "French"), ("de", "German")):
        assert all(
            ("native speaker of " + name in prompt) == (f"\n{language} " in prompt) for prompt in asked
        )
    assert {(line["task"], line["language"]) for line in verdict_lines(tmp_path / "out")} == {
        ("open_fr", "fr"),
        ("open_de", "de"),
    }


def test_each_row_has_its_own_share_of_invalid_pairs_and_consistent_orders(
    tmp_path: Path, openai_server: ServerStart
):
    server = openai_server(
        judge_server(
            lambda a, b, luck: "?" if " fr q=3" in a + b else "A" if " de " in a else by_quality(a, b, luck)
        )
    )
    runs = [
        two_language_run(tmp_path / "base", [2] * 4, [2] * 4),
        two_language_run(tmp_path / "cand", [3, 1, 1, 1], [1, 1, 2, 3]),
    ]
    rows = judge_folders(server, runs).rows
    shares = {row.language: (row.n, row.invalid, row.position_consistency) for row in rows}
    assert shares == {"fr": (3, 0.25, 1.0), "de": (4, 0.0, 0.0), "all": (7, 0.125, 3 / 7)}
    values = {row.language: row.candidate_value for row in rows}
    assert values == {"fr": 0.0, "de": 0.5, "all": 0.25}, "each language has the same weight: not 2 / 7"
