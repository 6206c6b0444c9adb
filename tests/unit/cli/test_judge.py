"""`fusion-eval judge`, and `--judge` on `compare` and `run`: what they print and write, and one sentence for a mistake."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local_judge import by_quality, judge_server, open_run
from openai_server import Plan, Server
from run_folders import samples, write_run

from fusion_eval.cli.main import main

Start = Callable[[Plan], Server]
N = 40


def answers(seed: int, shift: float) -> list[str]:
    luck = random.Random(seed)
    return [f"An answer, q={luck.random() + shift:.2f}" for _ in range(N)]


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    return [
        str(open_run(tmp_path / name, answers(seed, shift)))
        for seed, (name, shift) in enumerate([("base", 0.0), ("cand", 0.5), ("third", 0.1)])
    ]


@pytest.fixture
def judge(openai_server: Start, tmp_path: Path) -> tuple[Server, list[str]]:
    """(The server, the options that name it.)"""
    server = openai_server(judge_server(by_quality))
    store = f"cache={tmp_path / 'store.sqlite'}"
    return server, ["--judge", "test-model", "--judge_base_url", server.base_url, "--judge_args", store]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr, with exit code 2."""
    assert main(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1
    return said.err


def test_verdicts_become_win_rates_printed_and_written(
    runs: list[str], judge: tuple[Server, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server, options = judge
    out = tmp_path / "out"
    assert main(["judge", *runs[:2], *options, "--output", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "judge:helpfulness" in printed and "consistent" in printed and "sequential" not in printed
    (row,) = json.loads((out / "comparison.json").read_text())["rows"]
    verdicts = lines(out / "verdicts.jsonl")
    wins = sum(line["verdict"] == "win" for line in verdicts)
    assert (row["metric"], row["n"], row["wins"], row["invalid"], row["position_consistency"]) == (
        "judge:helpfulness", N, wins, 0.0, 1.0,
    )  # fmt: skip
    assert row["significant"] and row["delta"] == pytest.approx(2 * row["win_rate"] - 1)
    assert {"task", "language", "doc_id", "baseline", "candidate", "judge", "orders", "verdict"} <= set(
        verdicts[0]
    )
    assert [order["first"] for order in verdicts[0]["orders"]] == ["baseline", "candidate"]
    # A second time nobody is asked, and the files are the same.
    made, before = len(server.calls), (out / "comparison.json").read_bytes()
    assert main(["judge", *runs[:2], *options, "--output", str(out)]) == 0
    assert len(server.calls) == made == 2 * N
    assert (out / "comparison.json").read_bytes() == before


def test_a_dry_run_prices_the_job_and_asks_nobody(
    runs: list[str], judge: tuple[Server, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    server, options = judge
    options = [*options[:-1], options[-1] + ",price_in=1,price_out=2,max_tokens=100"]
    assert main(["judge", *runs, *options, "--dry_run"]) == 0
    said = capsys.readouterr().out
    assert not server.calls
    assert f"{4 * N}" in said and f"{2 * N} pairs of answers" in said and "$" in said


def test_a_budget_keeps_what_is_judged_and_says_how_to_go_on(
    runs: list[str], judge: tuple[Server, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    server, options = judge
    paid = options[-1] + ",price_in=1,price_out=1,max_tokens=20,concurrency=1,budget={}"
    assert main(["judge", *runs[:2], *options[:-1], paid.format(0.01)]) == 2
    assert "the same command with a larger budget=" in capsys.readouterr().err
    made = len(server.calls)
    assert 0 < made < 2 * N
    assert main(["judge", *runs[:2], *options[:-1], paid.format(10)]) == 0
    assert len(server.calls) == 2 * N


@pytest.mark.parametrize("format", ["table", "md", "json", "csv"])
def test_every_format_shows_three_runs_with_their_strengths(
    runs: list[str], judge: tuple[Server, list[str]], capsys: pytest.CaptureFixture[str], format: str
) -> None:
    assert main(["judge", *runs, *judge[1], "--every_pair", "--format", format]) == 0
    said = capsys.readouterr().out
    assert said.count("judge:helpfulness") >= 3
    if format in ("table", "md"):
        assert "Bradley–Terry" in said and "baseline" in said
    if format == "json":
        strengths = json.loads(said)["judging"]["strengths"]
        assert [system["name"] for system in strengths] == ["cand", "third", "base"]


def test_a_judge_beside_metrics_is_one_comparison(
    runs: list[str], judge: tuple[Server, list[str]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert main(["compare", *runs[:2], *judge[1], "--output", str(out)]) == 0
    written = json.loads((out / "comparison.json").read_text())
    assert {row["metric"] for row in written["rows"]} == {"empty", "judge:helpfulness"}
    assert len(lines(out / "verdicts.jsonl")) == N
    # each is a family of tests of its own, which is said
    (judged,) = [row for row in written["rows"] if row["metric"] != "empty"]
    assert judged["p_adjusted"] == judged["p_value"]
    assert any("judge's rows separately" in note for note in written["notes"])


def test_a_run_can_end_with_a_judge(openai_server: Start, tmp_path: Path) -> None:
    model, judging_server = openai_server(Plan()), openai_server(judge_server(by_quality))
    out = tmp_path / "out"
    arguments = f"model=test-model,base_url={model.base_url},n=2,cache={tmp_path / 'a.sqlite'}"
    code = main(
        [
            "run", "--tasks", "fusion_open_fr", "--limit", "3", "--strategies", "single,fusion", "--output", str(out),
            "--model_args", arguments, "--judge", "test-model", "--judge_base_url", judging_server.base_url,
            "--judge_args", "cache=off",
        ]
    )  # fmt: skip
    assert code == 0
    written = json.loads((out / "comparison.json").read_text())
    assert [row["baseline"] for row in written["rows"] if row["metric"] == "judge:helpfulness"] == ["single"]
    assert len(lines(out / "verdicts.jsonl")) == 3


def test_human_verdicts_correct_a_judge(
    runs: list[str], judge: tuple[Server, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given humans who say the opposite of the judge on a quarter of the first twenty pairs
    out, gold = tmp_path / "out", tmp_path / "gold.jsonl"
    main(["judge", *runs[:2], *judge[1], "--output", str(out)])
    other = {"win": "loss", "loss": "win", "tie": "win"}
    labels = [
        {"doc_id": line["doc_id"], "verdict": other[line["verdict"]] if place % 4 == 0 else line["verdict"]}
        for place, line in enumerate(lines(out / "verdicts.jsonl")[:20])
    ]
    gold.write_text("\n".join(map(json.dumps, labels)), encoding="utf-8")
    assert main(["judge", *runs[:2], *judge[1], "--gold", str(gold), "--output", str(out)]) == 0
    (found,) = json.loads((out / "comparison.json").read_text())["judging"]["humans"]
    assert (found["labels"], found["agreement"]) == (20, 0.75)
    assert found["win_rate"] < found["judge_alone"]
    assert "labels alone" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--judge_prompt", "helpfulnes"], "Did you mean 'helpfulness'?"),
        (["--judge_args", "concurency=3"], "Did you mean 'concurrency'?"),
        (["--judge_args", "model=x"], "--judge and --judge_base_url name who judges"),
        (["--judge_args", "top_p=0.5"], "top_p= has no use here"),
        (["--judge_args", "budget=1,cache=off"], "budget= needs a price"),
        (["--opponent", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["--gold", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["--judge_repeats", "2", "--judge_args", "temperature=0,cache=off"], "needs a temperature above 0"),
        (["--cluster", "documnt"], "no such field"),
    ],
)
def test_a_mistake_is_one_sentence(
    runs: list[str],
    judge: tuple[Server, list[str]],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    given = judge[1] if "--judge_args" not in options else judge[1][:-2]
    assert said in refused(capsys, "judge", *runs[:2], *given, *options)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"doc_id": 1, "verdict": "better"}, "verdict 'better' is none of win, tie, loss"),
        ({"doc_id": 999, "verdict": "win"}, "line 1 fits none of the pairs to be judged"),
        ({"candidate": "cand", "verdict": "win"}, f"line 1 fits {N} of the pairs to be judged"),
        ({"verdict": "win"}, "line 1 is not a human verdict"),
        ("win", "line 1 is not a human verdict"),
    ],
)
def test_a_human_verdict_that_fits_no_pair_is_named(
    runs: list[str],
    judge: tuple[Server, list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    line: Any,
    said: str,
) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps(line), encoding="utf-8")
    assert said in refused(capsys, "judge", *runs[:2], *judge[1], "--gold", str(gold))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no answers"),
        ("not json", "line 1 is not a JSON object"),
        ('{"colour": "red"}', "cannot be matched to the runs' documents: it has colour"),
        ('{"id": "q1", "colour": "red"}', "line 1 has no answer under"),
        ('{"id": "q1", "answer": "hm"}', f"has no answer to {N - 1} of {N} documents"),
    ],
)
def test_an_opponent_that_does_not_fit_is_told(
    runs: list[str],
    judge: tuple[Server, list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: str,
    said: str,
) -> None:
    file = tmp_path / "opponent.jsonl"
    file.write_text(content, encoding="utf-8")
    error = refused(capsys, "judge", *runs[:2], *judge[1], "--opponent", str(file))
    assert said in error and not judge[0].calls


def test_runs_without_texts_have_nothing_to_judge(
    judge: tuple[Server, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = []
    for name in ("a", "b"):
        chosen = [one | {"resps": [[["-1.0", "False"]]]} for one in samples([0.0, 1.0])]
        folders.append(str(write_run(tmp_path / name, {"quiz": chosen})))
    assert "hold no generated answers to judge" in refused(capsys, "judge", *folders, *judge[1])


def test_one_run_is_not_enough_and_a_judge_has_to_be_named(
    runs: list[str], judge: tuple[Server, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "judge needs two runs or more" in refused(capsys, "judge", runs[0], *judge[1])
    with pytest.raises(SystemExit) as stopped:
        main(["judge", *runs])
    assert stopped.value.code == 2 and "--judge" in capsys.readouterr().err


def test_a_judge_that_gives_no_verdict_at_all_is_told_with_what_it_said(
    runs: list[str], openai_server: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    mute = openai_server(Plan(reply=lambda request, index: "Both have merits."))
    named = ["--judge", "test-model", "--judge_base_url", mute.base_url, "--judge_args", "cache=off"]
    error = refused(capsys, "judge", *runs[:2], *named)
    assert "None of 40 pairs has a verdict" in error and "Both have merits." in error


def test_expected_candidates_have_no_texts_to_judge(
    runs: list[str], judge: tuple[Server, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "leave one of them out" in refused(capsys, "compare", *runs, *judge[1], "--baseline", "expected")


def test_a_slip_in_the_judges_options_is_said_before_a_run_pays_for_anything(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = openai_server(Plan())
    given = [
        "run",
        "--tasks",
        "fusion_open_fr",
        "--limit",
        "1",
        "--output",
        str(tmp_path / "out"),
        "--judge",
        "x",
    ]
    arguments = ["--model_args", f"model=test-model,base_url={model.base_url},cache=off"]
    assert main([*given, *arguments, "--judge_prompt", "nosuch"]) == 2
    assert main([*given, *arguments, "--strategies", "single"]) == 2
    said = capsys.readouterr().err
    assert "--judge_prompt nosuch is none of" in said and "name at least two with --strategies" in said
    assert not model.calls


def test_a_judge_that_fails_leaves_what_the_metrics_say(
    runs: list[str], openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mute = openai_server(Plan(reply=lambda request, index: "Both have merits."))
    named = ["--judge", "test-model", "--judge_base_url", mute.base_url, "--judge_args", "cache=off"]
    assert main(["compare", *runs[:2], *named, "--output", str(tmp_path / "out")]) == 2
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [row["metric"] for row in written["rows"]] == ["empty"]


def test_human_verdicts_that_cannot_be_used_are_told_before_anybody_is_asked(
    runs: list[str], judge: tuple[Server, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judge", *runs[:2], *judge[1], "--gold", str(tmp_path / "nowhere.jsonl")]) == 2
    assert "nowhere.jsonl cannot be read" in capsys.readouterr().err and not judge[0].calls


def test_a_label_where_the_judge_could_not_be_read_counts_all_the_same(
    openai_server: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a judge that falls silent exactly where humans prefer the baseline
    def taste(a: str, b: str, luck: random.Random) -> str:
        return "?" if "odd" in a + b else by_quality(a, b, luck)

    server = openai_server(judge_server(taste))
    texts = [f"An answer {'odd ' * (n % 3 == 0)}q=2" for n in range(N)]
    folders = [str(open_run(tmp_path / "base", answers(0, 0.0))), str(open_run(tmp_path / "cand", texts))]
    gold = tmp_path / "gold.jsonl"
    labels = [{"doc_id": n, "verdict": "loss" if n % 3 == 0 else "win"} for n in range(30)]
    gold.write_text("\n".join(map(json.dumps, labels)), encoding="utf-8")
    named = ["--judge", "test-model", "--judge_base_url", server.base_url, "--judge_args", "cache=off"]
    assert main(["judge", *folders, *named, "--gold", str(gold), "--output", str(tmp_path / "out")]) == 0
    (found,) = json.loads((tmp_path / "out" / "comparison.json").read_text())["judging"]["humans"]
    assert (found["labels"], found["agreement"]) == (30, 1.0)
    assert 0.5 < found["win_rate"] < 0.8 and found["labels_alone"] == pytest.approx(20 / 30)


def test_two_names_of_one_model_are_no_panel(
    runs: list[str], judge: tuple[Server, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--judge", "test-model|openai/test-model", *judge[1][2:]]
    assert "are one model, called test-model" in refused(capsys, "judge", *runs[:2], *options)


def test_a_panel_whose_judge_is_mute_on_one_run_still_has_a_verdict(
    openai_server: Start, runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def mute(a: str, b: str, luck: random.Random) -> str:
        return "?" if luck.random() < 2 else "A"

    server = openai_server(judge_server(by_quality, y=by_quality, z=mute))
    file = tmp_path / "third.jsonl"
    file.write_text(
        "\n".join(json.dumps({"id": f"q{n}", "answer": f"third q={0.7}"}) for n in range(N)), encoding="utf-8"
    )
    named = ["--judge", "test-model|y|z", "--judge_base_url", server.base_url, "--judge_args", "cache=off"]
    assert main(["judge", *runs[:2], *named, "--opponent", str(file), "--output", str(tmp_path / "out")]) == 0
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert written["rows"] and written["by_judge"]["y"] and not written["by_judge"]["z"]


def test_half_a_character_in_an_answer_stops_nothing(
    judge: tuple[Server, list[str]], tmp_path: Path, runs: list[str]
) -> None:
    broken = answers(3, 0.2)
    broken[0] = "lone \ud800 surrogate q=0.9"
    other = tmp_path / "broken" / "model"
    open_run(tmp_path / "broken", [""] * N)
    (file,) = other.glob("samples_*.jsonl")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    file.write_text(
        "\n".join(json.dumps(row | {"resps": [[text]]}) for row, text in zip(rows, broken, strict=True))
    )
    assert main(["judge", runs[0], str(tmp_path / "broken"), *judge[1]]) == 0


def test_one_run_can_be_judged_against_an_opponent_alone(
    runs: list[str], judge: tuple[Server, list[str]], tmp_path: Path
) -> None:
    file = tmp_path / "third.jsonl"
    file.write_text(
        "\n".join(json.dumps({"id": f"q{n}", "answer": "q=0"}) for n in range(N)), encoding="utf-8"
    )
    assert (
        main(["judge", runs[1], *judge[1], "--opponent", str(file), "--output", str(tmp_path / "out")]) == 0
    )
    (row,) = json.loads((tmp_path / "out" / "comparison.json").read_text())["rows"]
    assert (row["baseline"], row["candidate"], row["win_rate"], row["n"]) == ("third", "cand", 1.0, N)


def test_two_runs_against_an_opponent_show_what_each_wins_against_it(
    runs: list[str], judge: tuple[Server, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "third.jsonl"
    file.write_text(
        "\n".join(json.dumps({"id": f"q{n}", "answer": "q=0.5"}) for n in range(N)), encoding="utf-8"
    )
    assert (
        main(["judge", *runs[:2], *judge[1], "--opponent", str(file), "--output", str(tmp_path / "out")]) == 0
    )
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    base, cand = written["judging"]["against"]
    (row,) = written["rows"]
    assert (base["win_rate"], cand["win_rate"]) == (row["baseline_value"], row["candidate_value"])
    assert base["low"] < base["win_rate"] < base["high"]
    assert "each run against third" in capsys.readouterr().out
    assert [run["path"] for run in written["runs"]] == runs[:2]


@pytest.mark.parametrize(
    "options",
    [
        ["--opponent", "x.jsonl", "--every_pair"],
        ["--sequential", "--test", "permutation"],
        ["--test", "mcnemar"],
        ["--judge", "test-model|"],
        ["--output", __file__],
    ],
)
def test_an_impossible_mix_is_refused_before_anybody_is_asked(
    runs: list[str], judge: tuple[Server, list[str]], capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert "--" in refused(capsys, "judge", *runs[:2], *judge[1], *options)
    assert not judge[0].calls


def test_a_dry_run_needs_no_key(
    runs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert (
        main(["judge", *runs[:2], "--judge", "openai/gpt-4o", "--judge_args", "cache=off", "--dry_run"]) == 0
    )
    assert "$" in capsys.readouterr().out


def test_where_judging_stops_is_not_a_matter_of_how_many_calls_are_made_at_a_time(
    openai_server: Start, tmp_path: Path
) -> None:
    server = openai_server(judge_server(by_quality))
    folders = [
        str(open_run(tmp_path / name, [f"{name} {n} q={q}" for n in range(200)]))
        for name, q in (("a", 1), ("b", 2))
    ]
    judged = []
    for concurrency in (1, 64):
        named = ["--judge", "test-model", "--judge_base_url", server.base_url]
        given = [
            "--judge_args",
            f"cache=off,concurrency={concurrency}",
            "--output",
            str(tmp_path / str(concurrency)),
        ]
        assert main(["judge", *folders, *named, *given, "--sequential"]) == 0
        judged.append((tmp_path / str(concurrency) / "comparison.json").read_bytes())
    assert judged[0] == judged[1]
    (stop,) = json.loads(judged[0])["judging"]["sequential"]
    assert stop["decided"] and stop["judged"] == 16
