"""`--judge` on `fusion-eval compare` and `fusion-eval run`: a judge beside the metrics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from judge_command import N, NamedJudge, judge_options, written_comparison
from local_judge import by_quality, judge_server, verdict_lines
from openai_server import Plan, Server

from fusion_eval.cli.main import main

ServerStart = Callable[[Plan], Server]
Rejection = Callable[..., str]


class TestCompare:
    def test_metrics_and_judge_are_one_comparison(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path
    ) -> None:
        # when
        assert main(["compare", *open_runs[:2], *judge.options, "--output", str(tmp_path / "out")]) == 0

        # then
        comparison = written_comparison(tmp_path / "out")
        assert {row["metric"] for row in comparison["rows"]} == {"empty", "judge:helpfulness"}
        assert len(verdict_lines(tmp_path / "out")) == N

    def test_p_values_of_metrics_and_judge_are_adjusted_separately(
        self, open_runs: list[str], judge: NamedJudge, tmp_path: Path
    ) -> None:
        main(["compare", *open_runs[:2], *judge.options, "--output", str(tmp_path / "out")])

        comparison = written_comparison(tmp_path / "out")
        (row,) = [row for row in comparison["rows"] if row["metric"] == "judge:helpfulness"]
        assert row["p_adjusted"] == row["p_value"]
        assert [row["family"] for row in comparison["rows"]] == ["primary", "judge"]
        assert any("judge's rows separately" in note for note in comparison["notes"])

    def test_the_metrics_are_written_even_if_the_judge_fails(
        self, open_runs: list[str], openai_server: ServerStart, tmp_path: Path
    ) -> None:
        # given
        server = openai_server(Plan(reply=lambda request, index: "Both have merits."))

        # when
        command = ["compare", *open_runs[:2], *judge_options(server), "--output", str(tmp_path / "out")]
        assert main(command) == 2

        # then
        assert [row["metric"] for row in written_comparison(tmp_path / "out")["rows"]] == ["empty"]

    def test_expected_candidates_have_no_answers_to_judge(
        self, open_runs: list[str], judge: NamedJudge, rejection: Rejection
    ) -> None:
        error = rejection("compare", *open_runs, *judge.options, "--baseline", "expected")

        assert "leave one of them out" in error


class TestRun:
    def test_strategies_are_scored_and_then_judged(self, openai_server: ServerStart, tmp_path: Path) -> None:
        # given
        model, judging_server = openai_server(Plan()), openai_server(judge_server(by_quality))
        arguments = f"model=test-model,base_url={model.base_url},n=2,cache={tmp_path / 'store.sqlite'}"
        out = tmp_path / "out"

        # when
        code = main(
            [
                "run", "--tasks", "fusion_open_fr", "--limit", "3", "--strategies", "single,fusion",
                "--model_args", arguments, *judge_options(judging_server), "--output", str(out),
            ]
        )  # fmt: skip

        # then
        assert code == 0
        rows = [row for row in written_comparison(out)["rows"] if row["metric"] == "judge:helpfulness"]
        assert [row["baseline"] for row in rows] == ["single"]
        assert len(verdict_lines(out)) == 3

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--judge_prompt", "nosuch"], "--judge_prompt nosuch is none of"),
            (["--strategies", "single"], "name at least two with --strategies"),
        ],
    )
    def test_a_wrong_judge_option_is_named_before_the_model_is_asked(
        self,
        openai_server: ServerStart,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        options: list[str],
        message: str,
    ) -> None:
        # given
        model = openai_server(Plan())
        arguments = f"model=test-model,base_url={model.base_url},cache=off"
        task = ["--tasks", "fusion_open_fr", "--limit", "1", "--output", str(tmp_path / "out")]

        # when
        code = main(["run", *task, "--judge", "x", "--model_args", arguments, *options])

        # then
        assert code == 2
        assert message in capsys.readouterr().err
        assert not model.calls
