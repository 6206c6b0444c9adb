"""Files in the shared schema of Every Eval Ever say honestly who answered, with which scores and texts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from every_eval_ever_files import RUNS, export, export_one, read
from export_runs import QUIZ, WEIGHTS, A, B, add_traces, change_results, our_run, plain_run
from run_folders import samples


class TestModelInfo:
    def test_a_fused_system_is_not_its_sampler(self, tmp_path: Path) -> None:
        run = our_run(tmp_path / "run", "fusion", {"openai/lab/a": A, "openai/lab/b": B})
        aggregate, rows = export_one(run, tmp_path / "out")
        model = aggregate["model_info"]
        assert re.fullmatch(r"fusion_eval/fusion-n5-[0-9a-f]{8}", model["id"])
        assert model["name"] == "fusion of 5 (sampler lab/a+lab/b, fusor lab/a)"
        assert {row["model_id"] for row in rows} == {model["id"]}
        details = model["additional_details"]
        assert (details["samplers"], details["fusor"]) == ('["lab/a", "lab/b"]', "lab/a")
        assert (details["is_one_model"], details["n"], details["signature"]) == ("false", "5", "fusion|n:5")
        # and unknown facts are not guessed
        assert (details["deployment_type"], details["model_availability"]) == ("unknown", "unknown")

    def test_best_of_n_names_its_scorer_and_no_fusor(self, tmp_path: Path) -> None:
        model = export_one(our_run(tmp_path / "run", "bon", {"openai/lab/a": A}), tmp_path / "out")[0][
            "model_info"
        ]
        assert model["name"] == "bon of 5 (sampler lab/a, scorer logprob)"
        assert "fusor" not in model["additional_details"]

    def test_one_sample_of_one_model_is_that_model(self, tmp_path: Path) -> None:
        model = export_one(our_run(tmp_path / "run", "single", {"openai/lab/a": A}), tmp_path / "out")[0][
            "model_info"
        ]
        assert (model["id"], model["developer"]) == ("lab/a", "lab")

    def test_one_sample_of_several_models_is_a_system(self, tmp_path: Path) -> None:
        run = our_run(tmp_path / "run", "single", {"openai/lab/a": A, "openai/lab/b": B})
        assert export_one(run, tmp_path / "out")[0]["model_info"]["id"].startswith("fusion_eval/single-n5-")

    def test_systems_that_differ_in_their_settings_have_different_ids(self, tmp_path: Path) -> None:
        settings = {"model": ["embedded"], "n": 5, "temperature": [0.9]}
        runs = [
            our_run(tmp_path / "one", "fusion", {"embedded": WEIGHTS}),
            our_run(tmp_path / "two", "fusion", {"embedded": WEIGHTS}, overrides={"settings": settings}),
        ]
        ids = {export_one(run, tmp_path / "out")[0]["model_info"]["id"] for run in runs}
        assert len(ids) == 2

    def test_systems_that_differ_in_how_pools_are_drawn_have_different_ids(self, tmp_path: Path) -> None:
        # given runs with and without a preset and a system prompt
        base = {"model": ["embedded"], "n": 5}
        variants: list[dict[str, object]] = [
            {"settings": base},
            {"settings": base | {"sampling": "hedged"}},
            {"settings": base | {"weights": [2, 1]}},
            {
                "settings": base | {"system_prompts": ["x"]},
                "signature": "fusion|n:5|system:1a2b3c4d|pool:embedded",
            },
        ]
        # when
        models = [
            export_one(
                our_run(tmp_path / str(number), "fusion", {"embedded": WEIGHTS}, overrides=overrides),
                tmp_path / "out",
            )[0]
            for number, overrides in enumerate(variants)
        ]
        # then
        assert len({model["model_info"]["id"] for model in models}) == 4
        assert "not set: that of sampling=hedged" in json.dumps(models[1])

    def test_the_address_of_the_server_stays_private(self, tmp_path: Path) -> None:
        elsewhere = A.replace("10.0.0.7", "10.0.0.8")
        runs = [
            our_run(tmp_path / name, "fusion", {"openai/lab/a": identity})
            for name, identity in (("x", A), ("y", elsewhere))
        ]
        texts = ["".join(path.read_text() for path in export(run, tmp_path / "out").paths) for run in runs]
        assert len({json.loads(text.splitlines()[-1])["model_id"] for text in texts}) == 1
        assert not any(secret in text for text in texts for secret in ("10.0.0", "/home/me"))

    def test_a_model_file_is_named_without_its_folder(self, tmp_path: Path) -> None:
        path = "gguf:/home/me/models/x.gguf"
        overrides = {"signature": f"fusion|n:5|pool:{path}+lab/b|fusor:{path}"}
        run = our_run(tmp_path / "run", "fusion", {path: WEIGHTS, "openai/lab/b": B}, overrides=overrides)
        files = export(run, tmp_path / "out")
        model = read(files)[0][0]["model_info"]
        assert model["name"] == "fusion of 5 (sampler x.gguf+lab/b, fusor x.gguf)"
        assert (
            model["additional_details"]["signature"] == "fusion|n:5|pool:gguf:x.gguf+lab/b|fusor:gguf:x.gguf"
        )
        assert not any("/home/me" in path.read_text() for path in files.paths)

    def test_weights_in_the_process_are_self_deployed(self, tmp_path: Path) -> None:
        model = export_one(our_run(tmp_path / "run", "fusion", {"embedded": WEIGHTS}), tmp_path / "out")[0][
            "model_info"
        ]
        assert model["inference_engine"] == {"name": "llama.cpp"}
        assert model["additional_details"]["deployment_type"] == "self_deployed"
        assert model["additional_details"]["sampler_weights"] == '["gguf a5fd3b62230aa5ec60212297dc9d20ea"]'

    def test_a_model_type_is_not_a_model_name(self, tmp_path: Path) -> None:
        files = export(RUNS / "0.4.3" / "limited", tmp_path)
        assert read(files)[0][0]["model_info"]["name"] == "unknown"
        assert any("developer of the model is not known" in note for note in files.notes)

    def test_the_oldest_release_names_its_model_only_in_the_arguments(self, tmp_path: Path) -> None:
        aggregate, _ = read(export(RUNS / "0.4.1" / "strong", tmp_path))[0]
        assert aggregate["model_info"]["id"] == "mini/strong"
        # and has no date
        assert aggregate["retrieved_timestamp"] == "unknown" and "evaluation_timestamp" not in aggregate

    def test_arguments_that_may_hold_a_key_are_left_out(self, tmp_path: Path) -> None:
        run = change_results(
            plain_run(tmp_path / "run"),
            {
                "config": {
                    "model": "hf",
                    "model_args": "pretrained=lab/a,token=s3cret,dtype=float16,peft=/home/me/lora",
                }
            },
        )
        details = export_one(run, tmp_path / "out")[0]["model_info"]["additional_details"]
        assert (details["dtype"], details["peft"]) == ("float16", "lora")
        assert "s3cret" not in "".join(path.read_text() for path in (tmp_path / "out").rglob("*.json*"))


class TestNumbers:
    def test_a_score_has_its_error_its_items_and_its_range(self, tmp_path: Path) -> None:
        (result,) = export_one(plain_run(tmp_path / "run"), tmp_path / "out")[0]["evaluation_results"]
        assert result["score_details"]["score"] == 0.5
        assert result["score_details"]["uncertainty"] == {"standard_error": {"value": 0.5}, "num_samples": 2}
        metric = result["metric_config"]
        assert (metric["metric_id"], metric["min_score"], metric["max_score"]) == ("accuracy", 0, 1)
        assert result["source_data"]["hf_repo"] == "lab/quiz"

    def test_a_number_that_is_not_finite_is_left_out(self, tmp_path: Path) -> None:
        reported = {
            "quiz": {"acc,none": 0.5, "acc_stderr,none": float("inf"), "perplexity,none": float("inf")}
        }
        aggregate, _ = export_one(plain_run(tmp_path / "run", reported=reported), tmp_path / "out")
        (result,) = aggregate["evaluation_results"]
        assert result["score_details"] == {"score": 0.5}

    def test_the_method_of_an_error_follows_from_the_aggregation(self, tmp_path: Path) -> None:
        methods = {
            result["evaluation_result_id"]: result["score_details"]["uncertainty"]["standard_error"]["method"]
            for aggregate, _ in read(export(RUNS / "0.4.12" / "strong", tmp_path))
            for result in aggregate["evaluation_results"]
            if "method" in result["score_details"]["uncertainty"].get("standard_error", {})
        }
        assert methods["mini_math:exact_match:strict-match"] == "analytic"
        assert methods["mini_translate_en-fr:bleu"] == "bootstrap"

    def test_a_known_name_with_another_range_has_no_bounds(self, tmp_path: Path) -> None:
        run = plain_run(
            tmp_path / "run", {"quiz": samples([80.0, 90.0])}, reported={"quiz": {"acc,none": 85.0}}
        )
        aggregate, rows = export_one(run, tmp_path / "out")
        metric = aggregate["evaluation_results"][0]["metric_config"]
        assert "max_score" not in metric and metric["additional_details"]["bounds_status"] == "unknown"
        assert rows[0]["metadata"]["is_correct"].startswith("never true")

    def test_generation_has_our_settings_and_the_tasks(self, tmp_path: Path) -> None:
        config = {"quiz": {"generation_kwargs": {"temperature": 0.0, "max_gen_toks": 64, "until": ["\n"]}}}
        run = our_run(tmp_path / "run", "fusion", {"openai/lab/a": A}, config=config)
        generation = export_one(run, tmp_path / "out")[0]["evaluation_results"][0]["generation_config"]
        assert generation["generation_args"] == {"temperature": 0.7, "max_tokens": 64}
        details = generation["additional_details"]
        assert (
            details["strategy"] == "fusion" and details["seed"] == "3" and details["task_until"] == '["\\n"]'
        )
        assert details["fusor_prompt"] == "paper c6fe9ee0"
        assert all(isinstance(value, str) for value in details.values())

    def test_usage_is_given_by_role(self, tmp_path: Path) -> None:
        run = our_run(tmp_path / "run", "fusion", {"openai/lab/a": A})
        details = export_one(run, tmp_path / "out")[0]["model_info"]["additional_details"]
        assert (details["run_fusor_completion_tokens"], details["run_fusor_cost"]) == ("9", "0.25")
        assert details["run_fallbacks"] == "1"


class TestItems:
    def test_an_item_has_its_texts_and_its_score(self, tmp_path: Path) -> None:
        _, rows = export_one(plain_run(tmp_path / "run"), tmp_path / "out")
        assert rows[0]["input"] == {"raw": "q0?", "reference": ["a0"]}
        assert rows[0]["output"] == {"raw": ["…"]}
        assert [row["evaluation"] for row in rows] == [
            {"score": 1.0, "is_correct": True},
            {"score": 0.0, "is_correct": False},
        ]

    def test_every_row_belongs_to_one_number(self, tmp_path: Path) -> None:
        for aggregate, rows in read(export(RUNS / "0.4.8" / "strong", tmp_path)):
            known = {
                (r["evaluation_result_id"], r["evaluation_name"]) for r in aggregate["evaluation_results"]
            }
            assert {(row["evaluation_result_id"], row["evaluation_name"]) for row in rows} <= known
            keys = [(row["evaluation_result_id"], row["sample_id"]) for row in rows]
            assert len(set(keys)) == len(keys)

    @pytest.mark.parametrize("version", ["0.4.1", "0.4.3", "0.4.8", "0.4.12"])
    def test_the_mean_of_the_rows_is_the_number(self, version: str, tmp_path: Path) -> None:
        checked = 0
        for aggregate, rows in read(export(RUNS / version / "strong", tmp_path)):
            for result in aggregate["evaluation_results"]:
                own = [row for row in rows if row["evaluation_result_id"] == result["evaluation_result_id"]]
                if own and "score" not in own[0]["metadata"]:
                    mean = sum(row["evaluation"]["score"] for row in own) / len(own)
                    assert mean == pytest.approx(result["score_details"]["score"])
                    checked += 1
        assert checked >= 7

    def test_each_filter_has_its_own_numbers(self, tmp_path: Path) -> None:
        benchmarks = read(export(RUNS / "0.4.1" / "strong", tmp_path))
        (own,) = [rows for aggregate, rows in benchmarks if "mini_math" in aggregate["evaluation_id"]]
        rows = {(row["metadata"]["filter"], row["sample_id"]): row for row in own}
        assert len(rows) == 12
        strict, flexible = rows["strict-match", "2"], rows["flexible-extract", "2"]
        assert strict["answer_attribution"][0]["extracted_value"] == "[invalid]"
        assert (flexible["answer_attribution"][0]["extracted_value"], flexible["output"]["raw"]) == (
            "7",
            ["It is 7"],
        )
        assert (strict["evaluation"]["is_correct"], flexible["evaluation"]["is_correct"]) == (False, True)

    def test_an_item_of_a_corpus_metric_is_scored_alone(self, tmp_path: Path) -> None:
        benchmarks = read(export(RUNS / "0.4.12" / "strong", tmp_path))
        (rows,) = [rows for aggregate, rows in benchmarks if "translate" in aggregate["evaluation_id"]]
        first = {row["metadata"]["metric"]: row for row in rows if row["sample_id"] == "0"}
        # then a hypothesis that is the reference has full marks
        assert first["chrf"]["output"]["raw"] == first["chrf"]["input"]["reference"]
        assert first["chrf"]["evaluation"] == {"score": pytest.approx(100.0), "is_correct": True}
        assert first["ter"]["evaluation"] == {"score": 0.0, "is_correct": True}
        assert "of this item alone" in first["bleu"]["metadata"]["score"]

    def test_items_without_any_score_are_left_out_and_counted(self, tmp_path: Path) -> None:
        run = plain_run(tmp_path / "run", {"quiz": samples([1.0, None])})
        files = export(run, tmp_path / "out")
        assert len(read(files)[0][1]) == 1
        assert (
            "run, quiz: 1 samples are left out, because they have no score in any reported number"
            in files.notes
        )

    def test_choices_are_listed_and_the_likeliest_is_the_answer(self, tmp_path: Path) -> None:
        benchmarks = read(export(RUNS / "0.4.12" / "strong", tmp_path))
        (rows,) = [rows for aggregate, rows in benchmarks if "choice" in aggregate["evaluation_id"]]
        assert rows[0]["input"]["choices"] == ["white", "green"]
        assert rows[0]["output"]["raw"] == ["white"]
        assert "no text was generated" in rows[0]["metadata"]["output"]

    def test_every_repeat_is_an_output(self, tmp_path: Path) -> None:
        benchmarks = read(export(RUNS / "0.4.3" / "strong", tmp_path))
        (rows,) = [rows for aggregate, rows in benchmarks if "repeats" in aggregate["evaluation_id"]]
        assert {tuple(row["output"]["raw"]) for row in rows if row["sample_id"] == "1"} == {("6", "7")}

    def test_tokens_and_time_come_from_the_traces(self, tmp_path: Path) -> None:
        run = add_traces(our_run(tmp_path / "run", "fusion", {"openai/lab/a": A}))
        fused, fell_back = export_one(run, tmp_path / "out")[1]
        assert fused["token_usage"] == {"input_tokens": 30, "output_tokens": 9, "total_tokens": 39}
        # then the time is the slowest candidate's plus the aggregation call's
        assert fused["performance"]["latency_ms"] == 2500.0
        assert fused["performance"]["additional_details"]["cost_usd"] == "0.04"
        assert "fallback" not in fused["metadata"] and fell_back["metadata"]["fallback"] == "no answer"

    def test_without_traces_there_are_no_tokens(self, tmp_path: Path) -> None:
        _, rows = export_one(our_run(tmp_path / "run", "fusion", {"openai/lab/a": A}), tmp_path / "out")
        assert not any("token_usage" in row or "performance" in row for row in rows)

    def test_the_same_item_has_the_same_hash_in_every_run(self, tmp_path: Path) -> None:
        runs = [plain_run(tmp_path / "one", QUIZ), our_run(tmp_path / "two", "bon", {"embedded": WEIGHTS})]
        first, second = ([row["sample_hash"] for row in export_one(run, tmp_path / "out")[1]] for run in runs)
        assert first == second and len(set(first)) == 2
