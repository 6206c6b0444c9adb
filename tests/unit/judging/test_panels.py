"""Graded scales, repeats, panels of judges, and judges from the same provider as a run."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from local_judge import (
    Rule,
    ServerStart,
    always_first,
    by_quality,
    judge_folders,
    judge_server,
    often_right,
    open_run,
    quality,
    run_of_qualities,
    verdict_lines,
)

from fusion_eval.errors import ConfigError
from fusion_eval.judging.reliability import judge_report
from fusion_eval.judging.self_preference import providers_of
from fusion_eval.runs.verdicts import Judgement, Verdict

# Scales and repeats


def test_the_five_steps_score_1_to_0(tmp_path: Path, openai_server: ServerStart):
    def by_gap(a: str, b: str, luck: random.Random) -> str:
        gap = quality(a) - quality(b)
        sign = ">>" if abs(gap) > 1 else ">"
        return "A=B" if gap == 0 else f"A{sign}B" if gap > 0 else f"B{sign}A"

    runs = [
        run_of_qualities(tmp_path / "base", [2] * 5),
        run_of_qualities(tmp_path / "cand", [4, 3, 2, 1, 0]),
    ]
    (row,) = judge_folders(
        openai_server(judge_server(by_gap)), runs, tmp_path / "out", options={"scale": 5}
    ).rows
    assert [line["score"] for line in verdict_lines(tmp_path / "out")] == [1.0, 0.75, 0.5, 0.25, 0.0]
    assert (row.candidate_value, row.wins, row.ties, row.losses) == (0.5, 2, 1, 2)
    assert row.position_consistency == 1.0


def test_with_five_steps_two_orders_are_averaged_and_are_a_tie_if_they_disagree_on_the_winner(
    tmp_path: Path, openai_server: ServerStart
):
    # given orders that differ in strength for the first pair, and in the winner for the second
    def by_place(a: str, b: str, luck: random.Random) -> str:
        if "split" in a + b:
            return "A>>B" if "cand" in a else "A>B"
        return "A>>B" if "cand" in a else "B>A"

    runs = [
        open_run(tmp_path / "base", ["base", "base split"]),
        open_run(tmp_path / "cand", ["cand", "cand split"]),
    ]
    comparison = judge_folders(
        openai_server(judge_server(by_place)), runs, tmp_path / "out", options={"scale": 5}
    )
    assert [line["score"] for line in verdict_lines(tmp_path / "out")] == [0.875, 0.5]
    assert comparison.rows[0].position_consistency == 0.5


def test_repeats_measure_the_judges_agreement_with_itself_and_its_noise(
    tmp_path: Path, openai_server: ServerStart
):
    # given a judge that is right in 4 of 5 replies: a repeat is right in 0.64, wrong in 0.04 and a tie in 0.32 of all pairs
    server = openai_server(judge_server(often_right(0.8)))
    runs = [run_of_qualities(tmp_path / "base", [1] * 120), run_of_qualities(tmp_path / "cand", [2] * 120)]
    comparison = judge_folders(server, runs, tmp_path / "out", options={"repeats": 3})
    assert len({call.body["seed"] for call in server.calls}) == 3
    assert all(call.body["temperature"] > 0 for call in server.calls)
    (report,) = comparison.judging.judges
    assert report.retest_agreement == pytest.approx(0.64**2 + 0.32**2 + 0.04**2, abs=0.12)
    assert report.noise == pytest.approx((0.08 / 3 / 120) ** 0.5, rel=0.2)
    assert comparison.rows[0].candidate_value == pytest.approx(0.8, abs=0.05)
    agreed, variances = [], []
    for line in verdict_lines(tmp_path / "out"):
        values = []
        for repeat in range(3):
            scores = [order["score"] for order in line["orders"] if order["repeat"] == repeat]
            values.append(scores[0] if scores[0] == scores[1] else 0.5)
        mean = sum(values) / 3
        assert line["score"] == pytest.approx(mean)
        agreed += [one == other for one, other in itertools.combinations(values, 2)]
        variances.append(sum((value - mean) ** 2 for value in values) / 2 / 3)
    assert report.retest_agreement == pytest.approx(sum(agreed) / len(agreed))
    assert report.noise == pytest.approx(sum(variances) ** 0.5 / 120)


def test_a_judge_that_always_repeats_its_verdict_has_no_noise(tmp_path: Path, openai_server: ServerStart):
    runs = [run_of_qualities(tmp_path / "base", [1, 2, 3]), run_of_qualities(tmp_path / "cand", [3, 2.5, 1])]
    server = openai_server(judge_server(by_quality))
    (report,) = judge_folders(server, runs, options={"repeats": 2}).judging.judges
    assert (report.retest_agreement, report.noise) == (1.0, 0.0)
    (report,) = judge_folders(server, runs).judging.judges
    assert (report.retest_agreement, report.noise) == (None, None)


def test_repeats_at_temperature_0_are_an_error(tmp_path: Path, openai_server: ServerStart):
    runs = [run_of_qualities(tmp_path / "base", [1]), run_of_qualities(tmp_path / "cand", [3])]
    server = openai_server(judge_server(by_quality))
    with pytest.raises(ConfigError, match="--judge_repeats needs a temperature above 0"):
        judge_folders(server, runs, options={"repeats": 2, "judge_args": {"temperature": 0}})
    assert server.calls == ()


def verdicts_of(scores: Sequence[Sequence[float | None]], equal: int = 0) -> list[Verdict]:
    """Make verdicts from the scores of repeats in one order, and some on equal answers."""
    found = []
    for number, repeats in enumerate(scores):
        orders = tuple(
            Judgement("baseline", "tie", "", score, repeat=place) for place, score in enumerate(repeats)
        )
        known = [score for score in repeats if score is not None]
        mean = sum(known) / len(known) if known else None
        found.append(Verdict("t", None, number, str(number), "b", "c", "j", "tie", mean, orders))
    return found + [Verdict("t", None, 99, str(n), "b", "c", "j", "tie", 0.5, ()) for n in range(equal)]


def test_noise_covers_the_pairs_that_the_win_rate_covers():
    # given repeats of 1 and 0: their variance over two repeats
    variance = 0.5 / 2
    # then equal answers have no noise, invalid pairs do not count, and a lone repeat is as noisy as the others
    assert judge_report("j", verdicts_of([(1, 0)] * 4)).noise == pytest.approx((4 * variance) ** 0.5 / 4)
    assert judge_report("j", verdicts_of([(1, 0)] * 4, equal=4)).noise == pytest.approx(
        (4 * variance) ** 0.5 / 8
    )
    assert judge_report("j", verdicts_of([(1, 0)] * 4 + [(None, None)] * 3)).noise == pytest.approx(
        (4 * variance) ** 0.5 / 4
    )
    assert judge_report("j", verdicts_of([(1, 0), (1, None)])).noise == pytest.approx(
        (2 * variance) ** 0.5 / 2
    )
    assert judge_report("j", verdicts_of([(None, 1)])).noise is None


# Panels


def as_instructed(name: str) -> Rule:
    """Reply as the candidate's answer says: `a:w` makes the judge `a` name it the winner; x is unreadable."""

    def taste(a: str, b: str, luck: random.Random) -> str:
        first = f"{name}:" in a
        vote = (a if first else b).split(f"{name}:")[1][0]
        return {"w": "A" if first else "B", "l": "B" if first else "A", "t": "C", "x": "?"}[vote]

    return taste


def panel_runs(tmp_path: Path, votes: Sequence[Mapping[str, str]]) -> list[Path]:
    """Write two runs for which the judges vote like this, pair by pair."""
    answers = [" ".join(f"{judge}:{vote}" for judge, vote in each.items()) for each in votes]
    return [open_run(tmp_path / "base", ["base"] * len(votes)), open_run(tmp_path / "cand", answers)]


def test_a_strict_majority_of_all_judges_decides_whatever_their_order(
    tmp_path: Path, openai_server: ServerStart
):
    # given all 64 combinations of three votes, of which two must agree, whether or not the third can be read
    votes = [
        dict(zip("abc", combination, strict=True)) for combination in itertools.product("wltx", repeat=3)
    ]
    runs = panel_runs(tmp_path, votes)
    server = openai_server(
        judge_server(always_first, a=as_instructed("a"), b=as_instructed("b"), c=as_instructed("c"))
    )
    expected = []
    for vote in votes:
        majority = [label for label in "wlt" if list(vote.values()).count(label) >= 2]
        expected.append({"w": "win", "l": "loss", "t": "tie"}[majority[0]] if majority else "invalid")
    rows = []
    for order in itertools.permutations("abc"):
        name = "|".join(order)
        comparison = judge_folders(server, runs, tmp_path / "out", model=name)
        lines = [line for line in verdict_lines(tmp_path / "out") if line["judge"] == name]
        assert [line["verdict"] for line in lines] == expected
        rows.append([(row.n, row.win_rate, row.p_value, row.ci_low, row.invalid) for row in comparison.rows])
    assert all(row == rows[0] for row in rows)
    assert rows[0][0][0] == 64 - expected.count("invalid") and rows[0][0][1] == 0.5


def test_both_of_two_judges_and_three_of_four_must_agree(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(
        judge_server(
            always_first,
            a=as_instructed("a"),
            b=as_instructed("b"),
            c=as_instructed("c"),
            d=as_instructed("d"),
        )
    )
    votes = [
        dict(zip("abcd", each, strict=True))
        for each in ("wwll", "wwwl", "wlww", "wtww", "lltx", "wwxx", "wwwx")
    ]
    runs = panel_runs(tmp_path, votes)
    for judge, expected in (
        ("a|b", ["win", "win", "invalid", "invalid", "loss", "win", "win"]),
        ("a|b|c|d", ["invalid", "win", "win", "win", "invalid", "invalid", "win"]),
    ):
        judge_folders(server, runs, tmp_path / "out", model=judge)
        assert [
            line["verdict"] for line in verdict_lines(tmp_path / "out") if line["judge"] == judge
        ] == expected


def test_the_agreement_of_two_judges_is_cohens_kappa(tmp_path: Path, openai_server: ServerStart):
    # given the textbook table: 20 both win, 5 and 10 differ, 15 both lose: 0.7 observed, 0.5 by chance
    server = openai_server(judge_server(always_first, a=as_instructed("a"), b=as_instructed("b")))
    pairs = ["ww"] * 20 + ["wl"] * 5 + ["lw"] * 10 + ["ll"] * 15
    runs = panel_runs(tmp_path, [{"a": one, "b": other} for one, other in pairs])
    comparison = judge_folders(server, runs, model="a|b")
    agreement = comparison.judging.agreement
    assert agreement.items == 50 and agreement.share == pytest.approx(0.7)
    assert agreement.cohen == pytest.approx(0.4)
    assert agreement.fleiss == pytest.approx(
        (0.7 - 0.505) / (1 - 0.505)
    )  # wins are 55 of 100: 0.55**2 + 0.45**2
    (row,) = comparison.rows
    assert (row.n, row.wins, row.losses, row.invalid) == (35, 20, 15, 0.3)
    assert [comparison.by_judge[name][0].wins for name in "ab"] == [25, 30]


def test_invalid_verdicts_do_not_count_as_disagreement(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(always_first, a=as_instructed("a"), b=as_instructed("b")))
    pairs = ["ww", "ll", "wx", "xx", "xl", "wl"]
    runs = panel_runs(tmp_path, [{"a": one, "b": other} for one, other in pairs])
    agreement = judge_folders(server, runs, model="a|b").judging.agreement
    assert (agreement.items, agreement.share) == (3, pytest.approx(2 / 3))


def test_each_judge_of_a_panel_has_its_own_rows_and_report(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(by_quality, fickle=always_first))
    runs = [
        run_of_qualities(tmp_path / "base", [1, 1, 1, 3, 2]),
        run_of_qualities(tmp_path / "cand", [2, 2, 2, 2, 2]),
    ]
    comparison = judge_folders(server, runs, model="test-model|fickle")
    own = {name: rows[0] for name, rows in comparison.by_judge.items()}
    assert {name: (row.win_rate, row.position_consistency) for name, row in own.items()} == {
        "test-model": (0.7, 1.0),
        "fickle": (0.5, 0.0),
    }
    assert {report.name: report.position_consistency for report in comparison.judging.judges} == {
        "test-model": 1,
        "fickle": 0,
    }
    (row,) = comparison.rows
    assert (row.n, row.ties, row.position_consistency) == (1, 1, 0.5)


# Self-preference


def test_a_note_names_a_judge_and_a_run_from_the_same_provider(tmp_path: Path, openai_server: ServerStart):
    server = openai_server(judge_server(by_quality, **{"google/gemma-3-27b-it": by_quality}))
    runs = [run_of_qualities(tmp_path / "base", [1, 2]), run_of_qualities(tmp_path / "cand", [2, 1])]
    results = next((tmp_path / "cand").rglob("results_*.json"))
    results.write_text(
        results.read_text().replace('"model_name": "dummy"', '"model_name": "gemini/gemini-2.5-flash"')
    )
    comparison = judge_folders(server, runs, model="google/gemma-3-27b-it")
    (note,) = [note for note in comparison.notes if "provider" in note]
    assert "google/gemma-3-27b-it" in note and "cand" in note and "Google" in note and "base" not in note
    assert not any("provider" in note for note in judge_folders(server, runs).notes)


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("openai/gpt-4o-mini", "OpenAI"), ("o3-mini", "OpenAI"), ("anthropic/claude-sonnet-4", "Anthropic"),
        ("embedded", "Google"), ("gguf:/models/gemma-3-270m.gguf", "Google"), ("meta-llama/Llama-3.3-70B", "Meta"),
        ("ollama/qwen2.5:7b", "Alibaba"), ("mistralai/Mixtral-8x7B", "Mistral"), ("CohereLabs/aya-expanse-8b", "Cohere"),
        ("deepseek-ai/DeepSeek-V3", "DeepSeek"), ("moonshotai/Kimi-K2", "Moonshot"), ("THUDM/chatglm3-6b", "Zhipu"),
        ("microsoft/Phi-4", "Microsoft"), ("fusion|n:5|pool:qwen-a+qwen-b|fusor:qwen-c", "Alibaba"),
    ],
)  # fmt: skip
def test_a_provider_is_known_by_its_model_names(name: str, provider: str):
    assert providers_of(name) == {provider}


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
def test_other_names_have_no_provider(name: str):
    assert providers_of(name) == set()
