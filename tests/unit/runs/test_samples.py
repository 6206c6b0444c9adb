"""Read sample files of all harness releases: values, filters, hashes, damaged lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_folders import samples

from fusion_eval.errors import ConfigError
from fusion_eval.runs.samples import first_prompt, read_samples
from fusion_eval.runs.values import Segment


def write_lines(folder: Path, records: list[dict[str, Any]]) -> Path:
    """Write a sample file with one record per line."""
    path = folder / "samples.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def without_filters(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Remove what old releases did not write."""
    return [{k: v for k, v in record.items() if k not in ("filter", "metrics")} for record in records]


@pytest.mark.parametrize(
    ("raw", "value"),
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
def test_values_are_numbers_or_segments(tmp_path: Path, raw: object, value: object) -> None:
    # given
    path = write_lines(tmp_path, samples([raw]))
    # when
    (sample,), _ = read_samples(path)
    # then
    assert sample.values == {"acc": value}


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ([-3.5, 12], "a list"),
        (["ref", 3], "a list"),
        ({"a": 1}, "an object"),
        ("high", "the text 'high'"),
        (float("inf"), "Infinity"),
        (-float("inf"), "-Infinity"),
        (10**400, "a number above 1e+100"),
        (-1e200, "a number below -1e+100"),
    ],
)
def test_other_values_are_unusable_and_described(tmp_path: Path, raw: object, what: str) -> None:
    # given
    path = write_lines(tmp_path, samples([raw]))
    # when
    (sample,), _ = read_samples(path)
    # then
    assert (sample.values, sample.unusable) == ({}, {"acc": what})


def test_repeated_documents_without_a_filter_name_have_the_filters_of_the_task(tmp_path: Path) -> None:
    # given samples of an old release: all documents under one filter, then all under the next
    path = write_lines(tmp_path, without_filters(samples([1.0, 0.0]) + samples([1.0, 1.0])))
    # when
    read, _ = read_samples(path, ("strict", "flexible"))
    # then
    filters = [(sample.doc_id, sample.filter) for sample in read]
    assert filters == [(0, "strict"), (1, "strict"), (0, "flexible"), (1, "flexible")]


def test_a_json_array_reads_like_lines(tmp_path: Path) -> None:
    # given
    records = samples([1.0, 0.0, 0.5])
    lines, array = write_lines(tmp_path, records), tmp_path / "array.json"
    array.write_text(json.dumps(records, indent=2))
    # when, then
    assert read_samples(lines) == read_samples(array)


def test_the_hash_of_a_document_is_that_of_the_harness(tmp_path: Path) -> None:
    # given
    from lm_eval.utils import handle_non_serializable, hash_string

    record = samples([1.0])[0]
    record["doc"] = {"question": "où ?", "choices": ["a", "b"], "n": 3, "score": 0.1, "none": None}
    # when
    (sample,), _ = read_samples(write_lines(tmp_path, [record]))
    # then
    text = json.dumps(record["doc"], indent=2, default=handle_non_serializable, ensure_ascii=False)
    assert sample.doc_key == hash_string(text)


class TestDamagedFiles:
    @pytest.mark.parametrize("as_array", [False, True])
    def test_a_cut_line_is_refused_or_skipped_and_counted(self, tmp_path: Path, as_array: bool) -> None:
        # given a file that ends in the middle of its third sample
        records = samples([1.0, 0.0, 0.5])
        text = json.dumps(records, indent=2) if as_array else "\n".join(map(json.dumps, records))
        path = tmp_path / "samples.jsonl"
        path.write_text(text[:-40])
        # when, then
        with pytest.raises(ConfigError, match=r"samples\.jsonl, line \d+ .*the option allow_partial"):
            read_samples(path)
        read, broken_lines = read_samples(path, allow_broken=True)
        assert (len(read), broken_lines) == (2, 1)

    @pytest.mark.parametrize("allow_broken", [False, True])
    def test_a_cut_line_is_refused_if_samples_do_not_name_their_filter(
        self, tmp_path: Path, allow_broken: bool
    ) -> None:
        # given an old file with two filters, and a damaged line under the first
        records = without_filters(samples([1.0, 0.0]) + samples([1.0, 1.0]))
        lines = [json.dumps(record) for record in records]
        lines[1] = lines[1][:20]
        path = tmp_path / "samples.jsonl"
        path.write_text("\n".join(lines))
        # when, then
        with pytest.raises(ConfigError, match="do not name their filter, so all are needed"):
            read_samples(path, ("strict", "flexible"), allow_broken)


@pytest.mark.parametrize("arguments", [{"gen_args_0": {"arg_0": ["[]"]}}, [[["[]"], {}]]])
def test_chat_messages_in_a_list_of_one_text_are_that_text(arguments: object) -> None:
    assert first_prompt({"arguments": arguments}) == "[]"
