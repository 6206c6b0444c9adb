"""`--gold` and `--opponent` of `fusion-eval judge`: verdicts of humans, and answers of a system to judge against."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from judge_command import N, NamedJudge, judge_options, random_answers, write_lines, written_comparison
from local_judge import by_quality, judge_server, open_run, verdict_lines
from openai_server import Plan, Server

from fusion_eval.cli.main import main

ServerStart = Callable[[Plan], Server]
Rejection = Callable[..., str]
Capture = pytest.CaptureFixture[str]


class TestHumanVerdicts:
    def test_they_correct_the_judges_win_rate(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path, capsys: Capture
    ) -> None:
        # given humans who contradict the judge on a quarter of the first twenty pairs
        out = tmp_path / "out"
        command = ["judge", *open_runs[:2], *judge.options, "--output", str(out)]
        main(command)
        opposite = {"win": "loss", "loss": "win", "tie": "win"}
        labels = [
            {
                "doc_id": line["doc_id"],
                "verdict": line["verdict"] if number % 4 else opposite[line["verdict"]],
            }
            for number, line in enumerate(verdict_lines(out)[:20])
        ]
        gold = write_lines(tmp_path / "gold.jsonl", labels)

        # when
        assert main([*command, "--gold", str(gold)]) == 0

        # then
        (humans,) = written_comparison(out)["judging"]["humans"]
        assert (humans["labels"], humans["agreement"]) == (20, 0.75)
        assert humans["win_rate"] < humans["judge_alone"]
        assert "labels alone" in capsys.readouterr().out

    def test_they_count_on_pairs_where_the_judge_could_not_be_read(
        self, openai_server: ServerStart, tmp_path: Path
    ) -> None:
        # given a judge without a verdict exactly on the pairs where humans prefer the baseline
        def rule(a: str, b: str, luck: random.Random) -> str:
            return "?" if "odd" in a + b else by_quality(a, b, luck)

        server = openai_server(judge_server(rule))
        answers = [f"An answer {'odd ' * (n % 3 == 0)}q=2" for n in range(N)]
        folders = [
            str(open_run(tmp_path / "base", random_answers(0, 0.0))),
            str(open_run(tmp_path / "cand", answers)),
        ]
        labels = [{"doc_id": n, "verdict": "win" if n % 3 else "loss"} for n in range(30)]
        gold = write_lines(tmp_path / "gold.jsonl", labels)

        # when
        out = tmp_path / "out"
        code = main(["judge", *folders, *judge_options(server), "--gold", str(gold), "--output", str(out)])

        # then
        (humans,) = written_comparison(out)["judging"]["humans"]
        assert code == 0
        assert (humans["labels"], humans["agreement"]) == (30, 1.0)
        assert 0.5 < humans["win_rate"] < 0.8
        assert humans["labels_alone"] == pytest.approx(20 / 30)

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ({"doc_id": 1, "verdict": "better"}, "verdict 'better' is none of win, tie, loss"),
            ({"doc_id": 999, "verdict": "win"}, "line 1 fits none of the pairs to be judged"),
            ({"candidate": "cand", "verdict": "win"}, f"line 1 fits {N} of the pairs to be judged"),
            ({"verdict": "win"}, "line 1 is not a human verdict"),
            ("win", "line 1 is not a human verdict"),
        ],
    )
    def test_a_verdict_that_fits_no_pair_is_named(
        self,
        open_runs: list[str],
        judge: NamedJudge,
        tmp_path: Path,
        rejection: Rejection,
        line: Any,
        message: str,
    ) -> None:
        gold = write_lines(tmp_path / "gold.jsonl", [line])

        assert message in rejection("judge", *open_runs[:2], *judge.options, "--gold", gold)
        assert not judge.server.calls


class TestOpponent:
    def test_one_run_can_be_judged_against_it(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path
    ) -> None:
        # given an opponent that is always worse
        opponent = write_lines(tmp_path / "third.jsonl", [{"id": f"q{n}", "answer": "q=0"} for n in range(N)])

        # when
        options = ["--opponent", str(opponent), "--output", str(tmp_path / "out")]
        assert main(["judge", open_runs[1], *judge.options, *options]) == 0

        # then
        (row,) = written_comparison(tmp_path / "out")["rows"]
        assert (row["baseline"], row["candidate"], row["win_rate"], row["n"]) == ("third", "cand", 1.0, N)

    def test_two_runs_each_have_a_win_rate_against_it(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path, capsys: Capture
    ) -> None:
        # given
        opponent = write_lines(
            tmp_path / "third.jsonl", [{"id": f"q{n}", "answer": "q=0.5"} for n in range(N)]
        )

        # when
        options = ["--opponent", str(opponent), "--output", str(tmp_path / "out")]
        assert main(["judge", *open_runs[:2], *judge.options, *options]) == 0

        # then
        comparison = written_comparison(tmp_path / "out")
        base, cand = comparison["judging"]["against"]
        (row,) = comparison["rows"]
        assert (base["win_rate"], cand["win_rate"]) == (row["baseline_value"], row["candidate_value"])
        assert base["low"] < base["win_rate"] < base["high"]
        assert "each run against third" in capsys.readouterr().out
        assert [run["path"] for run in comparison["runs"]] == open_runs[:2]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "holds no answers"),
            ("not json", "line 1 is not a JSON object"),
            ('{"colour": "red"}', "cannot be matched to the runs' documents: it has colour"),
            ('{"id": "q1", "colour": "red"}', "line 1 has no answer under"),
            (json.dumps({"id": "q1", "answer": "hm"}), f"has no answer to {N - 1} of {N} documents"),
        ],
    )
    def test_a_file_that_does_not_fit_the_runs_is_named(
        self,
        open_runs: list[str],
        judge: NamedJudge,
        tmp_path: Path,
        rejection: Rejection,
        content: str,
        message: str,
    ) -> None:
        opponent = tmp_path / "opponent.jsonl"
        opponent.write_text(content, encoding="utf-8")

        assert message in rejection("judge", *open_runs[:2], *judge.options, "--opponent", opponent)
        assert not judge.server.calls
