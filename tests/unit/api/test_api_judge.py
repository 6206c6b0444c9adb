"""`fe.judge`: an LLM compares runs, from Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local_judge import by_quality, judge_server, random_qualities, run_of_qualities
from openai_server import Plan, Server

import fusion_eval as fe
from fusion_eval.errors import FusionEvalError

ServerStart = Callable[[Plan], Server]


class TestJudge:
    @pytest.fixture
    def answers(self, tmp_path: Path) -> list[Path]:
        """Two runs of open-ended answers; those of the second are better."""
        return [
            run_of_qualities(tmp_path / name, random_qualities(12, seed, shift))
            for seed, (name, shift) in enumerate([("base", 0.0), ("better", 2.0)])
        ]

    def test_the_judges_verdicts_become_win_rates(
        self, answers: list[Path], openai_server: ServerStart, tmp_path: Path
    ) -> None:
        # given
        server = openai_server(judge_server(by_quality))
        lines: list[str] = []

        # when
        comparison = fe.judge(
            *answers,
            judge="test-model",
            judge_base_url=server.base_url,
            judge_args={"cache": "off"},
            output=tmp_path / "out",
            report=lines.append,
        )

        # then each pair was shown in both orders, and the better run wins each
        (row,) = comparison.rows
        assert (row.metric, row.n, row.win_rate) == ("judge:helpfulness", 12, 1.0)
        assert len(server.calls) == 24
        assert {path.name for path in (tmp_path / "out").iterdir()} >= {"verdicts.jsonl", "comparison.json"}
        assert all(isinstance(line, str) for line in lines)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"judge_prompt": "helpfulnes"}, "Did you mean 'helpfulness'"),
            ({"judge_args": {"concurency": 3}}, "Did you mean 'concurrency'"),
            ({"swap": "none"}, "swap='none' should be one of 'both', 'random'"),
            ({"scale": 4}, "scale=4 should be one of 3, 5"),
            ({"test": "wilcoxon"}, "test='wilcoxon' should be one of"),
            ({"correction": "none"}, "correction='none' should be one of"),
            ({"resamples": 9}, "resamples=9 should be a whole number from 100"),
            ({"seed": -1}, "seed=-1 should be a whole number from 0"),
            ({"sequential": True, "test": "mcnemar"}, "sequential=True has its own test"),
            ({"every_pair": True, "opponent": "x"}, "exclude each other"),
            ({"repeats": 0}, "repeats=0 should be a whole number from 1"),
            ({"opponent": "nowhere.jsonl"}, "nowhere.jsonl cannot be read"),
            ({"gold": "nowhere.jsonl"}, "nowhere.jsonl cannot be read"),
        ],
    )
    def test_a_wrong_option_is_an_error_before_the_judge_is_asked(
        self, answers: list[Path], openai_server: ServerStart, options: dict[str, Any], message: str
    ) -> None:
        # given
        server = openai_server(judge_server(by_quality))

        # when / then
        with pytest.raises(FusionEvalError, match=message):
            fe.judge(*answers, judge="test-model", judge_base_url=server.base_url, **options)
        assert not server.calls

    def test_the_statistics_are_those_of_the_command(
        self, answers: list[Path], openai_server: ServerStart
    ) -> None:
        # given
        server = openai_server(judge_server(by_quality))

        # when
        comparison = fe.judge(
            *answers,
            judge="test-model",
            judge_base_url=server.base_url,
            judge_args={"cache": "off"},
            test="permutation",
            correction="bh",
            family="one",
            resamples=200,
            seed=7,
            cluster="none",
        )

        # then
        assert comparison.rows[0].test == "permutation"
        assert "bh" in str(comparison)

    def test_one_run_is_not_enough(self, answers: list[Path]) -> None:
        with pytest.raises(FusionEvalError, match="judge needs two runs or more"):
            fe.judge(answers[0], judge="test-model", judge_base_url="http://127.0.0.1:9/v1")
