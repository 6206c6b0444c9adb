"""Reading runs: any harness 0.4.x wrote them; strict about meaning, liberal about form."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_folders import DATE, samples, write_run

from fusion_eval.compare.compare import compare
from fusion_eval.compare.options import ComparisonOptions
from fusion_eval.errors import ConfigError
from fusion_eval.runs.reading import read_runs, with_unique_names
from fusion_eval.runs.samples import Segment, read_samples
from fusion_eval.runs.task_info import TaskInfo, higher_is_better


def test_a_run_folder_gives_its_tasks_values_and_set_up(tmp_path: Path) -> None:
    # given a run as the harness leaves it
    folder = write_run(
        tmp_path / "run",
        {"quiz_fr": samples([1.0, 0.0, 1.0])},
        config={"quiz_fr": {"metadata": {"language": "fr"}}},
        versions={"quiz_fr": 2.0},
        fewshot={"quiz_fr": 4},
        limit=3,
        reported={"quiz_fr": {"acc,none": 2 / 3, "acc_stderr,none": 0.3, "alias": "quiz"}},
        directions={"quiz_fr": {"acc": True}},
    )
    # when it is read
    (run,) = read_runs([folder])
    # then all that a comparison needs is there
    task = run.tasks["quiz_fr"]
    assert [sample.values["acc"] for sample in task.samples] == [1.0, 0.0, 1.0]
    assert (task.info.version, task.info.fewshot, task.info.limit, task.language) == ("2.0", 4, 3, "fr")
    assert task.info.reported == {("acc", "none"): 2 / 3}
    assert (run.name, run.model, run.date) == ("run", "dummy", DATE)


def test_the_language_comes_from_the_name_where_the_metadata_are_silent(tmp_path: Path) -> None:
    (run,) = read_runs([write_run(tmp_path / "run", {"mgsm_direct_ja": samples([1.0])})])
    assert run.tasks["mgsm_direct_ja"].language == "ja"


@pytest.mark.parametrize("said", ["fr", "French", "fr_FR"])
def test_a_language_is_a_code_however_the_metadata_spell_it(tmp_path: Path, said: str) -> None:
    folder = write_run(
        tmp_path / "run", {"quiz": samples([1.0])}, config={"quiz": {"metadata": {"language": said}}}
    )
    assert read_runs([folder])[0].tasks["quiz"].language == "fr"


def test_names_are_the_shortest_ends_of_paths_that_differ(tmp_path: Path) -> None:
    paths = [
        write_run(tmp_path / strategy / "model_x", {"t": samples([1.0])}) for strategy in ("bon", "fusion")
    ]
    assert [run.name for run in read_runs(paths)] == ["bon/model_x", "fusion/model_x"]
    assert [run.name for run in read_runs([paths[0], paths[0]])] == ["model_x", "model_x (2)"]


def test_of_several_runs_in_a_folder_the_newest_is_read_task_by_task(tmp_path: Path) -> None:
    # given a folder that two runs wrote to, as --output_path twice does
    folder = write_run(
        tmp_path / "run", {"a": samples([0.0]), "b": samples([0.0])}, date="2026-01-01T00-00-00.1"
    )
    write_run(folder, {"a": samples([1.0])}, date="2026-01-02T00-00-00.1")
    # when it is read
    (run,) = read_runs([folder])
    # then the newer samples of `a` win, `b` is still there, and this is said
    assert run.tasks["a"].samples[0].values == {"acc": 1.0}
    assert run.tasks["b"].samples[0].values == {"acc": 0.0}
    assert any("newest" in note for note in run.notes)


def test_a_sample_file_or_a_results_file_stands_for_its_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", {"a": samples([0.5]), "b": samples([0.0])})
    by_samples, by_results = read_runs(
        [folder / "model" / f"samples_a_{DATE}.jsonl", folder / "model" / f"results_{DATE}.json"]
    )
    assert list(by_samples.tasks) == ["a"] and by_samples.tasks["a"].info.version == "1.0"
    assert sorted(by_results.tasks) == ["a", "b"]


def test_samples_without_their_results_file_are_read_and_this_is_said(tmp_path: Path) -> None:
    (run,) = read_runs([write_run(tmp_path / "run", {"a": samples([0.5])}, results=False)])
    assert run.tasks["a"].info.version is None
    assert any("no results file" in note for note in run.notes)


class TestBadFolders:
    def test_a_path_that_is_not_there_names_the_nearest_that_is(self, tmp_path: Path) -> None:
        write_run(tmp_path / "fusion", {"a": samples([1.0])})
        with pytest.raises(ConfigError, match=r"no run .*fusoin.*Did you mean '.*fusion'"):
            read_runs([tmp_path / "fusoin"])

    def test_a_folder_of_something_else(self, tmp_path: Path) -> None:
        (tmp_path / "notes.json").write_text("{}")
        with pytest.raises(ConfigError, match="is not a run"):
            read_runs([tmp_path])

    def test_results_without_samples(self, tmp_path: Path) -> None:
        folder = write_run(tmp_path / "run", {})
        with pytest.raises(ConfigError, match="--log_samples"):
            read_runs([folder])

    def test_a_folder_of_several_runs_names_them(self, tmp_path: Path) -> None:
        for strategy in ("bon", "fusion"):
            write_run(tmp_path / strategy, {"a": samples([1.0])})
        with pytest.raises(ConfigError, match=r"2 runs \(bon/model, fusion/model\); name one"):
            read_runs([tmp_path])

    def test_a_results_file_that_is_cut_off(self, tmp_path: Path) -> None:
        folder = write_run(tmp_path / "run", {"a": samples([1.0])})
        (folder / "model" / f"results_{DATE}.json").write_text('{"results": {')
        with pytest.raises(ConfigError, match=r"results file .* cannot be read"):
            read_runs([folder])


class TestSamples:
    @pytest.mark.parametrize(
        ("written", "value"),
        [
            (1, 1.0),
            (True, 1.0),
            (0.25, 0.25),
            ("0.25", 0.25),
            (None, None),
            (float("nan"), None),
            (["ref", "hyp"], Segment(("ref",), ("hyp",))),
            ([["ref", "other"], "hyp"], Segment(("ref", "other"), ("hyp",))),
            (["ref", ["hyp"]], Segment(("ref",), ("hyp",))),
        ],
    )
    def test_values_of_every_form(self, tmp_path: Path, written: object, value: object) -> None:
        path = tmp_path / "samples.jsonl"
        path.write_text(json.dumps(samples([written])[0]))
        (sample,), _ = read_samples(path)
        assert sample.values == {"acc": value}

    @pytest.mark.parametrize("written", [[-3.5, 12], {"a": 1}, ["ref", 3], "high"])
    def test_a_value_of_another_form_is_set_apart(self, tmp_path: Path, written: object) -> None:
        path = tmp_path / "samples.jsonl"
        path.write_text(json.dumps(samples([written])[0]))
        (sample,), _ = read_samples(path)
        assert (sample.values, sample.unusable) == ({}, ("acc",))

    def test_without_a_filter_field_repeated_documents_are_the_task_s_filters_in_order(
        self, tmp_path: Path
    ) -> None:
        # given samples of an old release: all documents under one filter, then all under the next
        records = samples([1.0, 0.0]) + samples([1.0, 1.0])
        for record in records:
            del record["filter"], record["metrics"]
        path = tmp_path / "samples.jsonl"
        path.write_text("\n".join(map(json.dumps, records)))
        # when they are read with the filters that the results file names
        read, _ = read_samples(path, ("strict", "flexible"))
        # then each sample knows its filter
        assert [(s.doc_id, s.filter) for s in read] == [
            (0, "strict"),
            (1, "strict"),
            (0, "flexible"),
            (1, "flexible"),
        ]

    def test_one_array_reads_as_lines_do(self, tmp_path: Path) -> None:
        records = samples([1.0, 0.0, 0.5])
        lines, array = tmp_path / "lines.jsonl", tmp_path / "array.json"
        lines.write_text("\n".join(map(json.dumps, records)))
        array.write_text(json.dumps(records, indent=2))
        assert read_samples(lines) == read_samples(array)

    def test_the_document_hash_is_the_harness_s_own(self, tmp_path: Path) -> None:
        from lm_eval.utils import handle_non_serializable, hash_string

        record = samples([1.0])[0]
        record["doc"] = {"question": "où ?", "choices": ["a", "b"], "n": 3, "score": 0.1, "none": None}
        path = tmp_path / "samples.jsonl"
        path.write_text(json.dumps(record))
        (sample,), _ = read_samples(path)
        assert sample.doc_key == hash_string(
            json.dumps(record["doc"], indent=2, default=handle_non_serializable, ensure_ascii=False)
        )

    @pytest.mark.parametrize("as_array", [False, True])
    def test_a_truncated_file_is_named_with_its_line_and_read_up_to_there_on_request(
        self, tmp_path: Path, as_array: bool
    ) -> None:
        # given a file that ends in the middle of its third sample
        records = samples([1.0, 0.0, 0.5])
        text = json.dumps(records, indent=2) if as_array else "\n".join(map(json.dumps, records))
        path = tmp_path / "samples.jsonl"
        path.write_text(text[:-40])
        # when it is read, it is refused by file and line; or the rest is read and the loss counted
        with pytest.raises(ConfigError, match=r"samples\.jsonl, line \d+ .*--allow_partial"):
            read_samples(path)
        read, broken = read_samples(path, allow_broken=True)
        assert (len(read), broken) == (2, 1)


class TestForeignFiles:
    """Files are parsed, whatever is in them: a sentence, or a run."""

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(field=st.sampled_from([*samples([1.0])[0], "doc_hash", "prompt_hash", "target_hash"]), value=JSON)
    def test_any_value_in_any_field_of_a_sample(self, tmp_path: Path, field: str, value: object) -> None:
        folder = write_run(
            tmp_path / "run", {"quiz": [samples([1.0])[0] | {field: value}, *samples([1.0, 0.5])[1:]]}
        )
        with contextlib.suppress(ConfigError):
            compare(read_runs([folder, folder]), ComparisonOptions(resamples=10))

    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        path=st.sampled_from(
            [
                *("results", "configs", "versions", "n-shot", "higher_is_better", "config", "model_name"),
                *("results/quiz", "configs/quiz", "config/limit", "config/signature", "versions/quiz"),
                *("configs/quiz/metadata", "configs/quiz/metric_list", "configs/quiz/filter_list"),
            ]
        ),
        value=JSON,
    )
    def test_any_value_in_any_part_of_a_results_file(self, tmp_path: Path, path: str, value: object) -> None:
        folder = write_run(tmp_path / "run", {"quiz": samples([1.0, 0.5])})
        file = folder / "model" / f"results_{DATE}.json"
        content = json.loads(file.read_text())
        *parents, last = path.split("/")
        part = content
        for name in parents:
            part = part[name]
        part[last] = value
        file.write_text(json.dumps(content))
        with contextlib.suppress(ConfigError):
            compare(read_runs([folder, folder]), ComparisonOptions(resamples=10))

    def test_a_nest_that_is_too_deep(self, tmp_path: Path) -> None:
        folder = write_run(tmp_path / "run", {"quiz": samples([1.0])})
        (folder / "model" / f"results_{DATE}.json").write_text("[" * 100_000)
        with pytest.raises(ConfigError, match="cannot be read"):
            read_runs([folder])

    def test_a_lost_line_of_a_file_without_filters_is_not_guessed_around(self, tmp_path: Path) -> None:
        # given an old file with two filters, of whose first one a line is cut off
        records = samples([1.0, 0.0]) + samples([1.0, 1.0])
        for record in records:
            del record["filter"], record["metrics"]
        lines = [json.dumps(record) for record in records]
        lines[1] = lines[1][:20]
        path = tmp_path / "samples.jsonl"
        path.write_text("\n".join(lines))
        for allow in (False, True):
            with pytest.raises(ConfigError, match="do not name their filter, so all are needed"):
                read_samples(path, ("strict", "flexible"), allow)


def test_runs_of_one_name_are_numbered_until_none_is_taken(tmp_path: Path) -> None:
    (run,) = read_runs([write_run(tmp_path / "run", {"a": samples([1.0])})])
    assert [each.name for each in with_unique_names([run] * 4, ["x", "x", "x (2)", "x"])] == [
        "x",
        "x (2)",
        "x (2) (2)",
        "x (3)",
    ]


@pytest.mark.parametrize(("name", "better"), [("bits_per_byte", False), ("word_perplexity", False), ("ter", False), ("acc", True), ("better", True)])  # fmt: skip
def test_where_no_file_says_a_direction_the_name_does(name: str, better: bool) -> None:
    assert higher_is_better(name, [TaskInfo()]) is better
    assert higher_is_better(name, [TaskInfo(), TaskInfo(directions={name: not better})]) is not better
