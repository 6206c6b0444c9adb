"""Pairwise judging from end to end: a local server with known tastes, runs in folders, and what they must come to."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_judge import (
    Taste,
    always_first,
    by_quality,
    judged,
    judging,
    lines_of,
    open_run,
    open_samples,
    prefers_first,
    quality,
)
from openai_server import Fault, Plan, Server, prompt_text
from run_folders import write_run

from fusion_eval.compare.compare import Settings as CompareSettings
from fusion_eval.errors import ConfigError
from fusion_eval.judging.model_families import makers
from fusion_eval.judging.quality import judge_report
from fusion_eval.judging.verdicts import Order, Verdict

Serve = Callable[[Plan], Server]


def graded(folder: Path, qualities: Sequence[float]) -> Path:
    """A run whose answers carry their quality, and its name, so that no two systems' answers are equal."""
    return open_run(folder, [f"{folder.name} q={q}" for q in qualities])


def drawn(n: int, seed: int, shift: float = 0.0) -> list[float]:
    """Qualities of which no two are equal."""
    luck = random.Random(seed)
    return [round(1 + luck.random() + shift, 6) for _ in range(n)]


# Both orders


@pytest.mark.parametrize(
    "who", [{}, {"swap": "random"}, {"scale": 5}, {"structured": True}, {"repeats": 2}], ids=str
)
def test_the_labels_swapped_mirror_the_result_exactly_and_without_a_call(
    tmp_path: Path, openai_server: Serve, who
):
    """Game 2 read the wrong way round shows here, and a tie given to either side."""

    def moody(a: str, b: str, luck: random.Random) -> str:
        marks = ["A>>B", "A>B", "A=B", "B>A", "B>>A"] if who.get("scale") == 5 else ["A", "B", "C"]
        return luck.choice([*marks, marks[quality(a) < quality(b)]])

    server = openai_server(judging(moody))
    runs = [graded(tmp_path / "one", drawn(40, 1)), graded(tmp_path / "two", drawn(40, 2, 0.2))]
    there = judged(server, runs, tmp_path / "there", who=who)
    calls = len(server.calls)
    back = judged(server, runs[::-1], tmp_path / "back", who=who)
    assert len(server.calls) == calls == 40 * (1 if "swap" in who else 2) * who.get("repeats", 1)
    (row,), (mirrored,) = there.rows, back.rows
    assert mirrored.win_rate == pytest.approx(1 - row.win_rate, abs=1e-12)
    assert mirrored.delta == pytest.approx(-row.delta, abs=1e-12) != row.delta
    assert mirrored.p_value == row.p_value and mirrored.n == row.n == 40
    assert (mirrored.wins, mirrored.ties, mirrored.losses) == (row.losses, row.ties, row.wins)
    assert mirrored.position_consistency == row.position_consistency
    opposite = {"win": "loss", "tie": "tie", "loss": "win"}
    verdicts = [line["verdict"] for line in lines_of(tmp_path / "there")]
    assert [line["verdict"] for line in lines_of(tmp_path / "back")] == [opposite[said] for said in verdicts]
    assert {"win", "loss"} <= set(verdicts)


def test_a_judge_who_always_names_the_first_gives_one_half_and_ties_alone(
    tmp_path: Path, openai_server: Serve
):
    server = openai_server(judging(always_first))
    runs = [graded(tmp_path / "base", drawn(12, 1)), graded(tmp_path / "cand", drawn(12, 2, 5.0))]
    found = judged(server, runs)
    (row,) = found.rows
    assert (row.win_rate, row.delta, row.p_value) == (0.5, 0.0, 1.0)
    assert (row.wins, row.ties, row.losses) == (0, 12, 0)
    assert row.position_consistency == 0.0 and row.invalid == 0.0
    assert found.judging.judges[0].first_wins == 1.0


def test_n_is_the_number_of_prompts_however_often_each_is_asked_about(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(by_quality))
    runs = [graded(tmp_path / "base", drawn(9, 1)), graded(tmp_path / "cand", drawn(9, 2))]
    for number, (who, calls) in enumerate([({}, 18), ({"swap": "none"}, 9), ({"repeats": 3}, 54)]):
        who = {**who, "judge_args": {"cache": "off"}}
        before = len(server.calls)
        found = judged(server, runs, tmp_path / str(number), who=who)
        assert len(server.calls) - before == calls
        assert found.rows[0].n == 9 == found.judging.judges[0].pairs == len(lines_of(tmp_path / str(number)))
        assert found.rows[0].wins + found.rows[0].ties + found.rows[0].losses == 9


def test_a_taste_for_the_first_place_cancels_where_both_orders_are_asked(
    tmp_path: Path, openai_server: Serve
):
    """Of equal systems the win rate stays at one half; in one order alone the baseline, who stands first, wins."""
    server = openai_server(judging(prefers_first(0.6)))
    equal = [graded(tmp_path / "base", drawn(150, 1)), graded(tmp_path / "cand", drawn(150, 2))]
    (both,) = judged(server, equal).rows
    (alone,) = judged(server, equal, who={"swap": "none"}).rows
    assert both.p_value > 0.05 and abs(both.win_rate - 0.5) < 3 * 0.5 / 150**0.5
    assert alone.p_value < 0.001 and alone.win_rate == pytest.approx(0.2, abs=0.1)
    assert both.position_consistency == pytest.approx(0.4**2 + 0.6 * 0.4, abs=0.12)
    assert alone.position_consistency is None


def test_a_true_difference_keeps_its_sign_under_a_taste_for_the_first_place(
    tmp_path: Path, openai_server: Serve
):
    server = openai_server(judging(prefers_first(0.7)))
    base, cand = drawn(120, 1), drawn(120, 2, 0.35)
    runs = [graded(tmp_path / "base", base), graded(tmp_path / "cand", cand)]
    (both,) = judged(server, runs).rows
    (alone,) = judged(server, runs, who={"swap": "none"}).rows
    assert sum(c > b for b, c in zip(base, cand, strict=True)) > 80
    assert both.win_rate > 0.5 and both.p_value < 0.05
    assert alone.win_rate < 0.5, "the bias that both orders remove"


def test_a_random_order_is_the_same_for_the_same_seed_and_balanced_and_another_for_another(
    tmp_path: Path, openai_server: Serve
):
    """An always-first judge shows who stood first. Two seeds, and two repeats, must not be each other's complement."""
    server = openai_server(judging(always_first))
    runs = [graded(tmp_path / "base", drawn(100, 1)), graded(tmp_path / "cand", drawn(100, 2))]

    def firsts(name: str, seed: int, repeats: int = 1) -> list[str]:
        who = {"swap": "random", "repeats": repeats, "judge_args": {"seed": seed, "cache": "off"}}
        judged(server, runs, tmp_path / name, who=who)
        return [order["first"] for line in lines_of(tmp_path / name) for order in line["orders"]]

    zero, again, other = firsts("a", 0), firsts("b", 0), firsts("c", 1)
    twice = firsts("d", 0, repeats=2)
    assert zero == again
    assert 35 < zero.count("baseline") < 65 and 35 < other.count("baseline") < 65
    for one, two in ((zero, other), (twice[::2], twice[1::2])):
        assert 30 < sum(a == b for a, b in zip(one, two, strict=True)) < 70


# Verdicts that are none, and pairs that need none


def muttering(a: str, b: str, luck: random.Random) -> str:
    """Unreadable wherever an answer is mute."""
    return "?" if "mute" in a + b else by_quality(a, b, luck)


@pytest.mark.parametrize("who", [{}, {"structured": True}], ids=str)
def test_an_unreadable_verdict_is_asked_for_once_more_and_then_invalid_and_never_a_tie(
    tmp_path: Path, openai_server: Serve, who
):
    server = openai_server(judging(muttering))
    base = [f"base q={q}" for q in (1, 1, 1, 1, 1, 1, 1, 1)]
    cand = [f"cand q={q}" for q in (2, 2, 2, 0, 2, 2, 0, 1)]
    for place in (1, 5):
        cand[place] += " mute"
    found = judged(
        server,
        [open_run(tmp_path / "base", base), open_run(tmp_path / "cand", cand)],
        tmp_path / "out",
        who=who,
    )
    assert len(server.calls) == 6 * 2 + 2 * 2 * 2
    (row,) = found.rows
    assert (row.n, row.wins, row.ties, row.losses) == (6, 3, 1, 2)
    assert row.win_rate == pytest.approx(3.5 / 6) and row.invalid == 2 / 8
    assert found.judging.judges[0].invalid == 2 / 8
    lines = lines_of(tmp_path / "out")
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


def test_the_second_try_has_another_seed_and_its_verdict_counts(tmp_path: Path, openai_server: Serve):
    """At temperature 0 with the same seed a server would repeat itself, and a cache would be sure to."""
    seeds: list[int] = []

    def reply(request: dict[str, Any], index: int) -> str:
        seeds.append(request["seed"])
        return "Hm." if len(set(seeds)) == 1 else "[[C]]"

    server = openai_server(Plan(reply=reply))
    runs = [open_run(tmp_path / "base", ["a"]), open_run(tmp_path / "cand", ["b"])]
    (row,) = judged(server, runs, tmp_path / "out", who={"swap": "none"}).rows
    assert len(server.calls) == 2 == len(set(seeds)) and (row.n, row.ties, row.invalid) == (1, 1, 0.0)
    (order,) = lines_of(tmp_path / "out")[0]["orders"]
    assert (order["asked"], order["reply"], order["mark"]) == (2, "[[C]]", "C")
    assert (order["prompt_tokens"], order["completion_tokens"]) == tuple(
        sum(len(text.split()) for text in texts)
        for texts in ([prompt_text(call.body) for call in server.calls], ["Hm.", "[[C]]"])
    )


def test_one_order_that_cannot_be_read_leaves_no_verdict(tmp_path: Path, openai_server: Serve):
    """The other order alone would bring the position bias back."""
    server = openai_server(judging(lambda a, b, luck: "?" if "mute" in a else "A"))
    runs = [open_run(tmp_path / "base", ["a", "b"]), open_run(tmp_path / "cand", ["c mute", "d"])]
    found = judged(server, runs, tmp_path / "out")
    lines = lines_of(tmp_path / "out")
    assert [line["verdict"] for line in lines] == ["invalid", "tie"]
    assert [order["verdict"] for order in lines[0]["orders"]] == ["loss", "invalid"]
    assert found.rows[0].n == 1 and found.rows[0].position_consistency == 0.0


def test_where_no_verdict_can_be_read_that_is_said_with_a_reply(tmp_path: Path, openai_server: Serve):
    server = openai_server(Plan(reply=lambda request, index: "Both are lovely."))
    runs = [open_run(tmp_path / "base", ["a"]), open_run(tmp_path / "cand", ["b"])]
    with pytest.raises(ConfigError, match=r"None of 1 pairs has a verdict.*Both are lovely.*--judge_prompt"):
        judged(server, runs, tmp_path / "out")
    assert [line["verdict"] for line in lines_of(tmp_path / "out")] == ["invalid"], (
        "what was paid for is kept"
    )


def test_a_pair_that_the_endpoint_refuses_has_no_verdict_and_stops_no_other(
    tmp_path: Path, openai_server: Serve
):
    def refuses(number: int, request: dict[str, Any]) -> Fault | None:
        return Fault("status", status=400) if "mute" in prompt_text(request) else None

    server = openai_server(replace(judging(by_quality), faults=refuses))
    runs = [
        graded(tmp_path / "base", [1, 1, 1]),
        open_run(tmp_path / "cand", ["c q=2", "c q=2 mute", "c q=2"]),
    ]
    (row,) = judged(server, runs, tmp_path / "out").rows
    assert (row.n, row.wins, row.invalid) == (2, 2, pytest.approx(1 / 3))
    lines = lines_of(tmp_path / "out")
    assert [line["verdict"] for line in lines] == ["win", "invalid", "win"]
    assert all("400" in order["error"] and order["asked"] == 1 for order in lines[1]["orders"])


def test_a_judge_who_is_cut_off_by_its_limit_has_no_verdict(tmp_path: Path, openai_server: Serve):
    """`One of them is better.` and the mark are six words; five end before it."""
    runs = [graded(tmp_path / "base", [1]), graded(tmp_path / "cand", [2])]
    server = openai_server(judging(by_quality))
    with pytest.raises(ConfigError, match="None of 1 pairs has a verdict"):
        judged(server, runs, who={"judge_args": {"max_tokens": 5}})
    assert judged(server, runs, who={"judge_args": {"max_tokens": 6}}).rows[0].wins == 1


def test_equal_answers_are_a_tie_that_nobody_is_asked_about(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(always_first))
    texts = ["the same", "", "x q=1", " "]
    base, cand = (
        open_run(tmp_path / "base", texts),
        open_run(tmp_path / "cand", ["the same", "", "y q=2", "  "]),
    )
    found = judged(server, [base, cand], tmp_path / "out")
    assert len(server.calls) == 2 * 2, "equal means to the letter"
    assert [line["verdict"] for line in lines_of(tmp_path / "out")] == ["tie"] * 4
    assert [len(line["orders"]) for line in lines_of(tmp_path / "out")] == [0, 0, 2, 2]
    assert (found.rows[0].n, found.rows[0].win_rate, found.rows[0].invalid) == (4, 0.5, 0.0)


def test_a_run_against_itself_asks_nobody_and_differs_in_nothing(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(always_first))
    runs = [graded(tmp_path / name / "run", drawn(5, 1)) for name in ("a", "b")]
    (row,) = judged(server, runs).rows
    assert server.calls == () and (row.win_rate, row.delta, row.p_value) == (0.5, 0.0, 1.0)
    assert row.position_consistency is None


def test_what_was_judged_once_is_judged_again_without_a_call_to_the_same_bytes(
    tmp_path: Path, openai_server: Serve
):
    server = openai_server(judging(muttering, other=prefers_first(0.5)))
    base, cand = drawn(15, 1), drawn(15, 2)
    mute = [f"cand{' mute' * (i == 3)} q={q}" for i, q in enumerate(cand)]
    runs = [graded(tmp_path / "base", base), open_run(tmp_path / "cand", mute)]
    for name in ("first", "second"):
        judged(server, runs, tmp_path / name, judge="test-model|other", who={"repeats": 2})
        calls = len(server.calls)
        assert calls == 15 * 2 * 2 * 2 + 4
    for file in ("verdicts.jsonl", "comparison.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


# What is written


def test_the_lines_hold_what_was_promised_and_agree_with_the_rows(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(muttering, other=prefers_first(0.5)))
    cand = [f"cand{' mute' * (i % 7 == 3)} q={q}" for i, q in enumerate(drawn(30, 2, 0.2))]
    runs = [graded(tmp_path / "base", drawn(30, 1)), open_run(tmp_path / "cand", cand)]
    found = judged(server, runs, tmp_path / "out", judge="test-model|other")
    lines = lines_of(tmp_path / "out")
    promised = {"task", "language", "doc_id", "baseline", "candidate", "judge", "orders", "verdict"}
    assert all(promised <= set(line) for line in lines)
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
    rows = {"test-model|other": found.rows, **found.by_judge}
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


def test_tokens_and_cost_are_counted(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(by_quality))
    runs = [graded(tmp_path / "base", drawn(4, 1)), graded(tmp_path / "cand", drawn(4, 2))]
    said: list[str] = []
    who = {"judge_args": {"price_in": 500_000, "price_out": 1_000_000, "budget": 1_000_000}}
    found = judged(server, runs, who=who, say=said.append).judging
    asked = sum(len(prompt_text(call.body).split()) for call in server.calls)
    assert (found.prompt_tokens, found.completion_tokens) == (asked, 8 * 6)
    assert found.cost == pytest.approx(asked / 2 + 8 * 6)
    assert len(said) == 1 and said[0].startswith("budget: ")


# Scales, repeats


def test_five_steps_are_worth_what_they_say(tmp_path: Path, openai_server: Serve):
    def by_gap(a: str, b: str, luck: random.Random) -> str:
        gap = quality(a) - quality(b)
        sign = ">>" if abs(gap) > 1 else ">"
        return "A=B" if gap == 0 else f"A{sign}B" if gap > 0 else f"B{sign}A"

    runs = [graded(tmp_path / "base", [2] * 5), graded(tmp_path / "cand", [4, 3, 2, 1, 0])]
    (row,) = judged(openai_server(judging(by_gap)), runs, tmp_path / "out", who={"scale": 5}).rows
    assert [line["score"] for line in lines_of(tmp_path / "out")] == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert (row.candidate_value, row.wins, row.ties, row.losses) == (0.5, 2, 1, 2)
    assert row.position_consistency == 1.0


def test_of_five_steps_orders_that_differ_in_strength_meet_half_way_and_in_the_winner_are_a_tie(
    tmp_path: Path, openai_server: Serve
):
    """By what stands first: much better there, a little better in the second place; or the winner changes places."""

    def by_place(a: str, b: str, luck: random.Random) -> str:
        if "split" in a + b:
            return "A>>B" if "cand" in a else "A>B"
        return "A>>B" if "cand" in a else "B>A"

    runs = [
        open_run(tmp_path / "base", ["base", "base split"]),
        open_run(tmp_path / "cand", ["cand", "cand split"]),
    ]
    found = judged(openai_server(judging(by_place)), runs, tmp_path / "out", who={"scale": 5})
    assert [line["score"] for line in lines_of(tmp_path / "out")] == [0.875, 0.5]
    assert found.rows[0].position_consistency == 0.5


def hesitant(right: float) -> Taste:
    """By quality, but with probability 1 - `right` the other way round, anew for every reply."""

    def taste(a: str, b: str, luck: random.Random) -> str:
        better = by_quality(a, b, luck)
        return better if luck.random() < right else {"A": "B", "B": "A"}[better]

    return taste


def test_repeats_tell_how_often_a_judge_agrees_with_itself_and_how_much_of_the_error_is_its_own(
    tmp_path: Path, openai_server: Serve
):
    """A judge who is right in 4 of 5 replies: a repeat is right in 0.64, wrong in 0.04, a tie in 0.32 of all pairs."""
    server = openai_server(judging(hesitant(0.8)))
    runs = [graded(tmp_path / "base", [1] * 120), graded(tmp_path / "cand", [2] * 120)]
    found = judged(server, runs, tmp_path / "out", who={"repeats": 3})
    assert len({call.body["seed"] for call in server.calls}) == 3
    assert all(call.body["temperature"] > 0 for call in server.calls)
    (report,) = found.judging.judges
    assert report.retest_agreement == pytest.approx(0.64**2 + 0.32**2 + 0.04**2, abs=0.12)
    assert report.noise == pytest.approx((0.08 / 3 / 120) ** 0.5, rel=0.2)
    assert found.rows[0].candidate_value == pytest.approx(0.8, abs=0.05)
    agreed, variances = [], []
    for line in lines_of(tmp_path / "out"):
        values = []
        for repeat in range(3):
            said = [order["score"] for order in line["orders"] if order["repeat"] == repeat]
            values.append(said[0] if said[0] == said[1] else 0.5)
        mean = sum(values) / 3
        assert line["score"] == pytest.approx(mean)
        agreed += [one == other for one, other in itertools.combinations(values, 2)]
        variances.append(sum((value - mean) ** 2 for value in values) / 2 / 3)
    assert report.retest_agreement == pytest.approx(sum(agreed) / len(agreed))
    assert report.noise == pytest.approx(sum(variances) ** 0.5 / 120)


def test_a_judge_who_never_changes_its_mind_has_no_noise(tmp_path: Path, openai_server: Serve):
    runs = [graded(tmp_path / "base", [1, 2, 3]), graded(tmp_path / "cand", [3, 2.5, 1])]
    server = openai_server(judging(by_quality))
    (report,) = judged(server, runs, who={"repeats": 2}).judging.judges
    assert (report.retest_agreement, report.noise) == (1.0, 0.0)
    (report,) = judged(server, runs).judging.judges
    assert (report.retest_agreement, report.noise) == (None, None)


def test_repeats_at_temperature_0_would_only_repeat(tmp_path: Path, openai_server: Serve):
    runs = [graded(tmp_path / "base", [1]), graded(tmp_path / "cand", [3])]
    server = openai_server(judging(by_quality))
    with pytest.raises(ConfigError, match="--judge_repeats needs a temperature above 0"):
        judged(server, runs, who={"repeats": 2, "judge_args": {"temperature": 0}})
    assert server.calls == ()


def said_of(scores: Sequence[Sequence[float | None]], equal: int = 0) -> list[Verdict]:
    """Verdicts from the scores of repeats in one order, and some on equal answers."""
    found = []
    for number, repeats in enumerate(scores):
        orders = tuple(
            Order("baseline", "tie", "", score, repeat=place) for place, score in enumerate(repeats)
        )
        known = [score for score in repeats if score is not None]
        mean = sum(known) / len(known) if known else None
        found.append(Verdict("t", None, number, str(number), "b", "c", "j", "tie", mean, orders))
    return found + [Verdict("t", None, 99, str(n), "b", "c", "j", "tie", 0.5, ()) for n in range(equal)]


def test_noise_is_of_the_pairs_that_count():
    """Equal answers have none, pairs without a verdict are not in the win rate; a lone repeat is as noisy as the rest."""
    variance = 0.5 / 2  # of 1 and 0, over two repeats
    assert judge_report("j", said_of([(1, 0)] * 4)).noise == pytest.approx((4 * variance) ** 0.5 / 4)
    assert judge_report("j", said_of([(1, 0)] * 4, equal=4)).noise == pytest.approx((4 * variance) ** 0.5 / 8)
    assert judge_report("j", said_of([(1, 0)] * 4 + [(None, None)] * 3)).noise == pytest.approx(
        (4 * variance) ** 0.5 / 4
    )
    assert judge_report("j", said_of([(1, 0), (1, None)])).noise == pytest.approx((2 * variance) ** 0.5 / 2)
    assert judge_report("j", said_of([(None, 1)])).noise is None


# Panels


def told(name: str) -> Taste:
    """A judge who does as the candidate's answer says: `a:w` has the judge `a` call it the winner, x is unreadable."""

    def taste(a: str, b: str, luck: random.Random) -> str:
        first = f"{name}:" in a
        said = (a if first else b).split(f"{name}:")[1][0]
        return {"w": "A" if first else "B", "l": "B" if first else "A", "t": "C", "x": "?"}[said]

    return taste


def panel_runs(tmp_path: Path, votes: Sequence[Mapping[str, str]]) -> list[Path]:
    """What each judge is to say of each pair."""
    told_by = [" ".join(f"{judge}:{vote}" for judge, vote in each.items()) for each in votes]
    return [open_run(tmp_path / "base", ["base"] * len(votes)), open_run(tmp_path / "cand", told_by)]


def test_a_strict_majority_of_the_configured_judges_decides_in_whatever_order_they_are_named(
    tmp_path: Path, openai_server: Serve
):
    """All 64 combinations: two of three must agree, whoever of them could be read, or there is no verdict."""
    votes = [
        dict(zip("abc", combination, strict=True)) for combination in itertools.product("wltx", repeat=3)
    ]
    runs = panel_runs(tmp_path, votes)
    server = openai_server(judging(always_first, a=told("a"), b=told("b"), c=told("c")))
    expected = []
    for vote in votes:
        majority = [said for said in "wlt" if list(vote.values()).count(said) >= 2]
        expected.append({"w": "win", "l": "loss", "t": "tie"}[majority[0]] if majority else "invalid")
    rows = []
    for order in itertools.permutations("abc"):
        name = "|".join(order)
        found = judged(server, runs, tmp_path / "out", judge=name)
        lines = [line for line in lines_of(tmp_path / "out") if line["judge"] == name]
        assert [line["verdict"] for line in lines] == expected
        rows.append([(row.n, row.win_rate, row.p_value, row.ci_low, row.invalid) for row in found.rows])
    assert all(row == rows[0] for row in rows)
    assert rows[0][0][0] == 64 - expected.count("invalid") and rows[0][0][1] == 0.5


def test_of_two_judges_both_must_agree_and_of_four_three(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(always_first, a=told("a"), b=told("b"), c=told("c"), d=told("d")))
    votes = [
        dict(zip("abcd", each, strict=True))
        for each in ("wwll", "wwwl", "wlww", "wtww", "lltx", "wwxx", "wwwx")
    ]
    runs = panel_runs(tmp_path, votes)
    for judge, expected in (
        ("a|b", ["win", "win", "invalid", "invalid", "loss", "win", "win"]),
        ("a|b|c|d", ["invalid", "win", "win", "win", "invalid", "invalid", "win"]),
    ):
        judged(server, runs, tmp_path / "out", judge=judge)
        assert [line["verdict"] for line in lines_of(tmp_path / "out") if line["judge"] == judge] == expected


def test_the_agreement_of_two_judges_is_cohens_kappa(tmp_path: Path, openai_server: Serve):
    """The textbook's table: 20 both win, 5 and 10 differ, 15 both lose. Of 50: 0.7 observed, 0.5 by chance, kappa 0.4."""
    server = openai_server(judging(always_first, a=told("a"), b=told("b")))
    pairs = ["ww"] * 20 + ["wl"] * 5 + ["lw"] * 10 + ["ll"] * 15
    runs = panel_runs(tmp_path, [{"a": one, "b": other} for one, other in pairs])
    found = judged(server, runs, judge="a|b")
    agreement = found.judging.agreement
    assert agreement.items == 50 and agreement.share == pytest.approx(0.7)
    assert agreement.cohen == pytest.approx(0.4)
    assert agreement.fleiss == pytest.approx(
        (0.7 - 0.505) / (1 - 0.505)
    )  # wins are 55 of 100: 0.55**2 + 0.45**2
    (row,) = found.rows
    assert (row.n, row.wins, row.losses, row.invalid) == (35, 20, 15, 0.3)
    assert [found.by_judge[name][0].wins for name in "ab"] == [25, 30]


def test_unreadable_verdicts_are_no_disagreement(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(always_first, a=told("a"), b=told("b")))
    pairs = ["ww", "ll", "wx", "xx", "xl", "wl"]
    runs = panel_runs(tmp_path, [{"a": one, "b": other} for one, other in pairs])
    agreement = judged(server, runs, judge="a|b").judging.agreement
    assert (agreement.items, agreement.share) == (3, pytest.approx(2 / 3))


def test_each_judge_of_a_panel_has_rows_and_a_report_of_its_own(tmp_path: Path, openai_server: Serve):
    """Also its own consistency: the panel's is over all judges' orders."""
    server = openai_server(judging(by_quality, fickle=always_first))
    runs = [graded(tmp_path / "base", [1, 1, 1, 3, 2]), graded(tmp_path / "cand", [2, 2, 2, 2, 2])]
    found = judged(server, runs, judge="test-model|fickle")
    own = {name: rows[0] for name, rows in found.by_judge.items()}
    assert {name: (row.win_rate, row.position_consistency) for name, row in own.items()} == {
        "test-model": (0.7, 1.0),
        "fickle": (0.5, 0.0),
    }
    assert {report.name: report.position_consistency for report in found.judging.judges} == {
        "test-model": 1,
        "fickle": 0,
    }
    (row,) = found.rows
    assert (row.n, row.ties, row.position_consistency) == (1, 1, 0.5)


# Languages


def two_languages(folder: Path, french: Sequence[float], german: Sequence[float]) -> Path:
    samples = {
        f"open_{language}": open_samples(
            [f"{folder.name} {language} q={q}" for q in qualities],
            prompt=[f"{language} {number}?" for number in range(len(qualities))],
        )
        for language, qualities in (("fr", french), ("de", german))
    }
    return write_run(folder, samples)


def test_each_language_has_a_row_and_all_have_one(tmp_path: Path, openai_server: Serve):
    """Of all languages it is the mean of the languages; one question in two of them is one cluster."""
    server = openai_server(judging(by_quality))
    runs = [
        two_languages(tmp_path / "base", [2] * 4, [2] * 4),
        two_languages(tmp_path / "cand", [3, 3, 3, 1], [1, 1, 2, 3]),
    ]
    found = judged(server, runs, tmp_path / "out")
    rows = {row.language: row for row in found.rows}
    assert list(rows) == ["fr", "de", "all"]
    assert {language: (row.n, row.win_rate) for language, row in rows.items()} == {
        "fr": (4, 0.75), "de": (4, 0.375), "all": (8, 0.5625),
    }  # fmt: skip
    assert rows["all"].clusters == 4 and rows["all"].position_consistency == 1.0
    asked = [prompt_text(call.body) for call in server.calls]
    for language, name in (("fr", "French"), ("de", "German")):
        assert all(
            ("native speaker of " + name in prompt) == (f"\n{language} " in prompt) for prompt in asked
        )
    assert {(line["task"], line["language"]) for line in lines_of(tmp_path / "out")} == {
        ("open_fr", "fr"),
        ("open_de", "de"),
    }


def test_the_shares_of_a_language_are_its_own(tmp_path: Path, openai_server: Serve):
    server = openai_server(
        judging(
            lambda a, b, luck: "?" if " fr q=3" in a + b else "A" if " de " in a else by_quality(a, b, luck)
        )
    )
    runs = [
        two_languages(tmp_path / "base", [2] * 4, [2] * 4),
        two_languages(tmp_path / "cand", [3, 1, 1, 1], [1, 1, 2, 3]),
    ]
    rows = judged(server, runs).rows
    shares = {row.language: (row.n, row.invalid, row.position_consistency) for row in rows}
    assert shares == {"fr": (3, 0.25, 1.0), "de": (4, 0.0, 0.0), "all": (7, 0.125, 3 / 7)}
    values = {row.language: row.candidate_value for row in rows}
    assert values == {"fr": 0.0, "de": 0.5, "all": 0.25}, "each language counts alike: not 2 / 7"


# Against a third system


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
def test_each_run_gets_its_win_rate_against_an_opponent_and_the_difference_is_paired(
    tmp_path: Path, openai_server: Serve, identity, answered
):
    """By hand: the baseline scores 0, 1, 1/2, 0 and the candidate 1, 1, 1/2, 0. Lines may come in any order."""
    runs = [graded(tmp_path / "base", [1, 6, 5, 2]), graded(tmp_path / "cand", [6, 7, 5, 1])]
    file = opponent(tmp_path, [{**identity(n), **answered(f"third {n} q=5")} for n in (2, 0, 3, 1)])
    server = openai_server(judging(by_quality))
    found = judged(server, runs, tmp_path / "out", opponent=file)
    assert len(server.calls) == 2 * 2 * 4
    asked = [prompt_text(call.body) for call in server.calls]
    assert all(
        sum(f"\nQuestion {n}?\n--- end of request" in prompt for prompt in asked) == 4 for n in range(4)
    )
    (row,) = found.rows
    assert (row.baseline, row.candidate, row.n) == ("base", "cand", 4)
    assert (row.baseline_value, row.candidate_value, row.delta) == (0.375, 0.625, 0.25)
    assert (row.wins, row.ties, row.losses) == (1, 3, 0)
    assert found.judging.opponent == "third" and [run.name for run in found.runs] == ["base", "cand"]
    lines = lines_of(tmp_path / "out")
    assert [(line["baseline"], line["candidate"], line["score"]) for line in lines] == [
        *(("third", "base", score) for score in (0.0, 1.0, 0.5, 0.0)),
        *(("third", "cand", score) for score in (1.0, 1.0, 0.5, 0.0)),
    ]
    assert [system.name for system in found.judging.strengths] == ["cand", "third", "base"]


def test_white_space_around_a_prompt_is_no_difference(tmp_path: Path, openai_server: Serve):
    runs = [
        open_run(tmp_path / name, [f"{name} q={q}"], prompt=[" Why?\n"])
        for name, q in (("base", 1), ("cand", 3))
    ]
    file = opponent(tmp_path, [{"prompt": "Why?", "answer": "q=2"}])
    assert judged(openai_server(judging(by_quality)), runs, opponent=file).rows[0].delta == 1.0


def test_an_item_that_lacks_one_of_the_two_verdicts_is_not_compared(tmp_path: Path, openai_server: Serve):
    """Only prompts that both are scored on."""
    runs = [
        open_run(tmp_path / "base", ["b q=1", "b q=6 mute", "b q=6"]),
        open_run(tmp_path / "cand", ["c q=9", "c q=1", "c q=2"]),
    ]
    file = opponent(tmp_path, [{"id": f"q{n}", "answer": f"third {n} q=5"} for n in range(3)])
    (row,) = judged(openai_server(judging(muttering)), runs, opponent=file).rows
    assert (row.n, row.baseline_value, row.candidate_value) == (2, 0.5, 0.5)
    assert row.invalid == pytest.approx(1 / 6)


def test_missing_answers_of_an_opponent_are_counted(tmp_path: Path, openai_server: Serve):
    runs = [graded(tmp_path / "base", [1, 6, 5, 2]), graded(tmp_path / "cand", [6, 7, 5, 1])]
    file = opponent(tmp_path, [{"id": f"q{n}", "answer": "q=5"} for n in (0, 3, 17)])
    server = openai_server(judging(by_quality))
    with pytest.raises(
        ConfigError,
        match=r"no answer to 2 of 4 documents \(by 'id'; the first is document 1 of open_en\).*--allow_partial",
    ):
        judged(server, runs, opponent=file)
    assert server.calls == ()
    found = judged(server, runs, opponent=file, statistics=CompareSettings(allow_partial=True))
    assert found.rows[0].n == 2 and any("no answer to 2 of 4" in note for note in found.notes)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "holds no answers"),
        ([{"id": "q0"}], "line 1 has no answer under answer, output"),
        ([{"name": "q0", "answer": "x"}], "cannot be matched to the runs' documents: it has answer, name"),
        (["q0"], "line 1 is not a JSON object"),
        ([{"id": "zzz", "answer": "x"}], "no answer to 1 of 1 documents"),
        ([{"id": "q0", "answer": "x"}, {"id": "q0", "answer": "y"}], r"line 2 has another answer to the same document \(id q0\)"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_opponents_file_is_said(tmp_path: Path, openai_server: Serve, lines, said):
    runs = [graded(tmp_path / "base", [1]), graded(tmp_path / "cand", [6])]
    server = openai_server(judging(by_quality))
    with pytest.raises(ConfigError, match=said) as error:
        judged(server, runs, opponent=opponent(tmp_path, lines))
    assert "third.jsonl" in str(error.value) and server.calls == ()


@pytest.mark.parametrize("identity", ["id", "doc_id"])
def test_one_answer_is_not_taken_for_two_prompts(tmp_path: Path, openai_server: Serve, identity: str):
    """Tasks in several languages often have the same ids; an English answer is no opponent of a French one."""
    runs = [
        two_languages(tmp_path / "base", [1, 1], [1, 1]),
        two_languages(tmp_path / "cand", [3, 3], [1, 3]),
    ]
    server = openai_server(judging(by_quality))
    plain = [{identity: f"q{n}" if identity == "id" else n, "answer": "q=2"} for n in range(2)]
    with pytest.raises(
        ConfigError, match=f"one answer with {identity} .* several prompts .* 'task' or 'language'"
    ):
        judged(server, runs, opponent=opponent(tmp_path, plain))
    assert server.calls == ()
    for field, french, german in (("language", "fr", "de"), ("task", "open_fr", "open_de")):
        named = [
            {**line, field: value, "answer": f"{value} q={q}"}
            for value, q in ((french, 2), (german, 4))
            for line in plain
        ]
        found = judged(server, runs, opponent=opponent(tmp_path, named))
        assert [(row.language, row.candidate_value) for row in found.rows] == [
            ("fr", 1.0),
            ("de", 0.0),
            ("all", 0.5),
        ]


def test_an_opponent_that_is_called_like_a_run_gets_a_name_of_its_own(tmp_path: Path, openai_server: Serve):
    runs = [graded(tmp_path / "base", [1, 2]), graded(tmp_path / "cand", [6, 2])]
    file = opponent(tmp_path, [{"id": f"q{n}", "answer": f"third q={n}"} for n in range(2)], "cand.jsonl")
    found = judged(openai_server(judging(by_quality)), runs, opponent=file)
    assert found.judging.opponent == "cand (opponent)" and found.rows[0].candidate == "cand"


# Several systems


def test_every_pair_is_judged_where_that_is_asked_for_and_strengths_rank_the_systems(
    tmp_path: Path, openai_server: Serve
):
    server = openai_server(judging(hesitant(0.75)))
    runs = [
        graded(tmp_path / name, drawn(40, seed, shift))
        for name, seed, shift in (("mid", 1, 0.5), ("low", 2, 0.0), ("top", 3, 1.1))
    ]
    found = judged(server, runs, tmp_path / "all", every_pair=True)
    matches = [("mid", "low"), ("mid", "top"), ("low", "top")]
    assert [(row.baseline, row.candidate) for row in found.rows] == matches
    assert len(server.calls) == 3 * 2 * 40
    assert [(system.name, system.rank) for system in found.judging.strengths] == [
        ("top", 1),
        ("mid", 2),
        ("low", 3),
    ]
    assert sum(system.strength for system in found.judging.strengths) == pytest.approx(0, abs=1e-6)
    calls = len(server.calls)
    star = judged(server, runs, tmp_path / "star")
    assert [(row.baseline, row.candidate) for row in star.rows] == matches[:2] and len(server.calls) == calls
    assert [row.win_rate for row in star.rows] == [row.win_rate for row in found.rows[:2]]
    pair = judged(server, runs[:2])
    assert pair.judging.strengths == ()


def test_one_run_alone_has_nobody_to_be_judged_against(tmp_path: Path, openai_server: Serve):
    with pytest.raises(ConfigError, match="two runs or more, the baseline first"):
        judged(openai_server(judging(by_quality)), [graded(tmp_path / "base", [1])])


# Stopping early

FEW_AT_A_TIME = {"judge_args": {"concurrency": 8}}


def test_a_sequential_judging_stops_at_a_strong_difference_and_says_how_much_it_saved(
    tmp_path: Path, openai_server: Serve
):
    server = openai_server(judging(hesitant(0.95)))
    runs = [graded(tmp_path / "base", drawn(300, 1)), graded(tmp_path / "cand", drawn(300, 2, 2.0))]
    found = judged(server, runs, tmp_path / "out", who=FEW_AT_A_TIME, sequential=True)
    (stopped,) = found.judging.sequential
    assert stopped.decided and (stopped.planned, stopped.baseline, stopped.candidate) == (300, "base", "cand")
    assert len(lines_of(tmp_path / "out")) == stopped.judged == len(server.calls) / 2 < 100
    (row,) = found.rows
    assert row.test == "sequential" and row.significant and row.p_value <= 0.05
    assert row.win_rate_low > 0.5 and row.ci_low > 0 and row.n == stopped.judged
    assert row.ci_low == pytest.approx(2 * row.win_rate_low - 1)


def test_where_there_is_no_difference_it_judges_all_and_decides_nothing(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(prefers_first(0.5)))
    runs = [graded(tmp_path / "base", drawn(120, 1)), graded(tmp_path / "cand", drawn(120, 2))]
    found = judged(server, runs, who=FEW_AT_A_TIME, sequential=True)
    (stopped,) = found.judging.sequential
    assert (stopped.decided, stopped.judged, stopped.planned) == (False, 120, 120)
    (row,) = found.rows
    assert not row.significant and row.win_rate_low < 0.5 < row.win_rate_high


def test_unreadable_pairs_are_not_saved(tmp_path: Path, openai_server: Serve):
    """They were asked about, and paid for."""
    texts = [f"cand{' mute' * (n % 2)} q={q}" for n, q in enumerate(drawn(20, 2))]
    runs = [graded(tmp_path / "base", drawn(20, 1)), open_run(tmp_path / "cand", texts)]
    found = judged(openai_server(judging(muttering)), runs, who=FEW_AT_A_TIME, sequential=True)
    (stopped,) = found.judging.sequential
    assert (stopped.judged, stopped.planned, found.rows[0].n) == (20, 20, 10)


def test_against_an_opponent_it_stops_when_the_difference_is_known(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(by_quality))
    runs = [
        graded(tmp_path / "base", [1] * 200),
        graded(tmp_path / "cand", [3] * 200),
        graded(tmp_path / "twin", [1.5] * 200),
    ]
    file = opponent(tmp_path, [{"id": f"q{n}", "answer": f"third {n} q=2"} for n in range(200)])
    found = judged(server, runs, who=FEW_AT_A_TIME, sequential=True, opponent=file)
    cand, twin = found.judging.sequential
    assert (cand.baseline, cand.candidate, cand.decided) == ("base", "cand", True) and cand.judged < 60
    assert (twin.candidate, twin.decided, twin.judged, twin.planned) == ("twin", False, 200, 200)
    assert [(row.significant, row.n) for row in found.rows] == [(True, cand.judged), (False, 200)]


def test_the_order_of_judging_is_the_seeds_and_the_verdicts_are_those_of_a_whole_judging(
    tmp_path: Path, openai_server: Serve
):
    server = openai_server(judging(hesitant(0.9)))
    runs = [graded(tmp_path / "base", drawn(80, 1)), graded(tmp_path / "cand", drawn(80, 2, 2.0))]
    judged(server, runs, tmp_path / "early", who=FEW_AT_A_TIME, sequential=True)
    judged(server, runs, tmp_path / "again", who=FEW_AT_A_TIME, sequential=True)
    judged(server, runs, tmp_path / "all")
    early, everything = (
        lines_of(tmp_path / "early"),
        {line["doc_id"]: line for line in lines_of(tmp_path / "all")},
    )
    assert early == lines_of(tmp_path / "again")
    assert len(early) < 80 and [line["doc_id"] for line in early] != sorted(line["doc_id"] for line in early)
    assert all(everything[line["doc_id"]] == line for line in early)


# Relatives


def test_a_judge_of_the_same_maker_as_a_run_is_said_to_be(tmp_path: Path, openai_server: Serve):
    server = openai_server(judging(by_quality, **{"google/gemma-3-27b-it": by_quality}))
    runs = [graded(tmp_path / "base", [1, 2]), graded(tmp_path / "cand", [2, 1])]
    results = next((tmp_path / "cand").rglob("results_*.json"))
    results.write_text(
        results.read_text().replace('"model_name": "dummy"', '"model_name": "gemini/gemini-2.5-flash"')
    )
    found = judged(server, runs, judge="google/gemma-3-27b-it")
    (note,) = [note for note in found.notes if "maker" in note]
    assert "google/gemma-3-27b-it" in note and "cand" in note and "Google" in note and "base" not in note
    assert not any("maker" in note for note in judged(server, runs).notes)


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("openai/gpt-4o-mini", "OpenAI"), ("o3-mini", "OpenAI"), ("anthropic/claude-sonnet-4", "Anthropic"),
        ("embedded", "Google"), ("gguf:/models/gemma-3-270m.gguf", "Google"), ("meta-llama/Llama-3.3-70B", "Meta"),
        ("ollama/qwen2.5:7b", "Alibaba"), ("mistralai/Mixtral-8x7B", "Mistral"), ("CohereLabs/aya-expanse-8b", "Cohere"),
        ("deepseek-ai/DeepSeek-V3", "DeepSeek"), ("moonshotai/Kimi-K2", "Moonshot"), ("THUDM/chatglm3-6b", "Zhipu"),
        ("microsoft/Phi-4", "Microsoft"), ("fusion|n:5|pool:qwen-a+qwen-b|fusor:qwen-c", "Alibaba"),
    ],
)  # fmt: skip
def test_makers_are_known_by_the_names_of_their_models(name: str, maker: str):
    assert makers(name) == {maker}


@pytest.mark.parametrize(
    "name",
    [
        "dummy",
        "test-model",
        "fusion|n:5|prompt:c6fe9ee0|v:0.1.0",
        "o365",
        "graphite",
        "",
        "EleutherAI/pythia-70m",
    ],
)
def test_other_names_are_nobodys(name: str):
    assert makers(name) == set()
