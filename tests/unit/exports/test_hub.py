"""Exports for the hub have scores on its datasets only, under the name of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import yaml
from export_runs import ON_HUB, REPORTED, WEIGHTS, A, B, change_results, our_run, plain_run
from huggingface_hub import ModelCardData, parse_eval_result_entries
from huggingface_hub.repocard_data import model_index_to_eval_results
from run_folders import samples

from fusion_eval.errors import ConfigError
from fusion_eval.exports.hub import write_hub
from fusion_eval.exports.subject import ExportedFiles, read_subject


def export(path: Path, folder: Path) -> ExportedFiles:
    """Export the run, or runs, at `path`."""
    return write_hub(read_subject(path), folder)


def index_of(folder: Path) -> dict[str, Any]:
    """Return the only model of the front matter."""
    text = (folder / "model-index.md").read_text()
    opening, front, rest = text.split("---\n")
    assert opening == rest == ""
    (model,) = yaml.safe_load(front)["model-index"]
    return model


def entries_of(folder: Path) -> list[Any]:
    """Return all entries of `.eval_results`, as the library reads them."""
    files = sorted((folder / ".eval_results").glob("*.yaml"))
    return [entry for file in files for entry in parse_eval_result_entries(yaml.safe_load(file.read_text()))]


class TestOneModel:
    def test_its_scores_have_its_name(self, tmp_path: Path) -> None:
        export(plain_run(tmp_path / "run", fewshot={"quiz": 4}), tmp_path / "out")
        model = index_of(tmp_path / "out")
        assert model["name"] == "lab/a"
        (result,) = model["results"]
        assert result["dataset"] == {
            "name": "lab/quiz (fr)",
            "type": "lab/quiz",
            "config": "fr",
            "split": "test",
            "args": {"num_few_shot": 4},
        }
        assert result["metrics"] == [{"type": "acc", "value": 0.5, "name": "acc, stderr 0.5, n 2"}]

    def test_the_library_reads_the_front_matter(self, tmp_path: Path) -> None:
        export(plain_run(tmp_path / "run"), tmp_path / "out")
        name, results = model_index_to_eval_results([index_of(tmp_path / "out")])
        card = ModelCardData(model_name=name, eval_results=results)
        assert card.eval_results and card.eval_results[0].metric_value == 0.5

    def test_each_number_has_a_file(self, tmp_path: Path) -> None:
        run = plain_run(tmp_path / "run", config={"quiz": {**ON_HUB["quiz"], "metadata": {"language": "fr"}}})
        change_results(run, {"lm_eval_version": "0.4.12"})
        files = export(run, tmp_path / "out")
        assert files.paths[1] == tmp_path / "out" / ".eval_results" / "quiz-acc.yaml"
        (entry,) = entries_of(tmp_path / "out")
        assert (entry.dataset_id, entry.task_id, entry.value) == ("lab/quiz", "fr", 0.5)
        assert entry.date == "2026-01-02T03:04:05Z"
        assert entry.notes == "lm_eval 0.4.12 quiz, acc, stderr 0.5, n 2, num_few_shot 0, language fr"
        # and a note names what was not looked up
        assert any("eval.yaml" in note for note in files.notes)

    def test_filters_and_tasks_on_one_dataset_are_kept_apart(self, tmp_path: Path) -> None:
        both = samples([1.0, 0.0], "exact_match", filtered="strict") + samples(
            [1.0, 1.0], "exact_match", filtered="flexible"
        )
        reported = {
            name: {"exact_match,strict": 0.5, "exact_match,flexible": 1.0} for name in ("quiz", "quiz_cot")
        }
        run = plain_run(
            tmp_path / "run",
            {"quiz": both, "quiz_cot": both},
            config={"quiz": ON_HUB["quiz"], "quiz_cot": ON_HUB["quiz"]},
            fewshot={"quiz_cot": 8},
            reported=reported,
        )
        export(run, tmp_path / "out")
        results = index_of(tmp_path / "out")["results"]
        assert [(r["task"]["name"], r["dataset"]["args"]["num_few_shot"]) for r in results] == [
            ("quiz", 0),
            ("quiz_cot", 8),
        ]
        assert len(entries_of(tmp_path / "out")) == 4
        assert len({entry.notes for entry in entries_of(tmp_path / "out")}) == 4

    def test_a_limited_run_is_noted(self, tmp_path: Path) -> None:
        files = export(
            change_results(plain_run(tmp_path / "run"), {"config": {"model": "hf", "limit": 2}}),
            tmp_path / "out",
        )
        assert "limit 2.0" in entries_of(tmp_path / "out")[0].notes
        assert any("--limit 2" in note for note in files.notes)

    def test_a_single_sample_has_the_name_of_its_model(self, tmp_path: Path) -> None:
        files = export(our_run(tmp_path / "run", "single", {"openai/lab/a": A}), tmp_path / "out")
        assert index_of(tmp_path / "out")["name"] == "lab/a"
        assert not any("is a system" in note for note in files.notes)


class TestSystems:
    def test_a_fused_system_is_named_with_its_parts(self, tmp_path: Path) -> None:
        config = {
            "fusor": "litellm|anthropic/c|chat",
            "settings": {"model": ["a", "b"], "n": 5, "fusor": "anthropic/c"},
        }
        run = our_run(tmp_path / "run", "fusion", {"lab/a": A, "lab/b": B}, overrides=config)
        files = export(run, tmp_path / "out")
        name = "fusion of 5 (sampler lab/a+lab/b, fusor anthropic/c)"
        assert index_of(tmp_path / "out")["name"] == name
        (entry,) = entries_of(tmp_path / "out")
        assert entry.notes.startswith(f"{name}: several calls, not one model, lm_eval 0.4.13 quiz")
        assert any("into a sampler's repository" in note for note in files.notes)

    def test_best_of_n_is_named_with_its_judge(self, tmp_path: Path) -> None:
        config = {"scorer": "judge", "settings": {"model": ["embedded"], "n": 3, "scorer_model": "lab/j"}}
        export(our_run(tmp_path / "run", "bon", {"embedded": WEIGHTS}, overrides=config), tmp_path / "out")
        assert index_of(tmp_path / "out")["name"] == "bon of 3 (sampler embedded, scorer judge lab/j)"

    def test_each_of_several_runs_has_a_folder(self, tmp_path: Path) -> None:
        for strategy in ("single", "fusion"):
            our_run(tmp_path / "runs" / strategy, strategy, {"embedded": WEIGHTS})
        export(tmp_path / "runs", tmp_path / "out")
        names = {index_of(tmp_path / "out" / strategy)["name"] for strategy in ("single", "fusion")}
        assert names == {"embedded", "fusion of 5 (sampler embedded, fusor embedded)"}


class TestWhatIsRefusedOrLeftOut:
    @pytest.mark.parametrize("config", [{"models": [], "settings": {}}, {"fusor": None}])
    def test_a_system_with_unknown_parts_is_refused(self, tmp_path: Path, config: dict[str, Any]) -> None:
        run = our_run(tmp_path / "run", "fusion", {"embedded": WEIGHTS}, overrides=config)
        with pytest.raises(ConfigError, match="does not say who answered"):
            export(run, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_run_that_names_no_model_is_refused(self, tmp_path: Path) -> None:
        run = change_results(plain_run(tmp_path / "run"), {"model_name": ""})
        with pytest.raises(ConfigError, match="does not say who answered"):
            export(run, tmp_path / "out")

    @pytest.mark.parametrize(
        "config",
        [
            {},
            {"dataset_path": "json", "dataset_kwargs": {"data_files": "x.json"}},
            {"dataset_path": "/data/quiz"},
            {"dataset_path": "./data/quiz"},
            {"dataset_path": "loaders/quiz.py"},
            {"dataset_path": "lab/quiz", "custom_dataset": "def load(): ..."},
            {"dataset_path": "out/quiz", "dataset_kwargs": {"load_from_disk": True}},
        ],
    )
    def test_data_outside_of_the_hub_is_refused(self, tmp_path: Path, config: dict[str, Any]) -> None:
        run = plain_run(tmp_path / "run", config={"quiz": config})
        with pytest.raises(ConfigError, match=r"no score is on a dataset of the hub \(quiz\)"):
            export(run, tmp_path / "out")

    def test_a_task_outside_of_the_hub_is_left_out(self, tmp_path: Path) -> None:
        run = plain_run(
            tmp_path / "run",
            {"quiz": samples([1.0, 0.0]), "own": samples([1.0])},
            reported={**REPORTED, "own": {"acc,none": 1.0}},
        )
        files = export(run, tmp_path / "out")
        assert [result["task"]["name"] for result in index_of(tmp_path / "out")["results"]] == ["quiz"]
        assert "run: these tasks are left out, because their datasets are not on the hub: own" in files.notes

    def test_means_over_tasks_are_left_out(self, tmp_path: Path) -> None:
        run = change_results(plain_run(tmp_path / "run"), {"groups": {"all_quizzes": {"acc,none": 0.5}}})
        files = export(run, tmp_path / "out")
        assert len(entries_of(tmp_path / "out")) == 1
        assert any("means over tasks are left out" in note for note in files.notes)


class TestUntrustedNames:
    def test_names_neither_leave_the_folder_nor_break_the_front_matter(self, tmp_path: Path) -> None:
        metric = "../../x\n---\ny: 1"
        run = plain_run(
            tmp_path / "run",
            {"quiz": samples([1.0, 0.0], metric)},
            reported={"quiz": {f"{metric},none": 0.5}},
        )
        change_results(run, {"model_name": "a\n---\nb: \x1b[31m\ud800"})
        files = export(run, tmp_path / "out")
        assert index_of(tmp_path / "out")["name"] == "a---b: [31m?"
        for path in files.paths:
            assert (tmp_path / "out").resolve() in path.resolve().parents and path.parent.name in (
                "out",
                ".eval_results",
            )

    def test_similar_names_have_different_files(self, tmp_path: Path) -> None:
        metrics = ("a/b", "a?b", "a_b")
        both = samples([1.0], "a/b")
        for metric in metrics:
            both[0][metric] = 1.0
        both[0]["metrics"] = list(metrics)
        run = plain_run(
            tmp_path / "run", {"quiz": both}, reported={"quiz": {f"{metric},none": 1.0 for metric in metrics}}
        )
        assert len(set(export(run, tmp_path / "out").paths)) == 4

    def test_an_impossible_date_is_left_out(self, tmp_path: Path) -> None:
        export(change_results(plain_run(tmp_path / "run"), {"date": 1e300}), tmp_path / "out")
        assert entries_of(tmp_path / "out")[0].date is None


@pytest.mark.parametrize("name", ["EvalResult", "eval_result_entries_to_yaml"])
def test_a_library_that_is_too_old_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    load = huggingface_hub.__getattr__

    def without(attribute: str) -> object:
        if attribute == name:
            raise AttributeError(attribute)
        return load(attribute)

    monkeypatch.delitem(vars(huggingface_hub), name, raising=False)
    monkeypatch.setattr(huggingface_hub, "__getattr__", without)
    with pytest.raises(ConfigError, match="pip install -U huggingface_hub") as error:
        export(plain_run(tmp_path / "run"), tmp_path / "out")
    assert name in str(error.value) and "/" not in str(error.value)
