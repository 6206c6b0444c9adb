"""Each kind of source becomes runs that the rest of the package reads; the rows are made up after the kinds' schemas."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

import fusion_eval as fe
from fusion_eval.errors import ConfigError
from fusion_eval.runs.traces import read_traces

ROOT = Path(__file__).resolve().parents[3]
TEACHERS = ("gemma3-27b", "kimik2", "qwen3", "deepseek-v3", "command-a")


def write(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8"
    )
    return path


def completion(text: str, score: float) -> dict[str, object]:
    return {"completion": text, "score": score, "selection_method": "rm", "teachers": list(TEACHERS)}


def cohere_row(number: int, language: str = "de") -> dict[str, object]:
    teachers = {
        name: completion(f"{name} {number}", (7 * number + 3 * i) % 5 / 5) for i, name in enumerate(TEACHERS)
    }
    best = max(teachers, key=lambda name: teachers[name]["score"])
    return {
        "prompt": f"Frage {number}?",
        "language_code": language,
        "input_hash": f"hash-{language}-{number}",
        "BoN": dict(teachers[best]),
        "Fusion": completion(f"fused {number}", 0.9),
        **teachers,
    }


def values_of(run: Any, metric: str) -> dict[str, list[float]]:
    return {name: [sample.values[metric] for sample in task.samples] for name, task in run.tasks.items()}


def test_cohere_pools_become_a_run_for_each_teacher_and_system(tmp_path: Path) -> None:
    # given
    rows = [cohere_row(i, language) for language in ("de", "ja") for i in range(12)]
    source = write(tmp_path / "ufb.jsonl", rows)
    # when
    result = fe.import_pools(source, tmp_path / "out")
    runs = {run.name: run for run in fe.read_runs(*result.runs)}
    comparison = fe.compare(*(runs[name] for name in ("gemma3-27b", "BoN", "Fusion")))
    # then
    assert (result.kind, result.items, result.candidates) == ("cohere-fusion", 24, 120)
    assert set(runs) == {*TEACHERS, "BoN", "Fusion"}
    assert values_of(runs["Fusion"], "reward") == {"ufb_de": [0.9] * 12, "ufb_ja": [0.9] * 12}
    trace = next(read_traces(runs["BoN"].traces[0]))
    assert [one.model for one in trace.pool.candidates] == list(TEACHERS)
    assert trace.answer.chosen is not None and trace.language == "de"
    assert {row.language for row in comparison.rows} >= {"de", "ja"}


@pytest.mark.slow
def test_imported_pools_are_analyzed_by_the_recorded_scores(tmp_path: Path) -> None:
    from fusion_eval.harness.scored_pools import score_pools

    # given
    source = write(tmp_path / "ufb.jsonl", [cohere_row(i) for i in range(6)])
    result = fe.import_pools(source, tmp_path / "out")
    runs = fe.read_runs(tmp_path / "out" / "BoN", tmp_path / "out" / "Fusion")
    # when
    pools, _ = score_pools(runs, include_path=result.tasks, workers=1)
    # then
    assert [part.metric for part in pools] == ["reward"]
    assert pools[0].values.shape == (6, 5)
    assert pools[0].values[1].tolist() == pytest.approx([(7 + 3 * i) % 5 / 5 for i in range(5)])


def test_cohere_verdicts_become_win_rates_by_language(tmp_path: Path) -> None:
    # given
    def row(number: int, language: str) -> dict[str, object]:
        verdicts = {"BoN": ("win", "loss", "tie")[number % 3], "Fusion": ("win", "win", "tie")[number % 3]}
        texts = {"bon_completion": f"bon {number}", "fusion_completion": f"fused {number}"}
        texts["gemini_2_5_pro_completion"] = "the opponent's"
        names = {
            "question_id": f"q{number}",
            "prompt": "?",
            "language_code": language,
            "judge_model_name": "gpt-4o",
        }
        return {**names, **verdicts, **texts}

    source = write(
        tmp_path / "verdicts.jsonl", [row(i, language) for language in ("en", "fr") for i in range(30)]
    )
    # when
    result = fe.import_pools(source, tmp_path / "out")
    bon, fusion = fe.read_runs(*result.runs)
    rows = fe.compare(bon, fusion).rows
    # then
    assert result.kind == "cohere-verdicts"
    french = next(one for one in rows if one.language == "fr")
    assert (french.metric, french.baseline_value, french.candidate_value) == (
        "win_rate",
        0.5,
        pytest.approx(5 / 6),
    )
    assert french.n == 30
    assert fusion.tasks["verdicts_fr"].samples[0].doc["opponent"] == {"gemini_2_5_pro": "the opponent's"}


def test_repeats_of_the_harness_become_pools(tmp_path: Path) -> None:
    # given
    folder = ROOT / "tests" / "data" / "harness_runs" / "0.4.12" / "strong"
    source = tmp_path / "strong"
    for file in folder.rglob("*"):
        if "mini_repeats" in file.name or file.name.startswith("results"):
            source.mkdir(exist_ok=True)
            (source / file.name).write_bytes(file.read_bytes())
    # when
    result = fe.import_pools(source, tmp_path / "out")
    run = fe.read_runs(*result.runs)[0]
    before = fe.read_runs(source)[0]
    trace = next(read_traces(run.traces[0]))
    # then
    assert result.kind == "lm-eval"
    assert run.tasks["mini_repeats"].samples == before.tasks["mini_repeats"].samples
    assert len(trace.pool.candidates) > 1
    assert trace.task == "mini_repeats"


def test_nemo_skills_seeds_become_pools(tmp_path: Path) -> None:
    # given
    for seed in range(3):
        rows = [
            {
                "problem": f"{i} + 1?",
                "expected_answer": str(i + 1),
                "generation": f"It is {i + (seed > 0)}.",
                "predicted_answer": str(i + (seed > 0)),
                "symbolic_correct": seed > 0,
            }
            for i in range(4)
        ]
        write(tmp_path / "aime" / f"output-rs{seed}.jsonl", rows)
    # when
    result = fe.import_pools(tmp_path / "aime", tmp_path / "out")
    single, majority = fe.read_runs(tmp_path / "out" / "single", tmp_path / "out" / "majority")
    # then
    assert (result.kind, result.candidates) == ("nemo-skills", 12)
    assert values_of(single, "exact_match") == {"aime": [0.0] * 4}
    assert values_of(majority, "exact_match") == {"aime": [1.0] * 4}


def test_alpaca_annotations_become_win_rates_against_their_baseline(tmp_path: Path) -> None:
    # given
    rows = [
        {
            "instruction": f"Do {i}",
            "output_1": "a",
            "output_2": "b",
            "generator_1": "base",
            "generator_2": "mine",
            "annotator": "judge",
            "preference": preference,
        }
        for i, preference in enumerate([2.0, 1.0, 1.5, None, 1.9])
    ]
    source = tmp_path / "annotations.json"
    source.write_text(json.dumps(rows))
    # when
    result = fe.import_pools(source, tmp_path / "out")
    base, mine = fe.read_runs(*result.runs)
    # then
    assert result.kind == "alpaca-eval"
    assert values_of(mine, "win_rate")["alpaca_eval"] == [1.0, 0.0, 0.5, None, pytest.approx(0.9)]
    assert values_of(base, "win_rate")["alpaca_eval"] == [0.5] * 5


@pytest.mark.parametrize("version", ["0.1", "2.0"])
def test_arena_hard_judgements_are_read_from_the_models_side(tmp_path: Path, version: str) -> None:
    # given
    old = version == "0.1"
    key, model = ("question_id", "model_id") if old else ("uid", "model")
    questions = [{key: "q1", **({"turns": [{"content": "Why?"}]} if old else {"prompt": "Why?"})}]
    answer = (
        {"choices": [{"turns": [{"content": "Because."}]}]}
        if old
        else {
            "messages": [
                {"role": "user", "content": "Why?"},
                {"role": "assistant", "content": {"answer": "Because."}},
            ]
        }
    )
    games = [{"score": "B>>A"}, {"score": "A=B"}]
    write(tmp_path / "data" / "question.jsonl", questions)
    write(tmp_path / "data" / "model_answer" / "mine.jsonl", [{key: "q1", model: "mine", **answer}])
    write(
        tmp_path / "data" / "model_judgment" / "mine.jsonl",
        [{key: "q1", "model": "mine", "judge": "j", "games": games}],
    )
    # when
    result = fe.import_pools(tmp_path / "data", tmp_path / "out")
    run = fe.read_runs(*result.runs)[0]
    # then
    assert result.kind == "arena-hard"
    assert values_of(run, "win_rate") == {"arena_hard": [0.75]}
    assert run.tasks["arena_hard"].samples[0].doc["prompt"] == "Why?"


def test_real_answers_of_arena_hard_are_read(shared_data: Path, tmp_path: Path) -> None:
    result = fe.import_pools(shared_data / "arena_hard", tmp_path / "out")
    assert (result.kind, len(result.runs)) == ("arena-hard", 3)
    assert result.items == 100


def test_batch_results_become_runs(tmp_path: Path) -> None:
    # given
    def line(number: int, *texts: str) -> dict[str, object]:
        choices = [{"message": {"content": text}, "finish_reason": "stop"} for text in texts]
        body = {"model": "gpt-4o", "choices": choices, "usage": {"prompt_tokens": 9, "completion_tokens": 8}}
        return {
            "id": "b",
            "custom_id": f"r{number}",
            "response": {"status_code": 200, "body": body},
            "error": None,
        }

    requests = [
        {"custom_id": f"r{i}", "body": {"messages": [{"role": "user", "content": f"{i}?"}]}} for i in range(3)
    ]
    write(tmp_path / "batch" / "input.jsonl", requests)
    failed = {"custom_id": "r2", "response": None, "error": {"message": "expired"}}
    write(tmp_path / "batch" / "output.jsonl", [line(0, "a", "b"), line(1, "c", "d"), failed])
    # when
    result = fe.import_pools(tmp_path / "batch", tmp_path / "out")
    trace = next(read_traces(fe.read_runs(*result.runs)[0].traces[0]))
    # then
    assert (result.kind, result.candidates) == ("openai-batch", 4)
    assert result.notes == ("requests without an answer, 1, are left out, such as 'r2': expired",)
    assert [one.text for one in trace.pool.candidates] == ["a", "b"]
    assert trace.pool.prompt.messages[0].content == "0?"


def test_plain_lines_are_read_by_their_columns(tmp_path: Path) -> None:
    # given
    rows = [
        {"q": f"{i}?", "meta": {"lang": "fr"}, "outs": ["x", f"y{i}"], "rm": [0.25, 0.5]} for i in range(3)
    ]
    source = write(tmp_path / "mine.jsonl", rows)
    columns = {"prompt": "q", "answer": "outs", "score": "rm", "language": "meta.lang"}
    # when
    result = fe.import_pools(source, tmp_path / "out", columns=columns)
    run = fe.read_runs(*result.runs)[0]
    # then
    assert (result.kind, result.candidates) == ("jsonl", 6)
    assert run.tasks["mine_fr"].language == "fr"
    assert values_of(run, "score") == {"mine_fr": [0.25] * 3}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None, str | None]]:
    """Put a hub in place that has one data set with the split `train`, and return the list of what is loaded."""
    loaded: list[tuple[str, str | None, str | None]] = []

    def load_dataset(name: str, configuration: str | None, split: str | None) -> object:
        loaded.append((name, configuration, split))
        if split not in (None, "train"):
            raise ValueError(f"Unknown split '{split}'. Should be one of ['train'].")
        rows = [cohere_row(i) for i in range(3)]
        return rows if split else {"train": rows}

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    monkeypatch.setattr("fusion_eval.models.hub.data_sets.hub_answers", lambda: True)
    return loaded


def test_a_data_set_of_the_hub_is_read_by_its_splits(tmp_path: Path, hub: list[object]) -> None:
    # when
    result = fe.import_pools("hf:CohereLabs/fusion-synth-data-ufb", tmp_path / "out")
    # then
    assert hub == [("CohereLabs/fusion-synth-data-ufb", None, None)]
    assert (result.kind, result.items) == ("cohere-fusion", 3)
    assert "fusion-synth-data-ufb_de" in fe.read_runs(result.runs[0])[0].tasks


def test_a_configuration_and_a_split_of_a_data_set_of_the_hub_are_named(
    tmp_path: Path, hub: list[object]
) -> None:
    # when
    result = fe.import_pools("hf:CohereLabs/ufb/multi:train", tmp_path / "out")
    # then
    assert hub == [("CohereLabs/ufb", "multi", "train")]
    assert "ufb_multi_train_de" in fe.read_runs(result.runs[0])[0].tasks


def test_a_configuration_in_the_place_of_a_split_is_put_right(tmp_path: Path, hub: list[object]) -> None:
    with pytest.raises(ConfigError, match=r"a configuration is hf:CohereLabs/ufb/multi$"):
        fe.import_pools("hf:CohereLabs/ufb:multi", tmp_path / "out")


def test_halves_of_surrogate_pairs_are_replaced(tmp_path: Path) -> None:
    source = tmp_path / "mine.jsonl"
    source.write_text('{"prompt": "?", "answer": "half \\ud800"}\n')
    result = fe.import_pools(source, tmp_path / "out", columns={"prompt": "prompt", "answer": "answer"})
    assert result.items == 1


def test_one_id_in_two_languages_is_two_items(tmp_path: Path) -> None:
    # given
    rows = [{"q": "Why?", "a": "x", "l": "en", "i": 1}, {"q": "Warum?", "a": "u", "l": "de", "i": 1}]
    source = write(tmp_path / "s.jsonl", rows)
    # when
    columns = {"prompt": "q", "answer": "a", "language": "l", "id": "i"}
    result = fe.import_pools(source, tmp_path / "out", columns=columns)
    # then
    assert {path.name.partition("_2")[0] for path in result.runs[0].glob("samples_*")} == {
        "samples_s_en",
        "samples_s_de",
    }
    assert [trace.final for trace in read_traces(result.runs[0] / "traces.jsonl")] == ["x", "u"]
