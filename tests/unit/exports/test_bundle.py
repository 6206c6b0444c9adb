"""A bundle agrees with itself, and a changed number, answer, page or item is found."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from bundles import Edit, assert_difference, edit_json, only_match, update_checksums
from openai_server import Plan as ServerPlan
from openai_server import serve

from fusion_eval.cli.main import main
from fusion_eval.exports.bundle.archive import SUMS, unpack
from fusion_eval.exports.bundle.verify import verify
from fusion_eval.exports.formats import FORMATS, writer_of
from fusion_eval.harness.run import Plan, compare_strategies, run
from fusion_eval.runs.comparison import write_comparison

RELEASES = sorted((Path(__file__).parents[2] / "data" / "harness_runs").iterdir())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `out`, a run of three strategies on four sentences in two languages, and its `bundle.zip`."""
    folder = tmp_path_factory.mktemp("finished")
    with serve(ServerPlan()) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        arguments = {
            "model": "test-model",
            "base_url": server.base_url,
            "n": 3,
            "scorer": "chrf",
            "cache": str(folder / "store.sqlite"),
            "price_in": 1,
            "price_out": 2,
        }
        tasks = ("fusion_demo_fr", "fusion_demo_de")
        plan = Plan(folder / "out", tasks, model_args=arguments, limit=4, apply_chat_template=True)
        run(plan, lambda line: None)
        write_comparison(compare_strategies(plan), plan.output)
    assert main(["export", str(plan.output), "--format", "bundle", "-o", str(folder)]) == 0
    return folder


@pytest.fixture
def output(finished: Path) -> Path:
    return finished / "out"


@pytest.fixture
def bundle(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(finished / "bundle.zip", tmp_path))


@pytest.fixture
def unpacked(bundle: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "unpacked"
    unpack(bundle, folder)
    return folder


def test_a_bundle_of_our_run_agrees_with_itself(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # when
    code = main(["verify", str(bundle)])

    # then
    assert code == 0
    assert "numbers that were computed again agree" in capsys.readouterr().out


def test_a_bundle_holds_all_files_of_a_result(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
    for part in ("bundle.json", "comparison.json", "report.md", "card.md", "table.md", "table.tex", SUMS):
        assert part in names
    for strategy in ("single", "bon", "fusion"):
        inside = [name for name in names if name.startswith(f"{strategy}/")]
        assert f"{strategy}/traces.jsonl" in inside
        assert sum("/samples_" in name for name in inside) == 2
        assert sum("/results_" in name for name in inside) == 1


def test_every_number_is_computed_again(bundle: Path) -> None:
    result = verify(bundle)
    # then: two tasks with two metrics in three runs, three totals, and 22 fields of a dozen rows
    assert result.compared > 300
    assert (result.differences, result.notes) == ([], [])


def test_the_same_runs_give_the_same_bytes(bundle: Path, output: Path, tmp_path: Path) -> None:
    assert main(["export", str(output), "--format", "bundle", "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "bundle.zip").read_bytes() == bundle.read_bytes()


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["strong", "weak"])
def test_runs_of_other_harness_versions_agree(release: Path, name: str, tmp_path: Path) -> None:
    assert main(["export", str(release / name), "--format", "bundle", "-o", str(tmp_path)]) == 0
    result = verify(tmp_path / "bundle.zip")
    assert result.compared >= 19 and not result.differences


def test_an_unpacked_bundle_can_be_verified(unpacked: Path) -> None:
    assert not verify(unpacked).differences


def change_value(results: dict[str, Any]) -> None:
    results["results"]["fusion_demo_fr"]["chrf,none"] += 1


def change_error(results: dict[str, Any]) -> None:
    results["results"]["fusion_demo_fr"]["chrf_stderr,none"] *= 0.5


def change_corpus(results: dict[str, Any]) -> None:
    results["results"]["fusion_demo_de"]["chrf_corpus,none"] += 0.5


def change_items(results: dict[str, Any]) -> None:
    results["results"]["fusion_demo_de"]["sample_len"] = 400


def change_cost(results: dict[str, Any]) -> None:
    results["config"]["totals"]["cost"] = 0.0


def change_fallbacks(results: dict[str, Any]) -> None:
    results["config"]["totals"]["fallbacks"] += 7


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (change_value, ("fusion: chrf,none of fusion_demo_fr: found",)),
        (change_error, ("chrf,none of fusion_demo_fr: standard error: found",)),
        (change_corpus, ("chrf_corpus,none of fusion_demo_de",)),
        (change_items, ("items of fusion_demo_de: found 400, expected 4",)),
        (change_cost, ("fusion: totals: cost",)),
        (change_fallbacks, ("fusion: totals: fallbacks",)),
    ],
)
def test_a_changed_number_of_a_results_file_is_named(
    unpacked: Path, edit: Edit, words: tuple[str, ...]
) -> None:
    edit_json(only_match(unpacked, "fusion/results_*.json"), edit)
    assert_difference(verify(unpacked), *words)


@pytest.mark.parametrize(
    "field", ["delta", "ci_low", "p_value", "p_adjusted", "wins", "items_needed", "significant"]
)
def test_a_changed_number_of_the_comparison_is_named(unpacked: Path, field: str) -> None:
    def change(comparison: dict[str, Any]) -> None:
        row = comparison["rows"][0]
        row[field] = not row[field] if field == "significant" else (row[field] or 0) + 0.25
        if field in ("wins", "items_needed"):
            row[field] = int(row[field]) + 1

    edit_json(unpacked / "comparison.json", change)
    assert_difference(verify(unpacked), "comparison:", f": {field}: found")


def test_a_changed_item_is_found_in_all_numbers_that_depend_on_it(unpacked: Path) -> None:
    def improve(sample: dict[str, Any]) -> None:
        sample["chrf"] = 100.0

    edit_json(only_match(unpacked, "fusion/samples_fusion_demo_fr_*.jsonl"), improve)
    result = verify(unpacked)
    assert_difference(result, "fusion: chrf,none of fusion_demo_fr: found")
    assert_difference(result, "comparison:", "chrf of fusion_demo_fr", "fusion against single", "delta")


def test_an_answer_that_was_never_given_is_found(unpacked: Path) -> None:
    def rewrite(sample: dict[str, Any]) -> None:
        sample["resps"] = [["A better answer"]]

    edit_json(only_match(unpacked, "single/samples_fusion_demo_fr_*.jsonl"), rewrite)
    assert_difference(verify(unpacked), "single: answers: document 0 of fusion_demo_fr: found")


@pytest.mark.parametrize("name", ["card.md", "report.md", "table.md", "table.tex"])
def test_a_changed_page_is_found(unpacked: Path, name: str) -> None:
    (unpacked / name).write_text("All is well.\n")
    update_checksums(unpacked)
    (difference,) = verify(unpacked).differences
    assert difference.startswith(f"{name}: found 'All is well.")


def test_a_row_that_no_sample_gives_is_found(unpacked: Path) -> None:
    def invent(comparison: dict[str, Any]) -> None:
        comparison["rows"].append({**comparison["rows"][0], "task": "mmlu"})

    edit_json(unpacked / "comparison.json", invent)
    assert_difference(verify(unpacked), "comparison: rows", "of mmlu", "not expected")


@pytest.mark.parametrize(
    "release", [path for path in RELEASES if path.name != "0.4.1"], ids=lambda path: path.name
)
def test_a_bundle_of_one_sample_file_has_no_means_over_other_tasks(release: Path, tmp_path: Path) -> None:
    (samples_file,) = (release / "strong").rglob("samples_mini_qa_de_*.jsonl")
    assert main(["export", str(samples_file), "--format", "bundle", "-o", str(tmp_path)]) == 0
    assert not verify(tmp_path / "bundle.zip").differences
    unpack(tmp_path / "bundle.zip", tmp_path / "unpacked")
    assert "mini\\_qa |" not in (tmp_path / "unpacked" / "card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_that_the_command_offers_has_a_writer(name: str) -> None:
    assert callable(writer_of(name))
