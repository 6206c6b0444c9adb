"""Baseline files are small and reproducible, hold no text of any document, and stand for their run in a check."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_sides import ACC, damaged
from run_folders import samples, write_run

from fusion_eval.comparison.compare import compare
from fusion_eval.errors import ConfigError
from fusion_eval.gate.baseline import Baseline
from fusion_eval.gate.baseline_file import read_baseline, write_baseline
from fusion_eval.gate.check import CheckOptions, check
from fusion_eval.gate.checked_rows import CheckedRow
from fusion_eval.gate.margins import Margins
from fusion_eval.gate.sides import read_side
from fusion_eval.gate.views import as_json
from fusion_eval.runs.reading import read_runs
from fusion_eval.runs.versioned_file import to_json

WORDS = ("zebra", "quagga", "okapi", "impala", "gerenuk", "dikdik")


def baseline_file(run: Path, path: Path) -> Path:
    return write_baseline(read_side(run), path)


def rows(one: Path, other: Path) -> tuple[CheckedRow, ...]:
    return check(read_side(one), read_side(other), CheckOptions(Margins(0.05))).rows


def rich_run(folder: Path, seed: int) -> Path:
    """Write a run with two filters, corpus metrics, several languages, an error rate and missing values."""
    draw = random.Random(seed)

    def some(share: float) -> list[float]:
        return [float(draw.random() < share) for _ in range(30)]

    texts = [[f"{WORDS[n % 6]} runs to the river {n}", f"{WORDS[(n + draw.randrange(2)) % 6]} runs to a river {n}"] for n in range(30)]  # fmt: skip
    errors: list[float | None] = [draw.random() * 60 for _ in range(30)]
    errors[4] = None
    errors[9] = float("nan")
    quiz = [*samples(some(0.8), "exact_match", filtered="strict"), *samples(some(0.9), "exact_match", filtered="loose")]  # fmt: skip
    return write_run(
        folder,
        {
            "quiz": quiz,
            "qa_fr": samples(some(0.7), prefix="f", story=[n // 3 for n in range(30)]),
            "qa_de": samples(some(0.7), prefix="d", story=[n // 3 for n in range(30)]),
            "wmt_en-fr": samples(texts, "chrf"),
            "wmt_en-de": samples(texts, "ter", prefix="t"),
            "speech": samples(errors, "wer", prefix="s"),
        },
        directions={"speech": {"wer": False}},
    )


def error_of_reading(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        read_side(path)
    message = str(raised.value)
    assert str(path) in message and "\n" not in message
    return message


class TestContent:
    def test_a_written_baseline_is_read_back_unchanged(self, tmp_path: Path) -> None:
        made = read_side(rich_run(tmp_path / "run", 1))
        assert read_baseline(write_baseline(made, tmp_path / "base.json.gz")) == made

    @pytest.mark.parametrize("indent", [None, 2])
    def test_a_baseline_unpacked_to_plain_json_is_read(self, tmp_path: Path, indent: int | None) -> None:
        # given
        packed = baseline_file(rich_run(tmp_path / "run", 1), tmp_path / "main.json.gz")
        plain = tmp_path / "main.json"
        content = json.loads(gzip.decompress(packed.read_bytes()))
        plain.write_text(json.dumps(content, indent=indent), encoding="utf-8")
        # when, then
        assert replace(read_side(plain), name="") == replace(read_side(packed), name="")

    def test_the_same_run_gives_the_same_bytes(self, tmp_path: Path) -> None:
        run = rich_run(tmp_path / "run", 1)
        one, other = (baseline_file(run, tmp_path / name).read_bytes() for name in ("a.gz", "b.gz"))
        assert one == other
        assert one[4:8] == bytes(4)  # where gzip has the time of writing

    def test_a_thousand_right_or_wrong_items_take_six_kilobytes(self, tmp_path: Path) -> None:
        draw = random.Random(0)
        run = write_run(tmp_path / "run", {"quiz": samples([float(draw.random() < 0.7) for _ in range(1000)])})  # fmt: skip
        assert baseline_file(run, tmp_path / "base.gz").stat().st_size <= 6_000

    def test_the_file_holds_no_text_of_documents_prompts_targets_or_answers(self, tmp_path: Path) -> None:
        told = samples([1.0, 0.0, 1.0], animal=["zebra", "quagga", "okapi"])
        for sample, word in zip(told, ("impala", "gerenuk", "dikdik"), strict=True):
            sample["target"] = f"{word} target"
            sample["arguments"] = {"gen_args_0": {"arg_0": f"a prompt of {word}", "arg_1": {}}}
            sample["resps"] = [[f"{word} answered"]]
            sample["filtered_resps"] = [f"{word} answered"]
        translated = samples([["okapi reference", "okapi hypothesis"]] * 3, "bleu", prefix="translated")
        run = write_run(tmp_path / "run", {"animals": told, "translate": translated})
        content = gzip.decompress(baseline_file(run, tmp_path / "base.gz").read_bytes()).decode()
        assert (
            json.loads(content)["baseline"]["tasks"][0]["task"] == "animals"
        )  # given that we look in the right place
        texts = (
            *WORDS,
            "question",
            "q0",
            "a0",
            "target",
            "prompt of",
            "answered",
            "hypothesis",
            "translated0",
        )
        assert [text for text in texts if text in content] == []


class TestAgainstRuns:
    def test_a_file_and_its_run_give_the_same_rows(self, tmp_path: Path) -> None:
        # given runs with numbers, texts of corpus metrics, filters, clusters, missing values, both directions
        old, new = rich_run(tmp_path / "old", 1), rich_run(tmp_path / "new", 2)
        expected = rows(old, new)
        assert {row.metric for row in expected} == {"exact_match", "acc", "chrf", "ter", "wer"}
        assert {row.filter for row in expected} == {"none", "strict", "loose"}
        assert {row.metric for row in expected if not row.higher_is_better} == {"ter", "wer"}
        assert any(row.clusters < row.n for row in expected)
        assert next(row for row in expected if row.metric == "wer").n == 28
        # then it does not matter on which side a file stands for its run
        before, after = (baseline_file(run, tmp_path / f"{run.name}.gz") for run in (old, new))
        assert rows(before, new) == rows(before, after) == rows(old, after) == expected

    def test_values_that_differ_only_after_the_fifth_digit_are_unchanged(self, tmp_path: Path) -> None:
        third = write_run(tmp_path / "a", {"quiz": samples([1 / 3, 2 / 3, 0.5])})
        nearly = write_run(tmp_path / "b", {"quiz": samples([0.33333333333, 0.66666666667, 0.5])})
        (row,) = rows(baseline_file(third, tmp_path / "a.gz"), nearly)
        assert row.unchanged and row.verdict == "pass"


class TestUnusableFiles:
    @pytest.fixture
    def good(self, tmp_path: Path) -> Path:
        return baseline_file(rich_run(tmp_path / "run", 1), tmp_path / "base.json.gz")

    def test_the_file_of_these_tests_is_valid_without_a_change(self, tmp_path: Path) -> None:
        (tmp_path / "base.gz").write_bytes(damaged())
        assert isinstance(read_side(tmp_path / "base.gz"), Baseline)

    @pytest.mark.parametrize("keep", [0, 1, 5, 30, -9, -1])
    def test_a_truncated_file_is_an_error(self, good: Path, keep: int) -> None:
        good.write_bytes(good.read_bytes()[:keep])
        assert "damaged" in error_of_reading(good)

    @pytest.mark.parametrize("place", [12, 100, -6])
    def test_a_file_with_a_flipped_byte_is_an_error(self, good: Path, place: int) -> None:
        content = bytearray(good.read_bytes())
        content[place] ^= 0xFF
        good.write_bytes(content)
        assert "damaged" in error_of_reading(good)

    @pytest.mark.parametrize(
        "content",
        [
            *(b"", b"hello", b"[]", b"{}", b"\xff\xfe", b'{"schema_version": 1}', b'{"schema_version": "1"}'),
            *(b'{"schema_version": 1, "baseline": []}', b'{"x": ' + b"[" * 200_000),
        ],
    )
    def test_gzip_of_something_else_is_an_error(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "base.gz").write_bytes(gzip.compress(content))
        assert "is not a baseline that `fusion-eval baseline` wrote" in error_of_reading(tmp_path / "base.gz")

    def test_a_text_file_named_gz_is_an_error(self, tmp_path: Path) -> None:
        # given a Git LFS pointer in place of the file
        (tmp_path / "base.json.gz").write_text("version https://git-lfs.github.com/spec/v1\n")
        assert "it is not compressed by gzip" in error_of_reading(tmp_path / "base.json.gz")

    @pytest.mark.parametrize("version", [0, 3, 99])
    def test_another_schema_version_is_an_error_that_tells_how_to_make_it_again(
        self, tmp_path: Path, version: int
    ) -> None:
        (tmp_path / "base.gz").write_bytes(gzip.compress(json.dumps({"schema_version": version, "rows": 3}).encode()))  # fmt: skip
        message = error_of_reading(tmp_path / "base.gz")
        assert (
            f"has schema_version {version}, and this version reads 1 and 2; make it again with fusion-eval"
            in message
        )

    def test_a_decompression_bomb_is_refused_before_it_fills_the_memory(self, tmp_path: Path) -> None:
        # given 8 MiB of zeros in a few kilobytes
        (tmp_path / "base.gz").write_bytes(gzip.compress(bytes(8 << 20)))
        assert "is larger than 4 MiB, which no baseline of its size is" in error_of_reading(
            tmp_path / "base.gz"
        )

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"clusters": [0, 1]}, "quiz has columns of different lengths"),
            ({"items": "AAE="}, "quiz has columns of different lengths"),
            ({"metrics": [{**ACC, "columns": [[1, 0]]}]}, "quiz has columns of different lengths"),
            ({"metrics": [{**ACC, "columns": []}]}, "or none"),
            ({"metrics": []}, "or none"),
            ({"hash_bytes": 2}, "3 bytes are no hashes of 2"),
            ({"hash_bytes": 0}, "3 bytes are no hashes of 0"),
            ({"items": "A*"}, "base64"),
            ({"clusters": ["a", "b", "c"]}, "a text where a whole number belongs"),
        ],
    )
    def test_fields_that_do_not_fit_together_are_an_error(
        self, tmp_path: Path, changed: dict[str, Any], message: str
    ) -> None:
        (tmp_path / "base.gz").write_bytes(damaged(**changed))
        assert message in error_of_reading(tmp_path / "base.gz")

    @pytest.mark.parametrize(
        ("corpus", "message"), [("rouge", "rouge"), ("chrf", "has 1 statistics per item and should have 18")]
    )
    def test_statistics_of_an_unknown_corpus_metric_are_an_error(
        self, tmp_path: Path, corpus: str, message: str
    ) -> None:
        metric = {**ACC, "columns": [[1, 0, 1]], "corpus": corpus}
        (tmp_path / "base.gz").write_bytes(damaged(metrics=[metric]))
        side = read_side(tmp_path / "base.gz")
        with pytest.raises(ConfigError, match=f"quiz: acc .*{message}"):
            check(side, side)


class TestWriting:
    def test_a_folder_is_not_overwritten(self, tmp_path: Path) -> None:
        side = read_side(write_run(tmp_path / "run", {"quiz": samples([1.0, 0.0])}))
        for place in (tmp_path, Path()):
            with pytest.raises(ConfigError, match="there is a folder; name a file in it"):
                write_baseline(side, place)
        assert not list(tmp_path.glob("*.partial"))

    def test_a_path_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        side = read_side(write_run(tmp_path / "run", {"quiz": samples([1.0, 0.0])}))
        with pytest.raises(ConfigError, match=r"Cannot write .*file/base\.gz"):
            write_baseline(side, tmp_path / "file" / "base.gz")

    def test_the_folder_of_a_new_baseline_is_created(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", {"quiz": samples([1.0, 0.0])})
        assert read_baseline(baseline_file(run, tmp_path / "new" / "folder" / "base.gz")).name == str(run)

    def test_a_run_name_that_is_not_unicode_is_replaced_by_question_marks(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run\udcff", {"quiz": samples([1.0, 0.0])})
        side = read_side(run)
        assert read_baseline(write_baseline(side, tmp_path / "base.gz")).name.endswith("/run?")
        assert as_json(check(side, side)) and to_json(compare(read_runs([run, run])))
