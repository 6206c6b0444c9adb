"""Files in the shared schema of Every Eval Ever are valid, linked, and the same every time."""

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
from every_eval_ever_files import RUNS, Exported, export, read
from export_runs import WEIGHTS, A, B, add_traces, change_results, our_run, plain_run
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.errors import ConfigError
from fusion_eval.exports.every_eval_ever.files import why_not_validated
from fusion_eval.text.file_names import safe_file_name

PACKAGE = "every-eval-ever==0.3.0"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two schemas of the installed package, else of its wheel."""
    names = ("eval.schema.json", "instance_level_eval.schema.json")
    if spec := importlib.util.find_spec("every_eval_ever"):
        home = Path(str(spec.origin)).parent / "schemas"
        return tuple(json.loads((home / name).read_text()) for name in names)  # type: ignore[return-value]
    folder = tmp_path_factory.mktemp("wheel")
    options = [
        "--no-deps",
        "--python-version",
        "3.12",
        "--only-binary=:all:",
        "-q",
        "-d",
        str(folder),
        PACKAGE,
    ]
    try:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", *options], check=True, capture_output=True, timeout=120
        )
    except (subprocess.SubprocessError, OSError):
        pytest.skip(f"{PACKAGE} cannot be downloaded, and the schemas are in it")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        return tuple(json.loads(content.read(f"every_eval_ever/schemas/{name}")) for name in names)  # type: ignore[return-value]


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

    def validate(self, exported: Exported, schemas: tuple[dict[str, Any], dict[str, Any]]) -> None:
        assert exported
        for aggregate, rows in exported:
            jsonschema.validate(aggregate, schemas[0])
            validator = jsonschema.Draft7Validator(schemas[1])
            assert [error.message for row in rows for error in validator.iter_errors(row)] == []

    def test_runs_of_every_release_are_valid(
        self, release: Path, tmp_path: Path, schemas: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        self.validate(read(export(release, tmp_path)), schemas)

    @pytest.mark.parametrize("strategy", ["single", "bon", "fusion"])
    def test_our_runs_are_valid(
        self, strategy: str, tmp_path: Path, schemas: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        run = add_traces(our_run(tmp_path / "run", strategy, {"openai/lab/a": A, "openai/lab/b": B}))
        self.validate(read(export(run, tmp_path / "out")), schemas)

    def test_runs_with_hostile_text_are_valid(
        self, tmp_path: Path, schemas: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        # given answers with all kinds of line ends, control codes and half characters
        run = plain_run(tmp_path / "run")
        (file,) = run.rglob("samples_*.jsonl")
        file.write_text(file.read_text().replace('"…"', r'"a\u2028b\u0085c\u001b[31m\ud800"'))
        files = export(change_results(run, {"model_name": "../..\x1b[31m/..\u202e/x"}), tmp_path / "out")
        # then each row is one line by every definition of a line
        (aggregate, rows), items = read(files)[0], files.paths[1].read_text()
        assert len(items.splitlines()) == len(rows) == 2
        assert rows[0]["output"]["raw"] == ["a\u2028b\x85c\x1b[31m?"]
        self.validate([(aggregate, rows)], schemas)


class TestFiles:
    def test_an_aggregate_and_its_items_are_linked(self, tmp_path: Path) -> None:
        files = export(plain_run(tmp_path / "run"), tmp_path / "out")
        aggregate, items = files.paths
        # then they have a name in the form of the schema, in a folder of benchmark, developer and model
        path = aggregate.relative_to(tmp_path / "out").as_posix()
        assert re.fullmatch(rf"data/quiz/lab/a/{UUID4}\.json", path)
        # and the aggregate has the path, the number and the checksum of its items
        link = json.loads(aggregate.read_text())["detailed_evaluation_results"]
        assert link["file_path"] == items.relative_to(tmp_path / "out").as_posix()
        assert link["checksum"] == hashlib.sha256(items.read_bytes()).hexdigest()
        assert link["total_rows"] == 2
        assert {row["evaluation_id"] for row in read(files)[0][1]} == {"quiz/lab/a/1767323045.5"}

    def test_the_same_run_gives_the_same_bytes(self, tmp_path: Path) -> None:
        run = add_traces(our_run(tmp_path / "run", "fusion", {"embedded": WEIGHTS}))
        first, second = export(run, tmp_path / "a"), export(run, tmp_path / "b")
        for one, other in zip(first.paths, second.paths, strict=True):
            assert one.relative_to(tmp_path / "a") == other.relative_to(tmp_path / "b")
            assert one.read_bytes() == other.read_bytes()

    def test_a_group_is_one_benchmark_with_all_its_tasks(self, tmp_path: Path) -> None:
        benchmarks = {
            aggregate["evaluation_id"].split("/")[0]: (aggregate, rows)
            for aggregate, rows in read(export(RUNS / "0.4.12" / "strong", tmp_path))
        }
        assert "mini_qa" in benchmarks and "mini_qa_de" not in benchmarks
        aggregate, rows = benchmarks["mini_qa"]
        scores = {result["evaluation_name"]: result for result in aggregate["evaluation_results"]}
        assert set(scores) == {"mini_qa_de", "mini_qa_fr", "mini_qa"}
        # and the mean names its tasks, so that nobody counts it as a third task
        assert scores["mini_qa"]["score_details"]["details"] == {"aggregate_of": "mini_qa_de, mini_qa_fr"}
        assert {row["evaluation_name"] for row in rows} == {"mini_qa_de", "mini_qa_fr"}

    def test_no_name_leads_out_of_the_folder(self, tmp_path: Path) -> None:
        task = "../../../outside"
        run = plain_run(tmp_path / "run", reported={"quiz": {"acc,none": 0.5}})
        groups = {"groups": {task: {"acc,none": 0.5}}, "group_subtasks": {task: ["quiz"]}}
        change_results(run, {"model_name": "../../../../x/../y", **groups})
        files = export(run, tmp_path / "out" / "deep")
        for path in files.paths:
            assert (tmp_path / "out" / "deep" / "data").resolve() in path.resolve().parents
            assert len(path.relative_to(tmp_path / "out" / "deep").parts) == 5

    def test_a_run_without_a_number_is_an_error(self, tmp_path: Path) -> None:
        run = plain_run(tmp_path / "run", reported={})
        with pytest.raises(ConfigError, match="no results file with a number"):
            export(run, tmp_path / "out")

    def test_a_missing_validator_is_noted(self, tmp_path: Path) -> None:
        files = export(plain_run(tmp_path / "run"), tmp_path / "out")
        assert (why_not_validated() in files.notes) is (importlib.util.find_spec("every_eval_ever") is None)

    @given(st.text())
    def test_any_name_is_one_part_of_a_path(self, name: str) -> None:
        part = safe_file_name(name)
        assert (
            part not in ("", ".", "..") and not set(part) & set('/\\:*?"<>|\0\n') and len(part.encode()) < 256
        )
        assert part == part.rstrip(". ")
