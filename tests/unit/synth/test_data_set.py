"""What `fusion-eval synth` writes: rows with their provenance, pairs, failures, and a card."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from openai_server import Fault
from synth_lab import Lab, failures_in, rows_in

from fusion_eval.synth.licences import licence_of

MakeLab = Callable[..., Lab]


def test_each_prompt_becomes_a_row_of_chat_messages_in_the_order_of_the_prompts(lab: MakeLab) -> None:
    # given
    made = lab(5, {"language": "en"})
    # when
    assert made.synth() == 0
    # then
    rows = rows_in(made.output)
    assert [row["messages"][0]["content"][-1] for row in rows] == list("01234")
    assert all(row["messages"][1]["content"].startswith("fused: ") for row in rows)
    assert [row["index"] for row in rows] == list(range(5))
    first = rows[0]
    assert [candidate["model"] for candidate in first["candidates"]] == ["a", "b", "c"]
    assert (first["fusor"], first["chosen_candidate"], first["fallback"], first["language"]) == (
        "a",
        None,
        None,
        "en",
    )
    assert first["completion_tokens"] > sum(one["completion_tokens"] for one in first["candidates"]), (
        "the fusor's too"
    )
    assert failures_in(made.output) == []


def test_plain_prompts_and_completions_are_texts(lab: MakeLab) -> None:
    made = lab(2)
    assert made.synth("--format", "prompt_completion", "--strategy", "single") == 0
    [first, _] = rows_in(made.output)
    assert first["prompt"] == "Tell me a story about number 0"
    assert first["completion"] == first["candidates"][0]["text"]


def test_a_data_set_without_a_row_is_noted(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    # given a filter that no answer passes
    made = lab(2)
    # when
    assert made.synth("--strategy", "single", "--filters", "length(most=1)") == 0
    # then
    assert "single: no row is left; failed.parquet tells why" in capsys.readouterr().err
    assert len(failures_in(made.output)) == 2


def test_answers_are_cut_at_a_text_that_ends_them(lab: MakeLab) -> None:
    # given teachers that write on after the line, whatever they are asked
    made = lab(2, reply=lambda request, index: "the answer\nEnglish: another question")
    # when
    assert made.synth("--strategy", "single", "--stop", r"\n") == 0
    # then
    assert [row["messages"][-1]["content"] for row in rows_in(made.output)] == ["the answer"] * 2


def test_several_strategies_share_the_pool_and_have_a_folder_each(lab: MakeLab) -> None:
    # given
    made = lab(3)
    # when
    assert made.synth("--strategy", "single,bon(scorer=chrf),fusion", "--pairs") == 0
    # then
    folders = [made.output / name for name in ("single", "bon(scorer=chrf)", "fusion")]
    texts = [[[one["text"] for one in row["candidates"]] for row in rows_in(folder)] for folder in folders]
    assert texts[0] == texts[1] == texts[2]
    assert len(made.server.calls) == 3 * 3 + 3, "three teachers and one fusor for each prompt"
    bon = rows_in(folders[1])[0]
    assert bon["score"] == max(one["score"] for one in bon["candidates"])
    [pair, *_] = rows_in(folders[1], "pairs")
    assert pair["kind"] == "best_worst" and pair["gap"] > 0
    assert pair["chosen"][0]["content"] == bon["candidates"][bon["chosen_candidate"]]["text"]
    assert {pair["kind"] for pair in rows_in(folders[2], "pairs")} == {"made_single"}
    assert rows_in(folders[0], "pairs") == []


def test_the_data_sets_library_loads_the_folder_and_each_configuration(lab: MakeLab) -> None:
    # given
    datasets = pytest.importorskip("datasets")
    made = lab(3)
    made.synth("--strategy", "single,fusion", "--pairs")
    cache = str(made.folder / "hub")
    # when
    default = datasets.load_dataset(str(made.output), cache_dir=cache)["train"]
    pairs = datasets.load_dataset(str(made.output / "fusion"), "pairs", cache_dir=cache)["train"]
    same = datasets.load_dataset(str(made.output), "fusion-pairs", cache_dir=cache)["train"]
    # then
    assert set(default["strategy"]) == {"single"}
    assert len(pairs) == 3 and pairs["rejected"] == same["rejected"]
    assert trl_columns(default) == {"messages"}
    assert trl_columns(pairs) == {"prompt", "chosen", "rejected"}


def test_two_folders_of_one_name_are_not_taken_for_each_other(lab: MakeLab) -> None:
    # given two data sets that differ in their rows alone, and the cache of the data sets library
    datasets = pytest.importorskip("datasets")
    made = lab(2)
    folders = [made.folder / part / "data_set" for part in ("one", "other")]
    for folder, seed in zip(folders, ("1", "7"), strict=True):
        made.synth("--strategy", "single", more=f",seed={seed}", output=folder)
    # when
    cache = str(made.folder / "hub")
    loaded = [datasets.load_dataset(str(folder), cache_dir=cache)["train"] for folder in folders]
    # then
    assert [rows["messages"] for rows in loaded] == [
        [row["messages"] for row in rows_in(folder)] for folder in folders
    ]
    assert loaded[0]["messages"] != loaded[1]["messages"]


def trl_columns(rows: Any) -> set[str]:
    """Return the columns by which TRL tells chats from texts: it looks at any of them, so all have to agree."""
    return set(rows.column_names) & {"prompt", "completion", "messages", "chosen", "rejected"}


def test_rows_are_split_into_files_that_know_their_number(lab: MakeLab) -> None:
    made = lab(5)
    made.synth("--rows_per_file", "2")
    names = sorted(path.name for path in (made.output / "data").iterdir())
    assert names == [f"train-0000{i}-of-00003.parquet" for i in range(3)]
    assert pq.read_metadata(made.output / "data" / names[0]).num_rows == 2


def test_the_card_has_a_header_that_the_hub_reads_and_says_what_happened(lab: MakeLab) -> None:
    made = lab(3, {"language": "fr"}, models=("qwen3-8b", "gemma-3-4b"))
    made.synth("--filters", "language", model="qwen3-8b|gemma-3-4b")
    text = (made.output / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(text.split("---")[1])
    assert header["size_categories"] == ["n<1K"] and "synthetic" in header["tags"]
    assert header["license"] == "other" or len({"apache-2.0", header["license"]}) == 2
    assert header["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*"}]
    assert "| language |" in text and "fusion-eval synth" in text


def test_terms_are_known_by_the_exact_name_alone() -> None:
    assert licence_of("Qwen/Qwen3-8B").spdx == licence_of("gpt-oss-20b").spdx == "apache-2.0"
    assert licence_of("embedded").spdx == "gemma"
    assert [licence_of(name).spdx for name in ("qwen3-8b", "Qwen/Qwen2.5-72B-Instruct")] == [None, None]


def test_a_prompt_without_an_answer_is_a_line_of_the_failures(lab: MakeLab) -> None:
    # given a server that refuses one prompt
    def faults(number: int, request: dict) -> Fault | None:
        refused = "number 1" in str(request["messages"][-1]["content"])
        return Fault("status", status=400) if refused else None

    made = lab(3, faults=faults)
    # when
    assert made.synth() == 0
    # then
    [failed] = failures_in(made.output)
    assert (failed["index"], failed["reason"]) == (1, "error")
    assert "planned to fail with 400" in failed["error"]
    assert [row["index"] for row in rows_in(made.output)] == [0, 2]


def test_a_dry_run_counts_the_calls_and_sends_none(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    made = lab(4)
    assert made.synth("--dry_run", "--strategy", "single,fusion") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    calls = {tuple(line[:2]): line[2] for line in lines if len(line) > 4 and line[2].isdecimal()}
    assert calls[("single", "sampler")] == "12" and calls[("fusion", "fusor")] == "4"
    assert not made.server.calls and not made.output.exists()


def test_the_cost_counts_a_shared_pool_once(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    made = lab(2)
    made.synth("--strategy", "single,longest", more=",price_in=1,price_out=1")
    out = capsys.readouterr().out
    first = sum(row["cost"] for row in rows_in(made.output / "single"))
    assert f"cost: ${first:.6f}" in out


def test_chat_prompts_keep_their_turns_and_lose_the_answer_at_the_end(lab: MakeLab) -> None:
    made = lab(0)
    path = made.folder / "chat.jsonl"
    path.write_text(
        '{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}, '
        '{"role": "assistant", "content": "Old."}]}\n'
    )
    made.synth("--prompts", str(path), "--strategy", "single")
    [row] = rows_in(made.output)
    assert [turn["role"] for turn in row["messages"]] == ["system", "user", "assistant"]
    assert row["messages"][-1]["content"] != "Old."


def test_a_finished_job_runs_again_without_a_call_and_writes_the_same_bytes(lab: MakeLab) -> None:
    made = lab(4)
    made.synth("--pairs")
    before = {path: path.read_bytes() for path in made.output.rglob("*") if path.is_file()}
    calls = len(made.server.calls)
    made.synth("--pairs")
    assert {path: path.read_bytes() for path in made.output.rglob("*") if path.is_file()} == before
    assert len(made.server.calls) == calls


def test_a_parquet_file_and_standard_input_give_the_same_rows_as_jsonl(
    lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    import io
    import sys
    from types import SimpleNamespace

    import pyarrow as pa

    made = lab(3)
    lines = (made.folder / "prompts.jsonl").read_bytes()
    table = pa.table({"question": [f"Tell me a story about number {i}" for i in range(3)]})
    pq.write_table(table, made.folder / "p.parquet")
    # when
    made.synth("--strategy", "single")
    parquet, piped = made.folder / "parquet", made.folder / "piped"
    made.synth(
        "--strategy",
        "single",
        "--prompts",
        str(made.folder / "p.parquet"),
        "--columns",
        "prompt=question",
        output=parquet,
    )
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    made.synth("--strategy", "single", "--prompts", "-", output=piped)
    # then
    assert rows_in(made.output) == rows_in(parquet) == rows_in(piped)


def test_a_task_of_the_harness_gives_prompts_where_benchmarks_are_allowed(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    made = lab(1)
    task = ("--prompts", "fusion_demo_fr", "--limit", "2", "--strategy", "single")
    assert made.synth(*task) == 2
    assert "--allow_benchmarks" in capsys.readouterr().err
    assert made.synth(*task, "--allow_benchmarks") == 0
    assert {row["language"] for row in rows_in(made.output)} == {"fr"}


@pytest.mark.parametrize("name", ["juletxara/mgsm", "google/WMT24pp/en-de_DE:train"])
def test_a_benchmark_on_the_hub_is_refused(
    lab: MakeLab, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert lab(1).synth("--prompts", f"hf:{name}") == 2
    assert f"hf:{name} is a benchmark of this package" in capsys.readouterr().err


def test_a_data_set_of_the_datasets_library_is_streamed(lab: MakeLab) -> None:
    # given a data set in a local folder, which is read as one of the hub is
    pytest.importorskip("datasets")
    made = lab(3, {"language": "en"})
    folder = made.folder / "hub_set"
    folder.mkdir()
    (made.folder / "prompts.jsonl").rename(folder / "train.jsonl")
    # when
    assert made.synth("--prompts", f"hf:{folder}", "--strategy", "single", "--limit", "2") == 0
    # then
    assert [row["index"] for row in rows_in(made.output)] == [0, 1]


def test_what_a_filter_drops_is_counted_in_the_card_and_kept_as_a_line(lab: MakeLab) -> None:
    made = lab(4, {"language": "de"})
    assert made.synth("--strategy", "single", "--filters", "language,length(least=1)") == 0
    failed, rows = failures_in(made.output), rows_in(made.output)
    assert len(failed) + len(rows) == 4 and failed
    assert all(
        one["reason"] == "language" and one["completion"] and "not in de" in one["error"] for one in failed
    )
    assert f"| language | {len(failed)} |" in (made.output / "README.md").read_text(encoding="utf-8")


def test_decontamination_drops_rows_that_hold_a_task(lab: MakeLab) -> None:
    # given a prompt that is in the benchmark
    from fusion_eval.harness.tasks.prompts import task_texts

    made = lab(1)
    long = max((text for _, text in task_texts(["fusion_demo_fr"])), key=len)
    path = made.folder / "mixed.jsonl"
    path.write_text(f"{json.dumps({'prompt': long})}\n{json.dumps({'prompt': 'Something else'})}\n")
    # when
    options = ("--prompts", str(path), "--strategy", "single", "--decontaminate", "fusion_demo_fr")
    assert made.synth(*options) == 0
    # then
    [failed] = failures_in(made.output)
    assert (failed["index"], failed["reason"]) == (0, "contamination")
    assert "with the task fusion_demo_fr" in failed["error"]
