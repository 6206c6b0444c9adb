"""`fusion-eval judge` on the command line: what it prints, what it writes, and what it costs."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from judge_command import N, NamedJudge, judge_options, random_answers, write_lines, written_comparison
from local_judge import by_quality, judge_server, open_run, verdict_lines
from openai_server import Plan, Server

from fusion_eval.cli.main import main

ServerStart = Callable[[Plan], Server]
Capture = pytest.CaptureFixture[str]


class TestResults:
    def test_verdicts_become_a_win_rate(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path, capsys: Capture
    ) -> None:
        # when
        code = main(["judge", *open_runs[:2], *judge.options, "--output", str(tmp_path / "out")])

        # then the win rate is printed
        assert code == 0
        printed = capsys.readouterr().out
        assert "judge:helpfulness" in printed and "consistent" in printed and "sequential" not in printed

        # then it is written, and agrees with the verdicts
        (row,) = written_comparison(tmp_path / "out")["rows"]
        verdicts = verdict_lines(tmp_path / "out")
        wins = sum(line["verdict"] == "win" for line in verdicts)
        assert (row["metric"], row["n"], row["wins"], row["invalid"], row["position_consistency"]) == (
            "judge:helpfulness", N, wins, 0.0, 1.0,
        )  # fmt: skip
        assert row["significant"]
        assert row["delta"] == pytest.approx(2 * row["win_rate"] - 1)

        # then the page shows it
        pytest.importorskip("vl_convert", reason="pictures need the extra 'plots'")
        page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        titles = ("Win rate against", "Wins, ties and losses against", "Agreement of judges")
        assert all(f'alt="{title}' in page for title in titles) and page.count("<figure") == 3

    def test_each_verdict_says_how_it_came_about(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path
    ) -> None:
        main(["judge", *open_runs[:2], *judge.options, "--output", str(tmp_path / "out")])

        line = verdict_lines(tmp_path / "out")[0]
        fields = {"task", "language", "doc_id", "baseline", "candidate", "judge", "orders", "verdict"}
        assert fields <= set(line)
        assert [order["first"] for order in line["orders"]] == ["baseline", "candidate"]

    def test_a_repeated_command_asks_nothing_and_writes_the_same_file(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path
    ) -> None:
        # given
        command = ["judge", *open_runs[:2], *judge.options, "--output", str(tmp_path / "out")]
        main(command)
        first = (tmp_path / "out" / "comparison.json").read_bytes()

        # when
        main(command)

        # then
        assert len(judge.server.calls) == 2 * N
        assert (tmp_path / "out" / "comparison.json").read_bytes() == first

    @pytest.mark.parametrize("format", ["table", "md"])
    def test_three_runs_have_strengths_in_printed_tables(
        self, open_runs: list[str], judge: NamedJudge, capsys: Capture, format: str
    ) -> None:
        assert main(["judge", *open_runs, *judge.options, "--every_pair", "--wide", "--format", format]) == 0

        printed = capsys.readouterr().out
        assert printed.count("judge:helpfulness") >= 3
        assert "Bradley–Terry" in printed and "baseline" in printed

    def test_three_runs_have_strengths_in_json(
        self, open_runs: list[str], judge: NamedJudge, capsys: Capture
    ) -> None:
        assert main(["judge", *open_runs, *judge.options, "--every_pair", "--format", "json"]) == 0

        strengths = json.loads(capsys.readouterr().out)["judging"]["strengths"]
        assert [system["name"] for system in strengths] == ["cand", "third", "base"]

    def test_csv_has_a_row_for_each_pair_of_runs(
        self, open_runs: list[str], judge: NamedJudge, capsys: Capture
    ) -> None:
        assert main(["judge", *open_runs, *judge.options, "--every_pair", "--format", "csv"]) == 0

        assert capsys.readouterr().out.count("judge:helpfulness") == 3

    def test_a_panel_has_a_verdict_although_one_judge_cannot_be_read(
        self, openai_server: ServerStart, open_runs: list[str], tmp_path: Path
    ) -> None:
        # given
        def unreadable(a: str, b: str, luck: random.Random) -> str:
            return "?"

        server = openai_server(judge_server(by_quality, y=by_quality, z=unreadable))
        opponent = write_lines(
            tmp_path / "third.jsonl", [{"id": f"q{n}", "answer": "third q=0.7"} for n in range(N)]
        )

        # when
        panel = judge_options(server, model="test-model|y|z")
        output = ["--opponent", str(opponent), "--output", str(tmp_path / "out")]
        code = main(["judge", *open_runs[:2], *panel, *output])

        # then
        comparison = written_comparison(tmp_path / "out")
        assert code == 0
        assert comparison["rows"]
        assert comparison["by_judge"]["y"] and not comparison["by_judge"]["z"]

    def test_an_answer_with_half_a_character_can_be_judged(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path
    ) -> None:
        # given
        answers = ["lone \ud800 surrogate q=0.9", *random_answers(3, 0.2)[1:]]
        broken = open_run(tmp_path / "broken", [""] * N)
        (file,) = broken.rglob("samples_*.jsonl")
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        write_lines(file, [row | {"resps": [[text]]} for row, text in zip(rows, answers, strict=True)])

        # when / then
        assert main(["judge", open_runs[0], str(broken), *judge.options]) == 0

    def test_a_sequential_test_stops_at_the_same_pair_with_any_concurrency(
        self, openai_server: ServerStart, tmp_path: Path
    ) -> None:
        # given one run that is always better
        server = openai_server(judge_server(by_quality))
        folders = [
            str(open_run(tmp_path / name, [f"{name} {n} q={q}" for n in range(200)]))
            for name, q in (("a", 1), ("b", 2))
        ]

        # when
        for concurrency in ("1", "64"):
            options = judge_options(server, f"cache=off,concurrency={concurrency}")
            output = ["--output", str(tmp_path / concurrency), "--sequential"]
            assert main(["judge", *folders, *options, *output]) == 0

        # then
        one, many = (written_comparison(tmp_path / concurrency) for concurrency in ("1", "64"))
        assert one == many
        (stop,) = one["judging"]["sequential"]
        assert stop["decided"] and stop["judged"] == 16


class TestCost:
    def test_a_dry_run_prices_the_job_and_asks_nothing(
        self, open_runs: list[str], judge: NamedJudge, capsys: Capture
    ) -> None:
        # given
        options = judge_options(judge.server, "cache=off,price_in=1,price_out=2,max_tokens=100")

        # when
        assert main(["judge", *open_runs, *options, "--dry_run"]) == 0

        # then
        printed = capsys.readouterr().out
        assert not judge.server.calls
        assert f"{4 * N}" in printed and f"{2 * N} pairs of answers" in printed and "$" in printed

    def test_a_dry_run_needs_no_key(
        self, open_runs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Capture
    ) -> None:
        # given
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        options = ["--judge", "openai/gpt-4o", "--judge_args", "cache=off"]

        # when / then
        assert main(["judge", *open_runs[:2], *options, "--dry_run"]) == 0
        assert "$" in capsys.readouterr().out

    def test_a_spent_budget_keeps_the_verdicts_for_the_next_command(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path, capsys: Capture
    ) -> None:
        # given
        def command(budget: float) -> list[str]:
            arguments = (
                f"cache={tmp_path / 'store.sqlite'},price_in=1,price_out=1,max_tokens=20,concurrency=1"
            )
            options = judge_options(judge.server, f"{arguments},budget={budget}")
            return ["judge", *open_runs[:2], *options]

        # when the budget is too small, the error says how to continue
        assert main(command(0.01)) == 2
        assert "the same command with a larger budget=" in capsys.readouterr().err
        assert 0 < len(judge.server.calls) < 2 * N

        # when it is large enough, only the missing verdicts are asked for
        assert main(command(10)) == 0
        assert len(judge.server.calls) == 2 * N
