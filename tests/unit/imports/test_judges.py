"""Several judges of the same answers have a metric each; verdicts and answers that contradict each other are refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

import fusion_eval as fe
from fusion_eval.cli.main import main


def write(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def answer(question: str, model: str = "mine", text: str | None = "Because.") -> dict[str, Any]:
    messages = [
        {"role": "user", "content": f"{question}?"},
        {"role": "assistant", "content": {"answer": text}},
    ]
    return {"uid": question, "ans_id": "a", "model": model, "messages": messages, "tstamp": 1.0}


def judgement(question: str, judge: str, *scores: str | None, baseline: str = "o3-mini") -> dict[str, Any]:
    games = [score if score is None else {"score": score, "judgment": {"answer": "…"}} for score in scores]
    return {"uid": question, "judge": judge, "model": "mine", "baseline": baseline, "games": games}


def annotation(judge: str, preference: float | None, model: str = "mine", **changed: str) -> dict[str, Any]:
    texts = {"instruction": "Do it", "output_1": "base's", "output_2": f"{model}'s"}
    names = {"generator_1": "base", "generator_2": model, "annotator": judge}
    return {**texts, **names, "preference": preference, **changed}


def values(run: Path) -> list[dict[str, Any]]:
    return [dict(sample.values) for sample in next(iter(fe.read_runs(run)[0].tasks.values())).samples]


def refusal(source: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["import", str(source), "--output", str(source.parent / "out")]) == 2
    message = capsys.readouterr().err
    assert len(message.splitlines()) == 1
    return message


def test_two_judges_of_arena_hard_have_a_metric_each(tmp_path: Path) -> None:
    # given
    data = tmp_path / "data"
    write(data / "model_answer" / "mine.jsonl", [answer("q1")])
    for judge, scores in {"gpt-4.1": ("B>>A", "A>B"), "gemini 2.5": ("A>B", "B>A")}.items():
        write(data / "model_judgment" / judge / "mine.jsonl", [judgement("q1", judge, *scores)])
    # when
    result = fe.import_pools(data, tmp_path / "out")
    # then
    assert values(result.runs[0]) == [{"win_rate_gemini_2.5": 0.0, "win_rate_gpt-4.1": 1.0}]
    assert result.notes == (
        "2 judges have verdicts: win_rate_gemini_2.5 by gemini 2.5, win_rate_gpt-4.1 by gpt-4.1; choose with --metrics",
    )


def test_two_annotators_of_alpaca_eval_have_a_metric_each(tmp_path: Path) -> None:
    # given
    for judge, preference in {"gpt4": 2.0, "claude": 1.0}.items():
        path = tmp_path / "results" / "mine" / judge / "annotations.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps([annotation(judge, preference)]))
    # when
    result = fe.import_pools(tmp_path / "results", tmp_path / "out")
    # then
    base, mine = result.runs
    assert values(mine) == [{"win_rate_claude": 0.0, "win_rate_gpt4": 1.0}]
    assert values(base) == [{"win_rate_claude": 0.5, "win_rate_gpt4": 0.5}]


def test_a_verdict_that_stands_twice_counts_once(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", [annotation("gpt4", 2.0)] * 2)
    assert values(fe.import_pools(source, tmp_path / "out").runs[1]) == [{"win_rate": 1.0}]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (judgement("q1", "j", "A>B", "A>B"), "line 2: j has another verdict on mine for 'q1' than in"),
        (
            judgement("q1", "j", "B>A", "A>B", baseline="other"),
            "line 2: j compares with other, and in",
        ),
    ],
)
def test_two_verdicts_of_one_judge_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], second: dict[str, Any], message: str
) -> None:
    source = write(tmp_path / "judgements.jsonl", [judgement("q1", "j", "B>A", "A>B"), second])
    assert message in refusal(source, capsys)


def test_two_baselines_of_one_annotator_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [annotation("gpt4", 2.0), annotation("gpt4", 2.0, "other", generator_1="davinci")]
    source = write(tmp_path / "annotations.jsonl", rows)
    message = refusal(source, capsys)
    assert "line 2: gpt4 compares with davinci, and in" in message
    assert "line 1 with base; import the files of each opponent separately" in message


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [answer("q1"), answer("q1", text="Why not?")],
            "line 2: mine has another answer to 'q1' than in",
        ),
        (
            [annotation("gpt4", 2.0), annotation("gpt4", 1.0, "other", output_1="new")],
            "line 2: base has another output for 'Do it' than in",
        ),
    ],
)
def test_two_answers_of_one_system_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[dict[str, Any]], message: str
) -> None:
    assert message in refusal(write(tmp_path / "rows.jsonl", rows), capsys)


def test_questions_of_two_versions_with_one_id_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    write(tmp_path / "data" / "a" / "question.jsonl", [{"uid": "q1", "prompt": "Why?"}])
    write(tmp_path / "data" / "b" / "question.jsonl", [{"uid": "q1", "prompt": "How?"}])
    write(tmp_path / "data" / "model_answer" / "mine.jsonl", [answer("q1")])
    # then
    assert "'q1' has another prompt than in" in refusal(tmp_path / "data", capsys)


@pytest.mark.parametrize("scores", [(None, "A>B"), ("B>A", None)])
def test_a_game_without_a_verdict_leaves_no_win_rate(
    tmp_path: Path, scores: tuple[str | None, str | None]
) -> None:
    # given
    source = write(tmp_path / "j.jsonl", [judgement("q1", "j", *scores), judgement("q2", "j", "A<B", "B<<A")])
    # when
    result = fe.import_pools(source, tmp_path / "out")
    # then
    assert values(result.runs[0]) == [{"win_rate": None}, {"win_rate": 1.0}]
    note = "verdicts that cannot be used, and so give no win rate: 1, the first in"
    assert result.notes == (f"{note} {source}, line 1",)


def test_an_answer_without_text_is_counted(tmp_path: Path) -> None:
    source = write(tmp_path / "mine.jsonl", [answer("q1"), answer("q2", text=None)])
    result = fe.import_pools(source, tmp_path / "out")
    assert result.items == 1
    note = "answers without a text, which are left out: 1, the first in"
    assert result.notes == (f"{note} {source}, line 2",)
