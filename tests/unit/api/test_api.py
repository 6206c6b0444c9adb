"""The Python API, `import fusion_eval as fe`: what each function returns, and how it reports a mistake."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import Plan, Request, Server
from run_folders import samples, write_run

import fusion_eval as fe
from fusion_eval import api
from fusion_eval.errors import ConfigError, FusionEvalError
from fusion_eval.strategies.methods.bon import BestOfN
from fusion_eval.strategies.scorers.chrf import Chrf

ServerStart = Callable[[Plan], Server]
WEAK = [1.0, 0.0] * 20
STRONG = [1.0, 1.0] * 20


@pytest.fixture
def weak(tmp_path: Path) -> Path:
    """A run that answers every second item of a quiz."""
    reported = {"quiz": {"acc,none": 0.5, "acc_stderr,none": 0.08}}
    return write_run(tmp_path / "weak", {"quiz": samples(WEAK)}, reported=reported)


@pytest.fixture
def strong(tmp_path: Path) -> Path:
    """A run that answers every item of the same quiz."""
    return write_run(tmp_path / "strong", {"quiz": samples(STRONG)})


class TestTheModule:
    def test_dir_offers_exactly_the_public_names(self) -> None:
        assert sorted(fe.__all__) == dir(fe)

    @pytest.mark.parametrize("name", [name for name in fe.__all__ if not name.startswith("_")])
    def test_each_public_name_is_a_documented_function_of_the_api(self, name: str) -> None:
        assert getattr(fe, name) is getattr(api, name)
        assert getattr(fe, name).__doc__

    def test_an_unknown_name_is_an_attribute_error_that_names_the_module(self) -> None:
        with pytest.raises(AttributeError, match="module 'fusion_eval' has no attribute 'compere'"):
            fe.compere  # noqa: B018 - the access is the test


class TestReadRuns:
    def test_runs_have_the_names_of_their_folders(self, weak: Path, strong: Path) -> None:
        # when a path is a text, and another a Path
        runs = fe.read_runs(str(weak), strong)

        # then
        assert [run.name for run in runs] == ["weak", "strong"]

    def test_a_folder_that_does_not_exist_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FusionEvalError, match=r"There is no run .*nowhere"):
            fe.read_runs(tmp_path / "nowhere")

    def test_a_truncated_file_is_an_error_unless_partial_runs_are_allowed(self, weak: Path) -> None:
        # given
        (file,) = weak.rglob("samples_*.jsonl")
        file.write_text(file.read_text()[:-20])

        # when / then
        with pytest.raises(FusionEvalError, match="line 40 is not a sample"):
            fe.read_runs(weak)
        (run,) = fe.read_runs(weak, allow_partial=True)
        assert run.name == "weak"


class TestCompare:
    def test_paths_are_compared_with_the_first(self, weak: Path, strong: Path) -> None:
        # when
        comparison = fe.compare(weak, strong)

        # then
        (row,) = comparison.rows
        assert (row.baseline, row.candidate, row.delta) == ("weak", "strong", 0.5)
        assert (row.wins, row.ties, row.losses) == (20, 20, 0)
        assert row.significant

    def test_runs_and_paths_give_the_same_comparison(self, weak: Path, strong: Path) -> None:
        # given
        first, second = fe.read_runs(weak, strong)

        # when
        of_paths, of_runs = fe.compare(weak, strong), fe.compare(first, second)
        of_both = fe.compare(first, strong)

        # then
        assert of_paths.rows == of_runs.rows == of_both.rows

    def test_a_comparison_converts_to_a_frame(self, weak: Path, strong: Path) -> None:
        frame = fe.compare(weak, strong).to_frame()

        assert frame.loc[0, ["task", "metric", "candidate", "delta"]].tolist() == [
            "quiz",
            "acc",
            "strong",
            0.5,
        ]

    def test_a_comparison_prints_as_a_table_and_shows_as_html(self, weak: Path, strong: Path) -> None:
        comparison = fe.compare(weak, strong)

        assert "+0.50" in str(comparison)
        assert repr(comparison) == "<ComparisonView of weak, strong: 1 rows>"
        assert comparison._repr_html_().startswith("<table>")

    def test_the_comparison_is_written_to_the_output_folder(
        self, weak: Path, strong: Path, tmp_path: Path
    ) -> None:
        comparison = fe.compare(weak, strong, output=tmp_path / "out")

        written = json.loads((tmp_path / "out" / "comparison.json").read_text())
        assert written == json.loads(comparison.to_json())

    def test_options_reach_the_comparison(self, weak: Path, strong: Path) -> None:
        view = fe.compare(weak, strong, test="permutation", correction="bh", alpha=0.1, resamples=200, seed=7)

        done = view.comparison
        assert (done.test, done.correction, done.alpha, done.resamples, done.seed) == (
            "permutation", "bh", 0.1, 200, 7,
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"metrics": ["ac"]}, "Did you mean 'acc'"),
            ({"cluster": "storey"}, "no such field"),
            ({"alpha": 2.0}, r"alpha=2\.0 should be a number from 0\.0001 to 0\.5"),
            ({"resamples": 1}, "resamples=1 should be a whole number from 100 to"),
            ({"seed": -1}, "seed=-1 should be a whole number from 0"),
            ({"test": "t"}, "test='t' should be one of 'auto', 'permutation', 'mcnemar'"),
            ({"correction": "holmes"}, "correction='holmes' should be one of 'holm', 'bh'"),
            ({"baseline": "best"}, "baseline='best' should be one of None, 'expected', 'oracle'"),
        ],
    )
    def test_a_wrong_option_is_named(
        self, weak: Path, strong: Path, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(FusionEvalError, match=message):
            fe.compare(weak, strong, **options)

    def test_one_run_is_not_enough(self, weak: Path) -> None:
        with pytest.raises(FusionEvalError, match=r"compare needs two runs or more, the baseline first"):
            fe.compare(weak)


class TestCheck:
    def test_a_loss_is_a_regression(self, weak: Path, strong: Path) -> None:
        result = fe.check(strong, weak)

        assert (result.verdict, result.passed) == ("regression", False)
        assert "REGRESSION" in str(result)
        assert result.to_frame()["delta"].tolist() == [-0.5]

    def test_a_gain_passes(self, weak: Path, strong: Path) -> None:
        result = fe.check(str(weak), str(strong))

        assert (result.verdict, result.passed) == ("pass", True)

    def test_the_margin_is_a_number_a_mapping_or_a_file(
        self, weak: Path, strong: Path, tmp_path: Path
    ) -> None:
        # given
        margins = tmp_path / "margins.yaml"
        margins.write_text("acc: 0.9")

        # then
        for margin in (0.9, {"acc": 0.9}, {"default": 0.9}, margins):
            (row,) = fe.check(strong, weak, margin=margin).rows
            assert (row.margin, row.verdict) == (0.9, "pass")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"inconclusive": "maybe"}, "inconclusive='maybe' should be"),
            ({"margin": 2.0}, r"margin=? ?2.* should be a share"),
            ({"alpha": 2.0}, r"alpha=2\.0 should be a number"),
            ({"metrics": ["ac"]}, "Did you mean 'acc'"),
        ],
    )
    def test_a_wrong_option_is_named(self, weak: Path, options: dict[str, Any], message: str) -> None:
        with pytest.raises(FusionEvalError, match=message):
            fe.check(weak, weak, **options)

    @pytest.mark.parametrize(("inconclusive", "passed"), [("tell", False), ("pass", True), ("fail", False)])
    def test_too_few_items_count_as_the_caller_says(
        self, tmp_path: Path, inconclusive: Any, passed: bool
    ) -> None:
        # given three items, of which one got worse and one better
        first, second = (
            write_run(tmp_path / name, {"quiz": samples(values)})
            for name, values in (("a", [1.0, 0.0, 1.0]), ("b", [0.0, 1.0, 1.0]))
        )

        # when
        result = fe.check(first, second, inconclusive=inconclusive)

        # then
        assert result.passed is passed
        assert [row.verdict for row in result.rows] == ["inconclusive"]


class TestExport:
    def test_the_files_that_were_written_are_returned(self, weak: Path, tmp_path: Path) -> None:
        # when
        written = fe.export(weak, tmp_path / "paper", format="table")

        # then
        assert sorted(path.name for path in written.paths) == ["table.md", "table.tex"]
        assert all(path.parent == tmp_path / "paper" and path.is_file() for path in written.paths)

    def test_a_bundle_is_an_archive(self, weak: Path, tmp_path: Path) -> None:
        written = fe.export(weak, tmp_path / "submit", format="bundle")

        (archive,) = [path for path in written.paths if path.suffix == ".zip"]
        assert zipfile.is_zipfile(archive)

    def test_an_unknown_format_is_named_with_the_nearest_one(self, weak: Path, tmp_path: Path) -> None:
        with pytest.raises(FusionEvalError, match=r"There is no format 'tables'\. Did you mean 'table'"):
            fe.export(weak, tmp_path, format="tables")

    def test_a_file_cannot_be_the_output_folder(self, weak: Path, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(FusionEvalError, match="file"):
            fe.export(weak, tmp_path / "file")


class TestSampleAndFuse:
    @pytest.fixture
    def arguments(self, openai_server: ServerStart) -> dict[str, Any]:
        """Model arguments of a server whose sampler counts and whose fusor, at temperature 0, fuses."""

        def reply(request: Request, index: int) -> str:
            return "Answer: [[ fused ]]" if request["temperature"] == 0 else f"candidate {index}"

        server = openai_server(Plan(reply=reply))
        return {"model": "test-model", "base_url": server.base_url, "cache": "off"}

    def test_sample_draws_the_same_pool_in_each_form(self, arguments: dict[str, Any]) -> None:
        # when
        blocking = fe.sample("6 · 7?", n=3, **arguments)
        awaited = asyncio.run(fe.sample_async("6 · 7?", n=3, **arguments))

        # then
        texts = ["candidate 0", "candidate 1", "candidate 2"]
        assert [candidate.text for candidate in blocking.candidates] == texts
        assert [candidate.text for candidate in awaited.candidates] == texts

    def test_fuse_gives_the_same_answer_in_each_form(self, arguments: dict[str, Any]) -> None:
        # when
        blocking = fe.fuse("6 · 7?", ["42", "forty-two"], **arguments)
        awaited = asyncio.run(fe.fuse_async("6 · 7?", ["42", "forty-two"], **arguments))

        # then
        assert str(blocking) == str(awaited) == "fused"
        assert blocking.trace.strategy == "fusion"

    async def test_the_blocking_forms_work_inside_a_running_event_loop(
        self, arguments: dict[str, Any]
    ) -> None:
        pool = fe.sample("6 · 7?", n=3, **arguments)
        answer = fe.fuse("6 · 7?", pool, **arguments)

        assert answer.text == "fused"
        assert answer.trace.pool.candidates == pool.candidates

    @pytest.mark.parametrize("strategy", ["bon(scorer=chrf)", BestOfN(Chrf())])
    def test_a_strategy_is_a_text_or_a_value(self, arguments: dict[str, Any], strategy: Any) -> None:
        answer = fe.fuse("Say it.", ["the cat sat", "a dog", "the cat sits"], strategy=strategy, **arguments)

        assert answer.trace.strategy == "bon(scorer=chrf)"
        assert answer.answer.chosen in (0, 2)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"temprature": 1}, "Unknown model argument 'temprature'. Did you mean 'temperature'"),
            ({"n": 0}, "n="),
            ({"base_url": "http://127.0.0.1:9/v1", "max_retries": 0}, r"127\.0\.0\.1:9"),
        ],
    )
    def test_a_mistake_in_sampling_is_named(
        self, arguments: dict[str, Any], options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(FusionEvalError, match=message):
            fe.sample("6 · 7?", **{"n": 2, **arguments, **options})

    @pytest.mark.parametrize(
        ("candidates", "options", "message"),
        [
            ([], {}, "at least one candidate"),
            (["42"], {"strategy": "fusio"}, "Did you mean 'fusion'"),
        ],
    )
    def test_a_mistake_in_fusing_is_named(
        self, arguments: dict[str, Any], candidates: list[str], options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(FusionEvalError, match=message):
            fe.fuse("6 · 7?", candidates, **arguments, **options)


class TestRun:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"strategies": ["fusio"]}, "Did you mean 'fusion'"),
            ({"model_args": {"temprature": 1}}, "Did you mean 'temperature'"),
        ],
    )
    def test_a_mistake_is_named_before_any_model_is_asked(
        self, tmp_path: Path, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(FusionEvalError, match=message):
            fe.run(tmp_path / "out", **options)


def test_paths_in_a_list_are_refused_with_the_right_form():
    with pytest.raises(ConfigError, match=r"read_runs\(\) takes one path after the other: read_runs\(A, B\)"):
        fe.read_runs(["a", "b"])
