"""Runs in the shared schema of Every Eval Ever: valid by its own files, honest about who answered, the same every time."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from export_runs import QUIZ, WEIGHTS, A, B, add_traces, change_results, our_run, plain_run
from hypothesis import given
from hypothesis import strategies as st
from run_folders import samples

from fusion_eval.errors import ConfigError
from fusion_eval.export.every_eval_ever.files import why_not_validated, write_every_eval_ever
from fusion_eval.export.subject import ExportedFiles, read_subject
from fusion_eval.text.file_names import safe_file_name

RUNS = Path(__file__).resolve().parents[2] / "data" / "harness_runs"
PACKAGE = "every-eval-ever==0.3.0"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
Exported = list[tuple[dict[str, Any], list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two schemas as the package has them: installed, else out of its wheel."""
    names = ("eval.schema.json", "instance_level_eval.schema.json")
    if spec := importlib.util.find_spec("every_eval_ever"):
        home = Path(str(spec.origin)).parent / "schemas"
        return tuple(json.loads((home / name).read_text()) for name in names)  # type: ignore[return-value]
    folder = tmp_path_factory.mktemp("wheel")
    asked = ["--no-deps", "--python-version", "3.12", "--only-binary=:all:", "-q", "-d", str(folder), PACKAGE]
    try:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", *asked], check=True, capture_output=True, timeout=120
        )
    except (subprocess.SubprocessError, OSError):
        pytest.skip(f"{PACKAGE} cannot be downloaded, and its schemas are checked against")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        return tuple(json.loads(content.read(f"every_eval_ever/schemas/{name}")) for name in names)  # type: ignore[return-value]


def export(path: Path, folder: Path) -> ExportedFiles:
    return write_every_eval_ever(read_subject(path), folder)


def read(made: ExportedFiles) -> Exported:
    """(Aggregate, its rows), in the order of the runs and benchmarks."""
    aggregates = [path for path in made.paths if path.suffix == ".json"]
    rows = [path.with_name(f"{path.stem}_samples.jsonl") for path in aggregates]
    return [
        (
            json.loads(path.read_text()),
            [json.loads(line) for line in items.read_text().splitlines()] if items.exists() else [],
        )
        for path, items in zip(aggregates, rows, strict=True)
    ]


def only(path: Path, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    (one,) = read(export(path, folder))
    return one


class TestSchema:
    @pytest.fixture(
        params=[
            "0.4.1/strong",
            "0.4.3/weak",
            "0.4.8/strong",
            "0.4.12/weak",
            "0.4.12/limited",
            "0.4.1/limited",
        ]
    )
    def release(self, request: pytest.FixtureRequest) -> Path:
        return RUNS / request.param

    def check(self, exported: Exported, schemas: tuple[dict[str, Any], dict[str, Any]]) -> None:
        assert exported
        for aggregate, rows in exported:
            jsonschema.validate(aggregate, schemas[0])
            validator = jsonschema.Draft7Validator(schemas[1])
            assert [error.message for row in rows for error in validator.iter_errors(row)] == []

    def test_runs_of_every_release_pass(
        self, release: Path, tmp_path: Path, schemas: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        self.check(read(export(release, tmp_path)), schemas)

    @pytest.mark.parametrize("strategy", ["single", "bon", "fusion"])
    def test_our_runs_pass(
        self, strategy: str, tmp_path: Path, schemas: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        run = add_traces(our_run(tmp_path / "run", strategy, {"openai/lab/a": A, "openai/lab/b": B}))
        self.check(read(export(run, tmp_path / "out")), schemas)

    def test_runs_full_of_hostile_text_pass(
        self, tmp_path: Path, schemas: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        # given answers with ends of lines of all kinds, control codes and halves of characters
        run = plain_run(tmp_path / "run")
        (file,) = run.rglob("samples_*.jsonl")
        file.write_text(file.read_text().replace('"…"', r'"a\u2028b\u0085c\u001b[31m\ud800"'))
        made = export(change_results(run, {"model_name": "../..\x1b[31m/..\u202e/x"}), tmp_path / "out")
        # then each row is one line, however lines are split
        (aggregate, rows), items = read(made)[0], made.paths[1].read_text()
        assert len(items.splitlines()) == len(rows) == 2
        assert rows[0]["output"]["raw"] == ["a\u2028b\x85c\x1b[31m?"]
        self.check([(aggregate, rows)], schemas)


class TestFiles:
    def test_an_aggregate_and_its_items_are_linked(self, tmp_path: Path) -> None:
        made = export(plain_run(tmp_path / "run"), tmp_path / "out")
        aggregate, items = made.paths
        # then they share a name of the schema's form, in the folder of benchmark, developer and model
        place = aggregate.relative_to(tmp_path / "out").as_posix()
        assert re.fullmatch(rf"data/quiz/lab/a/{UUID4}\.json", place)
        # and the aggregate tells where its items are, how many, and what their bytes are
        link = json.loads(aggregate.read_text())["detailed_evaluation_results"]
        assert link["file_path"] == items.relative_to(tmp_path / "out").as_posix()
        assert link["checksum"] == hashlib.sha256(items.read_bytes()).hexdigest()
        assert link["total_rows"] == 2
        assert {row["evaluation_id"] for row in read(made)[0][1]} == {"quiz/lab/a/1767323045.5"}

    def test_the_same_run_gives_the_same_bytes(self, tmp_path: Path) -> None:
        run = add_traces(our_run(tmp_path / "run", "fusion", {"embedded": WEIGHTS}))
        first, second = export(run, tmp_path / "a"), export(run, tmp_path / "b")
        for one, other in zip(first.paths, second.paths, strict=True):
            assert one.relative_to(tmp_path / "a") == other.relative_to(tmp_path / "b")
            assert one.read_bytes() == other.read_bytes()

    def test_a_group_is_one_benchmark_with_all_its_tasks(self, tmp_path: Path) -> None:
        benchmarks = {
            made[0]["evaluation_id"].split("/")[0]: made
            for made in read(export(RUNS / "0.4.12" / "strong", tmp_path))
        }
        assert "mini_qa" in benchmarks and "mini_qa_de" not in benchmarks
        aggregate, rows = benchmarks["mini_qa"]
        scores = {result["evaluation_name"]: result for result in aggregate["evaluation_results"]}
        assert set(scores) == {"mini_qa_de", "mini_qa_fr", "mini_qa"}
        # and the mean says what it is a mean of, so that nobody counts it as a third task
        assert scores["mini_qa"]["score_details"]["details"] == {"aggregate_of": "mini_qa_de, mini_qa_fr"}
        assert {row["evaluation_name"] for row in rows} == {"mini_qa_de", "mini_qa_fr"}

    def test_names_cannot_lead_out_of_the_folder(self, tmp_path: Path) -> None:
        task = "../../../outside"
        run = plain_run(tmp_path / "run", reported={"quiz": {"acc,none": 0.5}})
        groups = {"groups": {task: {"acc,none": 0.5}}, "group_subtasks": {task: ["quiz"]}}
        change_results(run, {"model_name": "../../../../x/../y", **groups})
        made = export(run, tmp_path / "out" / "deep")
        for path in made.paths:
            assert (tmp_path / "out" / "deep" / "data").resolve() in path.resolve().parents
            assert len(path.relative_to(tmp_path / "out" / "deep").parts) == 5

    def test_without_a_number_there_is_nothing_to_export(self, tmp_path: Path) -> None:
        run = plain_run(tmp_path / "run", reported={})
        with pytest.raises(ConfigError, match="no results file with a number"):
            export(run, tmp_path / "out")

    def test_a_run_without_a_validator_says_so(self, tmp_path: Path) -> None:
        made = export(plain_run(tmp_path / "run"), tmp_path / "out")
        assert (why_not_validated() in made.notes) is (importlib.util.find_spec("every_eval_ever") is None)

    @given(st.text())
    def test_any_name_is_one_part_of_a_path(self, name: str) -> None:
        made = safe_file_name(name)
        assert (
            made not in ("", ".", "..") and not set(made) & set('/\\:*?"<>|\0\n') and len(made.encode()) < 256
        )
        assert made == made.rstrip(". ")


class TestWhoAnswered:
    def test_a_fused_system_is_not_its_sampler(self, tmp_path: Path) -> None:
        run = our_run(tmp_path / "run", "fusion", {"openai/lab/a": A, "openai/lab/b": B})
        aggregate, rows = only(run, tmp_path / "out")
        model = aggregate["model_info"]
        assert re.fullmatch(r"fusion_eval/fusion-n5-[0-9a-f]{8}", model["id"])
        assert model["name"] == "fusion of 5 (sampler lab/a+lab/b, fusor lab/a)"
        assert {row["model_id"] for row in rows} == {model["id"]}
        details = model["additional_details"]
        assert (details["samplers"], details["fusor"]) == ('["lab/a", "lab/b"]', "lab/a")
        assert (details["is_one_model"], details["n"], details["signature"]) == ("false", "5", "fusion|n:5")
        # and what cannot be known is not guessed
        assert (details["deployment_type"], details["model_availability"]) == ("unknown", "unknown")

    def test_best_of_n_names_its_scorer_and_no_fusor(self, tmp_path: Path) -> None:
        model = only(our_run(tmp_path / "run", "bon", {"openai/lab/a": A}), tmp_path / "out")[0]["model_info"]
        assert model["name"] == "bon of 5 (sampler lab/a, scorer logprob)"
        assert "fusor" not in model["additional_details"]

    def test_one_sample_of_one_model_is_that_model(self, tmp_path: Path) -> None:
        model = only(our_run(tmp_path / "run", "single", {"openai/lab/a": A}), tmp_path / "out")[0][
            "model_info"
        ]
        assert (model["id"], model["developer"]) == ("lab/a", "lab")

    def test_one_sample_of_several_models_is_a_system(self, tmp_path: Path) -> None:
        run = our_run(tmp_path / "run", "single", {"openai/lab/a": A, "openai/lab/b": B})
        assert only(run, tmp_path / "out")[0]["model_info"]["id"].startswith("fusion_eval/single-n5-")

    def test_systems_that_differ_in_their_settings_have_different_ids(self, tmp_path: Path) -> None:
        settings = {"model": ["embedded"], "n": 5, "temperature": [0.9]}
        runs = [
            our_run(tmp_path / "one", "fusion", {"embedded": WEIGHTS}),
            our_run(tmp_path / "two", "fusion", {"embedded": WEIGHTS}, told={"settings": settings}),
        ]
        ids = {only(run, tmp_path / "out")[0]["model_info"]["id"] for run in runs}
        assert len(ids) == 2

    def test_where_the_server_stands_is_nobodys_business(self, tmp_path: Path) -> None:
        elsewhere = A.replace("10.0.0.7", "10.0.0.8")
        runs = [
            our_run(tmp_path / name, "fusion", {"openai/lab/a": by})
            for name, by in (("x", A), ("y", elsewhere))
        ]
        texts = ["".join(path.read_text() for path in export(run, tmp_path / "out").paths) for run in runs]
        assert len({json.loads(text.splitlines()[-1])["model_id"] for text in texts}) == 1
        assert not any(secret in text for text in texts for secret in ("10.0.0", "/home/me"))

    def test_a_model_on_somebodys_disk_goes_by_its_file(self, tmp_path: Path) -> None:
        path = "gguf:/home/me/models/x.gguf"
        told = {"signature": f"fusion|n:5|pool:{path}+lab/b|fusor:{path}"}
        run = our_run(tmp_path / "run", "fusion", {path: WEIGHTS, "openai/lab/b": B}, told=told)
        made = export(run, tmp_path / "out")
        model = read(made)[0][0]["model_info"]
        assert model["name"] == "fusion of 5 (sampler x.gguf+lab/b, fusor x.gguf)"
        assert (
            model["additional_details"]["signature"] == "fusion|n:5|pool:gguf:x.gguf+lab/b|fusor:gguf:x.gguf"
        )
        assert not any("/home/me" in path.read_text() for path in made.paths)

    def test_weights_in_the_process_are_self_deployed(self, tmp_path: Path) -> None:
        model = only(our_run(tmp_path / "run", "fusion", {"embedded": WEIGHTS}), tmp_path / "out")[0][
            "model_info"
        ]
        assert model["inference_engine"] == {"name": "llama.cpp"}
        assert model["additional_details"]["deployment_type"] == "self_deployed"
        assert model["additional_details"]["sampler_weights"] == '["gguf a5fd3b62230aa5ec60212297dc9d20ea"]'

    def test_a_model_type_is_no_name_of_a_model(self, tmp_path: Path) -> None:
        made = export(RUNS / "0.4.3" / "limited", tmp_path)
        assert read(made)[0][0]["model_info"]["name"] == "unknown"
        assert any("developer of the model is not known" in note for note in made.notes)

    def test_the_oldest_release_names_its_model_in_its_arguments_alone(self, tmp_path: Path) -> None:
        aggregate, _ = read(export(RUNS / "0.4.1" / "strong", tmp_path))[0]
        assert aggregate["model_info"]["id"] == "mini/strong"
        # and has no date
        assert aggregate["retrieved_timestamp"] == "unknown" and "evaluation_timestamp" not in aggregate

    def test_arguments_that_may_hold_a_key_are_not_repeated(self, tmp_path: Path) -> None:
        run = change_results(
            plain_run(tmp_path / "run"),
            {
                "config": {
                    "model": "hf",
                    "model_args": "pretrained=lab/a,token=s3cret,dtype=float16,peft=/home/me/lora",
                }
            },
        )
        details = only(run, tmp_path / "out")[0]["model_info"]["additional_details"]
        assert (details["dtype"], details["peft"]) == ("float16", "lora")
        assert "s3cret" not in "".join(path.read_text() for path in (tmp_path / "out").rglob("*.json*"))


class TestNumbers:
    def test_a_score_has_its_error_its_items_and_its_scale(self, tmp_path: Path) -> None:
        (result,) = only(plain_run(tmp_path / "run"), tmp_path / "out")[0]["evaluation_results"]
        assert result["score_details"]["score"] == 0.5
        assert result["score_details"]["uncertainty"] == {"standard_error": {"value": 0.5}, "num_samples": 2}
        metric = result["metric_config"]
        assert (metric["metric_id"], metric["min_score"], metric["max_score"]) == ("accuracy", 0, 1)
        assert result["source_data"]["hf_repo"] == "lab/quiz"

    def test_a_number_that_json_does_not_know_is_left_out(self, tmp_path: Path) -> None:
        reported = {
            "quiz": {"acc,none": 0.5, "acc_stderr,none": float("inf"), "perplexity,none": float("inf")}
        }
        aggregate, _ = only(plain_run(tmp_path / "run", reported=reported), tmp_path / "out")
        (result,) = aggregate["evaluation_results"]
        assert result["score_details"] == {"score": 0.5}

    def test_how_an_error_was_computed_follows_from_the_aggregation(self, tmp_path: Path) -> None:
        found = {
            result["evaluation_result_id"]: result["score_details"]["uncertainty"]["standard_error"]["method"]
            for aggregate, _ in read(export(RUNS / "0.4.12" / "strong", tmp_path))
            for result in aggregate["evaluation_results"]
            if "method" in result["score_details"]["uncertainty"].get("standard_error", {})
        }
        assert found["mini_math:exact_match:strict-match"] == "analytic"
        assert found["mini_translate_en-fr:bleu"] == "bootstrap"

    def test_a_known_name_on_another_scale_has_no_bounds(self, tmp_path: Path) -> None:
        run = plain_run(
            tmp_path / "run", {"quiz": samples([80.0, 90.0])}, reported={"quiz": {"acc,none": 85.0}}
        )
        aggregate, rows = only(run, tmp_path / "out")
        metric = aggregate["evaluation_results"][0]["metric_config"]
        assert "max_score" not in metric and metric["additional_details"]["bounds_status"] == "unknown"
        assert rows[0]["metadata"]["is_correct"].startswith("never true")

    def test_generation_is_as_our_settings_and_the_task_say(self, tmp_path: Path) -> None:
        config = {"quiz": {"generation_kwargs": {"temperature": 0.0, "max_gen_toks": 64, "until": ["\n"]}}}
        run = our_run(tmp_path / "run", "fusion", {"openai/lab/a": A}, config=config)
        generation = only(run, tmp_path / "out")[0]["evaluation_results"][0]["generation_config"]
        assert generation["generation_args"] == {"temperature": 0.7, "max_tokens": 64}
        details = generation["additional_details"]
        assert (
            details["strategy"] == "fusion" and details["seed"] == "3" and details["task_until"] == '["\\n"]'
        )
        assert details["fusor_prompt"] == "paper c6fe9ee0"
        assert all(isinstance(value, str) for value in details.values())

    def test_what_the_run_took_is_told_by_role(self, tmp_path: Path) -> None:
        run = our_run(tmp_path / "run", "fusion", {"openai/lab/a": A})
        details = only(run, tmp_path / "out")[0]["model_info"]["additional_details"]
        assert (details["run_fusor_completion_tokens"], details["run_fusor_cost"]) == ("9", "0.25")
        assert details["run_fallbacks"] == "1"


class TestItems:
    def test_an_item_has_its_texts_and_its_score(self, tmp_path: Path) -> None:
        _, rows = only(plain_run(tmp_path / "run"), tmp_path / "out")
        assert rows[0]["input"] == {"raw": "q0?", "reference": ["a0"]}
        assert rows[0]["output"] == {"raw": ["…"]}
        assert [row["evaluation"] for row in rows] == [
            {"score": 1.0, "is_correct": True},
            {"score": 0.0, "is_correct": False},
        ]

    def test_every_row_belongs_to_a_number(self, tmp_path: Path) -> None:
        for aggregate, rows in read(export(RUNS / "0.4.8" / "strong", tmp_path)):
            known = {
                (r["evaluation_result_id"], r["evaluation_name"]) for r in aggregate["evaluation_results"]
            }
            assert {(row["evaluation_result_id"], row["evaluation_name"]) for row in rows} <= known
            keys = [(row["evaluation_result_id"], row["sample_id"]) for row in rows]
            assert len(set(keys)) == len(keys)

    @pytest.mark.parametrize("version", ["0.4.1", "0.4.3", "0.4.8", "0.4.12"])
    def test_rows_of_a_mean_come_to_it(self, version: str, tmp_path: Path) -> None:
        checked = 0
        for aggregate, rows in read(export(RUNS / version / "strong", tmp_path)):
            for result in aggregate["evaluation_results"]:
                own = [row for row in rows if row["evaluation_result_id"] == result["evaluation_result_id"]]
                if own and "score" not in own[0]["metadata"]:
                    mean = sum(row["evaluation"]["score"] for row in own) / len(own)
                    assert mean == pytest.approx(result["score_details"]["score"])
                    checked += 1
        assert checked >= 7

    def test_filters_are_numbers_of_their_own(self, tmp_path: Path) -> None:
        math = next(
            made
            for made in read(export(RUNS / "0.4.1" / "strong", tmp_path))
            if "mini_math" in made[0]["evaluation_id"]
        )
        rows = {(row["metadata"]["filter"], row["sample_id"]): row for row in math[1]}
        assert len(rows) == 12
        strict, flexible = rows["strict-match", "2"], rows["flexible-extract", "2"]
        assert strict["answer_attribution"][0]["extracted_value"] == "[invalid]"
        assert (flexible["answer_attribution"][0]["extracted_value"], flexible["output"]["raw"]) == (
            "7",
            ["It is 7"],
        )
        assert (strict["evaluation"]["is_correct"], flexible["evaluation"]["is_correct"]) == (False, True)

    def test_an_item_of_a_corpus_metric_is_scored_alone_and_says_so(self, tmp_path: Path) -> None:
        made = read(export(RUNS / "0.4.12" / "strong", tmp_path))
        (rows,) = [rows for aggregate, rows in made if "translate" in aggregate["evaluation_id"]]
        first = {row["metadata"]["metric"]: row for row in rows if row["sample_id"] == "0"}
        # given a hypothesis that is the reference
        assert first["chrf"]["output"]["raw"] == first["chrf"]["input"]["reference"]
        assert first["chrf"]["evaluation"] == {"score": pytest.approx(100.0), "is_correct": True}
        assert first["ter"]["evaluation"] == {"score": 0.0, "is_correct": True}
        assert "of this item alone" in first["bleu"]["metadata"]["score"]

    def test_items_without_any_score_are_left_out_and_counted(self, tmp_path: Path) -> None:
        run = plain_run(tmp_path / "run", {"quiz": samples([1.0, None])})
        made = export(run, tmp_path / "out")
        assert len(read(made)[0][1]) == 1
        assert (
            "run, quiz: 1 samples are left out, because they have no score in any reported number"
            in made.notes
        )

    def test_choices_are_told_and_the_likeliest_is_the_answer(self, tmp_path: Path) -> None:
        made = read(export(RUNS / "0.4.12" / "strong", tmp_path))
        (rows,) = [rows for aggregate, rows in made if "choice" in aggregate["evaluation_id"]]
        assert rows[0]["input"]["choices"] == ["white", "green"]
        assert rows[0]["output"]["raw"] == ["white"]
        assert "no text was generated" in rows[0]["metadata"]["output"]

    def test_every_repeat_is_an_output(self, tmp_path: Path) -> None:
        made = read(export(RUNS / "0.4.3" / "strong", tmp_path))
        (rows,) = [rows for aggregate, rows in made if "repeats" in aggregate["evaluation_id"]]
        assert {tuple(row["output"]["raw"]) for row in rows if row["sample_id"] == "1"} == {("6", "7")}

    def test_tokens_and_time_are_those_of_the_traces(self, tmp_path: Path) -> None:
        run = add_traces(our_run(tmp_path / "run", "fusion", {"openai/lab/a": A}))
        fused, fell_back = only(run, tmp_path / "out")[1]
        assert fused["token_usage"] == {"input_tokens": 30, "output_tokens": 9, "total_tokens": 39}
        # the slowest candidate's wait, then the call's
        assert fused["performance"]["latency_ms"] == 2500.0
        assert fused["performance"]["additional_details"]["cost_usd"] == "0.04"
        assert "fallback" not in fused["metadata"] and fell_back["metadata"]["fallback"] == "no answer"

    def test_without_traces_no_tokens_are_told(self, tmp_path: Path) -> None:
        _, rows = only(our_run(tmp_path / "run", "fusion", {"openai/lab/a": A}), tmp_path / "out")
        assert not any("token_usage" in row or "performance" in row for row in rows)

    def test_the_same_item_has_the_same_hash_whoever_answers(self, tmp_path: Path) -> None:
        runs = [plain_run(tmp_path / "one", QUIZ), our_run(tmp_path / "two", "bon", {"embedded": WEIGHTS})]
        first, second = ([row["sample_hash"] for row in only(run, tmp_path / "out")[1]] for run in runs)
        assert first == second and len(set(first)) == 2
