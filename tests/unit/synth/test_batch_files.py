"""OpenAI's batch files: requests go out, results come in, and the run goes on from the store without a call."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from synth_lab import Lab, reply, rows_in

MakeLab = Callable[..., Lab]


def answer_batch(requests: Path, results: Path, *, fail: int = 0) -> list[dict]:
    """Answer a batch file as OpenAI does; the first `fail` requests fail."""
    lines = [json.loads(line) for line in requests.read_text().splitlines()]
    written = []
    for number, line in enumerate(lines):
        body = line["body"]
        texts = [reply(body, index) for index in range(body.get("n", 1))]
        choices = [
            {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            for index, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 10, "completion_tokens": 20 * len(texts), "total_tokens": 30}
        response = {
            "status_code": 200,
            "body": {"id": "x", "object": "chat.completion", "choices": choices, "usage": usage},
        }
        failed = {"status_code": 500, "body": {"error": {"message": "no"}}}
        written.append(
            {
                "id": "b",
                "custom_id": line["custom_id"],
                "response": failed if number < fail else response,
                "error": None,
            }
        )
    results.write_text("".join(json.dumps(line) + "\n" for line in reversed(written)))
    return lines


def test_two_batches_make_the_rows_of_fusion_without_a_call(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    made = lab(3)
    requests, results = made.folder / "requests.jsonl", made.folder / "results.jsonl"
    # when
    assert made.synth("--batch_out", str(requests)) == 0
    told = capsys.readouterr().err
    pools = answer_batch(requests, results)
    assert made.synth("--batch_in", str(results), "--batch_out", str(requests)) == 0
    fusions = answer_batch(requests, results)
    assert made.synth("--batch_in", str(results)) == 0
    assert made.synth() == 0
    # then
    assert f'this one has a, b, c: grep -F \'"model":"a"\' {requests}' in told
    assert len(pools) == 9 and {line["body"]["model"] for line in pools} == {"a", "b", "c"}
    assert {(line["method"], line["url"]) for line in pools} == {("POST", "/v1/chat/completions")}
    assert len(fusions) == 3 and {line["body"]["temperature"] for line in fusions} == {0.0}
    assert not made.server.calls
    assert [row["messages"][1]["content"][:6] for row in rows_in(made.output)] == ["fused:"] * 3
    assert "3 of 3 prompts have all answers" in capsys.readouterr().out


def test_a_request_that_failed_in_the_batch_goes_into_the_next(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    made = lab(2)
    requests, results = made.folder / "requests.jsonl", made.folder / "results.jsonl"
    made.synth("--batch_out", str(requests), "--strategy", "single")
    answer_batch(requests, results, fail=1)
    capsys.readouterr()
    made.synth("--batch_in", str(results), "--batch_out", str(requests), "--strategy", "single")
    out = capsys.readouterr().out
    assert "5 answers are in the store; 1 requests failed in the batch" in out
    assert (
        "1 requests are in" in out and "1 of 2 prompts have all answers; the others need another batch" in out
    )


def test_a_batch_costs_half(lab: MakeLab) -> None:
    made = lab(1)
    requests, results = made.folder / "requests.jsonl", made.folder / "results.jsonl"
    price = ",price_in=1,price_out=1"
    made.synth("--batch_out", str(requests), "--strategy", "single", more=price)
    answer_batch(requests, results)
    made.synth("--batch_in", str(results), "--strategy", "single", more=price)
    made.synth("--strategy", "single", more=price)
    [row] = rows_in(made.output)
    assert row["cost"] == pytest.approx(0.5e-6 * 3 * 30)


def test_a_damaged_results_file_is_named_with_its_line(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    made = lab(1)
    results = made.folder / "results.jsonl"
    results.write_text('{"custom_id": "a"}\n{"custom_id"')
    assert made.synth("--batch_in", str(results)) == 2
    assert "results.jsonl, line 2 is no reply of a batch" in capsys.readouterr().err


def test_models_without_batches_are_refused(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    made = lab(1)
    words = ["--batch_out", str(made.folder / "r.jsonl"), "--model_args", "model=embedded"]
    from fusion_eval.cli.main import main

    assert main(["synth", "--prompts", str(made.folder / "prompts.jsonl"), *words]) == 2
    assert "embedded is no model of such an endpoint" in capsys.readouterr().err


def test_a_scorer_of_log_probabilities_adds_no_request(lab: MakeLab) -> None:
    made = lab(3)
    requests = made.folder / "requests.jsonl"
    assert made.synth("--strategy", "bon(scorer=logprob)", "--batch_out", str(requests), model="a") == 0
    assert [json.loads(line)["body"]["n"] for line in requests.read_text().splitlines()] == [3, 3, 3]
