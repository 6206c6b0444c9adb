"""Results of OpenAI's batches: every kind of body is read, what has no text is counted, and contradictions are refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

import fusion_eval as fe
from fusion_eval.cli.main import main
from fusion_eval.runs.traces import read_traces
from fusion_eval.types import Trace

CALL = {"id": "c", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}


def write(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def request(key: str, prompt: object = "Why?") -> dict[str, Any]:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]}
    return {"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": body}


def result(key: str, body: object, status: int = 200) -> dict[str, Any]:
    response = {"status_code": status, "request_id": "r", "body": body}
    return {"id": "batch_req_1", "custom_id": key, "response": response, "error": None}


def chat(*contents: object, model: str = "gpt-4o-2024-08-06", **message: object) -> dict[str, Any]:
    choices = [
        {
            "index": place,
            "message": {"role": "assistant", "content": content, "refusal": None, **message},
            "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
        }
        for place, content in enumerate(contents)
    ]
    usage = {"prompt_tokens": 9, "completion_tokens": 8}
    return {"id": "x", "object": "chat.completion", "model": model, "choices": choices, "usage": usage}


def response(*output: object, **changed: object) -> dict[str, Any]:
    usage = {"input_tokens": 9, "output_tokens": 8, "output_tokens_details": {"reasoning_tokens": 5}}
    body = {"object": "response", "status": "completed", "error": None, "model": "gpt-5", "usage": usage}
    return {**body, "output": list(output), **changed}


def message(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def traces(imported: Any) -> list[Trace]:
    return list(read_traces(imported.runs[0] / "traces.jsonl"))


def refusal(source: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["import", str(source), "--output", str(source.parent / "out")]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    return error


def test_the_text_parts_of_a_content_are_its_text(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "Be"}, {"type": "text", "text": "cause."}]
    source = write(tmp_path / "b" / "output.jsonl", [result("r1", chat(parts))])
    assert traces(fe.import_pools(source, tmp_path / "out"))[0].final == "Because."


def test_a_reply_without_a_text_is_left_out_and_counted(tmp_path: Path) -> None:
    # given
    lines = [
        result("r1", chat("Because.")),
        result("r2", chat(None, tool_calls=[CALL])),
        result("r3", chat(None)),
    ]
    source = write(tmp_path / "b" / "output.jsonl", lines)
    # when
    imported = fe.import_pools(source, tmp_path / "out")
    # then
    assert imported.items == 1
    assert imported.notes[0].startswith(
        "requests without an answer, 2, are left out, such as 'r2': gpt-4o-2024-08-06 sent a reply without an answer: "
        "a call of a tool, without a text"
    )


def test_one_choice_without_a_text_is_a_failed_candidate(tmp_path: Path) -> None:
    # given
    source = write(tmp_path / "b" / "output.jsonl", [result("r1", chat(None, "Because."))])
    # when
    imported = fe.import_pools(source, tmp_path / "out")
    # then
    trace = traces(imported)[0]
    assert [bool(one.error) for one in trace.pool.candidates] == [True, False]
    assert (trace.final, trace.answer.chosen) == ("Because.", 0)
    assert imported.notes[0].startswith("answers without a text, 1, are failed candidates, such as 'r1'")


def test_the_text_of_a_refusal_is_kept_and_counted(tmp_path: Path) -> None:
    # given
    source = write(tmp_path / "b" / "output.jsonl", [result("r1", chat(None, refusal="I cannot."))])
    # when
    imported = fe.import_pools(source, tmp_path / "out")
    # then
    assert traces(imported)[0].final == "I cannot."
    assert "requests whose answer is a refusal, 1, keep its text, such as r1" in imported.notes


@pytest.mark.parametrize(
    "body",
    [
        response({"type": "reasoning", "summary": []}, message("Because.")),
        response(message("Be"), message("cause.")),
        response({"type": "web_search_call", "status": "completed"}, message("Because.")),
        {"model": "gpt-5", "output_text": "Because."},
    ],
)
def test_bodies_of_the_responses_api_are_read(tmp_path: Path, body: dict[str, Any]) -> None:
    # given
    source = write(tmp_path / "b" / "output.jsonl", [result("r1", body)])
    # when
    trace = traces(fe.import_pools(source, tmp_path / "out"))[0]
    # then
    candidate = trace.pool.candidates[0]
    assert (trace.final, candidate.model, candidate.error) == ("Because.", "gpt-5", None)
    assert candidate.finish_reason == "stop"
    assert candidate.completion_tokens == (8 if "usage" in body else 0)


def test_a_response_that_only_calls_a_function_is_counted(tmp_path: Path) -> None:
    # given
    call = {"type": "function_call", "name": "look_up", "arguments": "{}"}
    lines = [result("r1", response(message("Because."))), result("r2", response(call))]
    source = write(tmp_path / "b" / "output.jsonl", lines)
    # when
    imported = fe.import_pools(source, tmp_path / "out")
    # then
    assert imported.items == 1
    assert "'r2': gpt-5 sent a reply without an answer: a call of a tool" in imported.notes[0]


def test_a_response_that_was_cut_off_says_so(tmp_path: Path) -> None:
    details = {"incomplete_details": {"reason": "max_output_tokens"}, "status": "incomplete"}
    source = write(tmp_path / "b" / "output.jsonl", [result("r1", response(message("Bec"), **details))])
    trace = traces(fe.import_pools(source, tmp_path / "out"))[0]
    assert trace.pool.candidates[0].finish_reason == "length"


def test_requests_of_the_responses_api_tell_their_prompts(tmp_path: Path) -> None:
    # given
    body = {
        "model": "gpt-5",
        "instructions": "Be brief.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Why?"}]}],
    }
    write(tmp_path / "b" / "input.jsonl", [{"custom_id": "r1", "body": body}])
    write(tmp_path / "b" / "output.jsonl", [result("r1", response(message("Because.")))])
    # when
    trace = traces(fe.import_pools(tmp_path / "b", tmp_path / "out"))[0]
    # then
    turns = [(turn.role, turn.content) for turn in trace.pool.prompt.messages]
    assert turns == [("system", "Be brief."), ("user", "Why?")]


def test_a_picture_in_a_prompt_is_left_out_and_noted(tmp_path: Path) -> None:
    # given
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    write(tmp_path / "b" / "input.jsonl", [request("r1", parts)])
    write(tmp_path / "b" / "output.jsonl", [result("r1", chat("A cat."))])
    # when
    imported = fe.import_pools(tmp_path / "b", tmp_path / "out")
    # then
    assert traces(imported)[0].pool.prompt.messages[0].content == "What is it?"
    assert imported.notes[0].startswith(
        "prompts with parts that are no text, 1, keep only their text, such as"
    )


def test_an_id_with_two_answers_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # given
    write(tmp_path / "b" / "1.jsonl", [result("r1", chat("Because."))])
    write(tmp_path / "b" / "2.jsonl", [result("r0", chat("Yes.")), result("r1", chat("Why not?"))])
    # when
    error = refusal(tmp_path / "b", capsys)
    # then
    assert "2.jsonl, line 2: 'r1' has another answer than in" in error
    assert "1.jsonl, line 1; keep one of the two, or end the ids of repeated requests with #1, #2" in error


def test_the_answers_of_two_models_to_one_request_are_two_runs(tmp_path: Path) -> None:
    write(tmp_path / "b" / "1.jsonl", [result("r1", chat("Because.", model="a"))])
    write(tmp_path / "b" / "2.jsonl", [result("r1", chat("Why not?", model="b"))])
    imported = fe.import_pools(tmp_path / "b", tmp_path / "out")
    assert [path.name for path in imported.runs] == ["a", "b"]


def test_a_request_that_failed_first_has_its_later_answer(tmp_path: Path) -> None:
    # given
    failed = {"custom_id": "r1", "response": None, "error": {"message": "expired"}}
    refused = result("r2", {"error": {"message": "too long"}}, status=400)
    write(tmp_path / "b" / "errors.jsonl", [failed, refused])
    write(tmp_path / "b" / "output.jsonl", [result("r1", chat("Because."))])
    # when
    imported = fe.import_pools(tmp_path / "b", tmp_path / "out")
    # then
    assert [trace.final for trace in traces(imported)] == ["Because."]
    assert imported.notes[:2] == (
        "requests without an answer, 1, are left out, such as 'r2': too long",
        "requests that failed in one line and were answered in another: 1, such as r1",
    )


@pytest.mark.parametrize(
    ("prompts", "pools"),
    [
        (("Why?", "Why?"), {"Why?": [("to q#1", 0), ("to q#2", 1)]}),
        (("How?", "When?"), {"How?": [("to q#1", 0)], "When?": [("to q#2", 0)]}),
    ],
)
def test_ids_that_differ_after_the_sign_are_one_pool_if_their_prompts_are_equal(
    tmp_path: Path, prompts: tuple[str, str], pools: dict[str, list[tuple[str, int]]]
) -> None:
    # given
    keys = ("q#1", "q#2")
    write(tmp_path / "b" / "input.jsonl", map(request, keys, prompts))
    write(tmp_path / "b" / "output.jsonl", [result(key, chat(f"to {key}")) for key in keys])
    # when
    imported = traces(fe.import_pools(tmp_path / "b", tmp_path / "out"))
    # then
    assert {
        trace.pool.prompt.messages[0].content: [(one.text, one.seed) for one in trace.pool.candidates]
        for trace in imported
    } == pools


def test_a_request_without_a_result_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "b" / "input.jsonl", [request("r1"), request("r2", "How?")])
    write(tmp_path / "b" / "output.jsonl", [result("r1", chat("Because."))])
    imported = fe.import_pools(tmp_path / "b", tmp_path / "out")
    assert imported.notes == ("requests without an answer, 1, are left out, such as 'r2': it has no result",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (request("r1", "How?"), "'r1' has another prompt than in"),
        ({"custom_id": "r2"}, "neither a request with a body nor a result with a response"),
        ({"id": "x"}, "there is no custom_id"),
        (result("r9", chat("?")), "the answer is to the request 'r9', which is not among the requests"),
        (result("r1", chat(5)), "the content is 5, not text"),
        ({"custom_id": "r2", "body": {"messages": []}}, "the request has no prompt"),
    ],
)
def test_a_line_that_does_not_fit_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: dict[str, Any], message: str
) -> None:
    write(tmp_path / "b" / "lines.jsonl", [result("r1", chat("Because.")), request("r1"), line])
    error = refusal(tmp_path / "b", capsys)
    assert "lines.jsonl, line 3: " in error and message in error
