"""Mistakes of a user: one sentence, exit code 2, and nothing is lost."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openai_server import Fault
from synth_lab import Lab, damage_column, failures_in, rows_in

from fusion_eval.errors import ConfigError

MakeLab = Callable[..., Lab]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty: it holds no prompt"),
        ('{"prompt": "a"}\n{"prompt": ', "prompts.jsonl, line 2 is no JSON object"),
        ('{"prompt": "a"}\n{"prompt": ""}\n', "prompts.jsonl, line 2, column 'prompt' should hold a text"),
        (
            '{"question": "a", "lang": "en"}\n',
            "has neither a column 'prompt' nor 'messages'; it has: question, lang",
        ),
        ('{"prompt": "a"}\n["b"]\n', "prompts.jsonl, line 2 is no JSON object"),
        (
            '{"messages": [{"role": "robot", "content": "a"}]}\n',
            'such as {"role": "user", "content": "Why?"}',
        ),
    ],
    ids=["empty", "half a line", "no text", "no column", "a list", "an unknown role"],
)
def test_a_bad_prompt_file_is_named_with_its_line_before_any_call(
    lab: MakeLab, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    made = lab(1)
    (made.folder / "prompts.jsonl").write_text(content)
    assert made.synth() == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not made.server.calls and not made.output.exists()


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (lambda archive: archive[:-9], "it is cut off"),
        (lambda archive: archive[:10] + b"\xff" * 30, "its compressed data are damaged"),
    ],
)
def test_a_damaged_archive_of_prompts_is_an_error_in_one_sentence(
    lab: MakeLab, capsys: pytest.CaptureFixture[str], cut: Callable[[bytes], bytes], message: str
) -> None:
    made = lab(1)
    path = made.folder / "prompts.jsonl.gz"
    path.write_bytes(cut(gzip.compress(b'{"prompt": "a"}\n')))
    assert made.synth("--prompts", str(path)) == 2
    assert message in capsys.readouterr().err


def test_a_damaged_parquet_file_of_prompts_is_named_with_the_last_good_row(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a file whose footer can be read
    made = lab(1)
    path = made.folder / "prompts.parquet"
    pq.write_table(pa.table({"prompt": ["Why?", "How?"]}), path)
    damage_column(path, "prompt")
    # when
    code = made.synth("--prompts", str(path))
    # then
    assert code == 2
    assert f"The prompt file {path} is damaged after row 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--stop", ""), "--stop is empty and would end no answer"),
        (("--columns", "prompt=questoin"), "has no column 'questoin'. It has: prompt"),
        (("--columns", "promt=x"), "--columns knows no 'promt'. Did you mean 'prompt'?"),
        (("--prompts", "nowhere.jsonl"), "There is no prompt file nowhere.jsonl"),
        (("--prompts", ""), "--prompts is empty; name a file"),
        (("--strategy", "fussion"), "Did you mean 'fusion'?"),
        (("--strategy", "majority"), "majority votes on the answers that a task extracts"),
        (("--min_teachers", "4"), "--min_teachers 4 should be from 1 to 3"),
        (("--shard", "3/3"), "the last of 3 is 2/3"),
        (("--filters", "duplicate"), "Did you mean 'duplicates'?"),
    ],
    ids=lambda value: value[0] + value[1] if isinstance(value, tuple) else "",
)
def test_a_wrong_option_is_one_sentence(
    lab: MakeLab, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    made = lab(1)
    assert made.synth(*options) == 2
    assert message in capsys.readouterr().err
    assert not made.server.calls


def test_a_store_is_needed(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    made = lab(1)
    assert made.synth("--model_args", "cache=off") == 2
    assert "cache=off keeps no answer" in capsys.readouterr().err


def test_an_output_folder_of_another_job_is_left_alone(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    made = lab(2)
    made.synth("--strategy", "single")
    before = rows_in(made.output)
    # when
    assert made.synth("--strategy", "longest") == 2
    # then
    assert (
        'holds another job: strategies was ["single"] there, and is ["longest"] now'
        in capsys.readouterr().err
    )
    assert rows_in(made.output) == before


def test_prompts_that_were_edited_are_another_job_and_moved_ones_are_not(
    lab: MakeLab, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    # given a finished job
    made = lab(2)
    made.synth("--strategy", "single")
    prompts = made.folder / "prompts.jsonl"
    # when the same file lies elsewhere, the job is the same
    moved = tmp_path / "elsewhere" / "prompts.jsonl"
    moved.parent.mkdir()
    moved.write_bytes(prompts.read_bytes())
    assert made.synth("--strategy", "single", "--prompts", str(moved)) == 0
    # and when a prompt in it is another, though there are as many, it is not
    moved.write_bytes(moved.read_bytes().replace(b"1", b"7"))
    assert made.synth("--strategy", "single", "--prompts", str(moved)) == 2
    assert "the files with prompts have changed since" in capsys.readouterr().err


def test_a_folder_with_other_files_is_left_alone(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    made = lab(1)
    made.output.mkdir()
    (made.output / "thesis.tex").write_text("precious")
    assert made.synth() == 2
    assert "holds files that are not of this job (thesis.tex)" in capsys.readouterr().err


def test_a_teacher_that_fails_for_good_ends_the_job_and_a_hint_says_how_to_go_on(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    made = lab(3, models=("a", "b"))
    assert made.synth("--strategy", "single") == 2
    error = capsys.readouterr().err
    assert "does not exist" in error and "--min_teachers 2 would go on with the 2 others" in error


def test_the_job_goes_on_with_the_teachers_that_are_left_and_says_so(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a server that does not have the third model
    made = lab(3, models=("a", "b"))
    # when
    assert made.synth("--min_teachers", "2") == 0
    # then
    assert "c fails for good and is left out, 2 teachers go on" in capsys.readouterr().err
    rows = rows_in(made.output)
    assert len(rows) == 3
    assert all(row["candidates"][2]["error"] and row["candidates"][0]["text"] for row in rows)


def test_a_misspelt_prompt_file_is_answered_with_the_nearest_one(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    made = lab(1)
    assert made.synth("--prompts", str(made.folder / "promtps.jsonl")) == 2
    assert f"Did you mean '{made.folder / 'prompts.jsonl'}'?" in capsys.readouterr().err


def test_the_last_teacher_goes_on_alone(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    # given a server that has one of three models
    made = lab(2, models=("a",))
    # when
    assert made.synth("--strategy", "single", "--min_teachers", "1") == 0
    # then
    assert "one teacher goes on" in capsys.readouterr().err
    assert len(rows_in(made.output)) == 2


def test_a_pool_with_too_few_teachers_is_a_failure(lab: MakeLab) -> None:
    # given a server whose model b refuses one prompt
    def faults(number: int, request: dict) -> Fault | None:
        refused = request["model"] == "b" and "number 1" in str(request["messages"])
        return Fault("status", status=400) if refused else None

    made = lab(3, faults=faults)
    # when
    assert made.synth("--strategy", "single") == 0
    # then
    [failed] = failures_in(made.output)
    assert failed["index"] == 1 and failed["error"].startswith("2 of 3 teachers answered; ")


def test_prompts_that_are_neither_a_file_nor_a_task_are_named(
    lab: MakeLab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an index of tasks that is not searched, since that takes seconds
    def no_task(names: tuple[str, ...], include_path: object) -> None:
        raise ConfigError(f"There is no task '{names[0]}'.")

    monkeypatch.setattr("fusion_eval.harness.tasks.loading.task_manager", no_task)
    # when
    assert lab(1).synth("--prompts", "no_such_task") == 2
    # then
    assert "--prompts no_such_task is neither a file nor a task. There is no task" in capsys.readouterr().err


def test_a_wrong_address_is_put_right_in_the_same_folder(lab: MakeLab) -> None:
    # given a job that ended before its first answer
    made = lab(2, models=("a", "b"))
    assert made.synth("--strategy", "single") == 2
    # when
    assert made.synth("--strategy", "single", model="a|b") == 0
    # then
    assert len(rows_in(made.output)) == 2


def test_nothing_on_standard_input_is_refused(
    lab: MakeLab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    made = lab(1)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"")))
    # when
    code = made.synth("--prompts", "-")
    # then
    assert code == 2
    assert "Standard input is empty: it holds no prompt" in capsys.readouterr().err


def test_missing_log_probabilities_end_the_job_before_a_second_prompt_is_asked(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    # given many prompts, and teachers of which none reports log-probabilities
    made = lab(40, logprobs=False)
    # when
    assert made.synth("--strategy", "bon(scorer=logprob)") == 2
    # then each teacher was asked for one candidate of the first prompt
    assert "a reports none; use scorer=chrf, or scorer=judge" in capsys.readouterr().err
    assert len(made.server.calls) == 3
    assert len({str(call.body["messages"]) for call in made.server.calls}) == 1
