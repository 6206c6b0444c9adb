"""One archive of a result, and every number in it computed again: what was changed is found, what is damaged is said."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from bundles import Edit, edited, resummed, the_one, the_sentence
from openai_server import Plan as ServerPlan
from openai_server import serve
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError
from fusion_eval.export.bundle.archive import SUMS, unpack
from fusion_eval.export.bundle.verify import verify
from fusion_eval.harness.run import Plan, compare_strategies, run
from fusion_eval.runs.comparison import write_comparison

RELEASES = sorted((Path(__file__).parents[2] / "data" / "harness_runs").iterdir())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `fusion-eval run` leaves of four sentences in two languages, in three strategies: `out`, and its `bundle.zip`."""
    folder = tmp_path_factory.mktemp("made")
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
def output(made: Path) -> Path:
    return made / "out"


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made / "bundle.zip", tmp_path))


@pytest.fixture
def unpacked(bundle: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "unpacked"
    unpack(bundle, folder)
    return folder


# What agrees


def test_a_run_of_ours_agrees_with_itself(
    bundle: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(bundle)]) == 0
    assert "numbers that were computed again agree" in capsys.readouterr().out
    with zipfile.ZipFile(bundle) as packed:
        names = packed.namelist()
    for part in ("bundle.json", "comparison.json", "report.md", "card.md", "table.md", "table.tex", SUMS):
        assert part in names
    for strategy in ("single", "bon", "fusion"):
        inside = [name for name in names if name.startswith(f"{strategy}/")]
        assert f"{strategy}/traces.jsonl" in inside
        assert sum("/samples_" in name for name in inside) == 2
        assert sum("/results_" in name for name in inside) == 1


def test_everything_is_counted(bundle: Path) -> None:
    """Two tasks in two metrics with errors, three runs, tokens of three traces, 22 fields of a dozen rows: some hundreds."""
    found = verify(bundle)
    assert found.compared > 300 and not found.differences
    assert found.notes == []


def test_the_same_runs_give_the_same_bytes(bundle: Path, output: Path, tmp_path: Path) -> None:
    assert main(["export", str(output), "--format", "bundle", "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "bundle.zip").read_bytes() == bundle.read_bytes()


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["strong", "weak"])
def test_runs_of_other_harness_versions_agree(release: Path, name: str, tmp_path: Path) -> None:
    assert main(["export", str(release / name), "--format", "bundle", "-o", str(tmp_path)]) == 0
    found = verify(tmp_path / "bundle.zip")
    assert found.compared >= 19 and not found.differences


def test_an_unpacked_bundle_is_one_as_well(unpacked: Path) -> None:
    assert not verify(unpacked).differences


# What was changed, checksums and all


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
    edited(the_one(unpacked, "fusion/results_*.json"), edit)
    the_sentence(verify(unpacked), *words)


@pytest.mark.parametrize(
    "field", ["delta", "ci_low", "p_value", "p_adjusted", "wins", "items_needed", "significant"]
)
def test_a_changed_number_of_the_comparison_is_named(unpacked: Path, field: str) -> None:
    def change(comparison: dict[str, Any]) -> None:
        row = comparison["rows"][0]
        row[field] = not row[field] if field == "significant" else (row[field] or 0) + 0.25
        if field in ("wins", "items_needed"):
            row[field] = int(row[field]) + 1

    edited(unpacked / "comparison.json", change)
    the_sentence(verify(unpacked), "comparison:", f": {field}: found")


def test_a_changed_item_changes_all_that_rests_on_it(unpacked: Path) -> None:
    def improve(sample: dict[str, Any]) -> None:
        sample["chrf"] = 100.0

    edited(the_one(unpacked, "fusion/samples_fusion_demo_fr_*.jsonl"), improve)
    found = verify(unpacked)
    the_sentence(found, "fusion: chrf,none of fusion_demo_fr: found")
    the_sentence(found, "comparison:", "chrf of fusion_demo_fr", "fusion against single", "delta")


def test_an_answer_that_was_never_given_is_found(unpacked: Path) -> None:
    def rewrite(sample: dict[str, Any]) -> None:
        sample["resps"] = [["A better answer"]]

    edited(the_one(unpacked, "single/samples_fusion_demo_fr_*.jsonl"), rewrite)
    the_sentence(verify(unpacked), "single: answers: document 0 of fusion_demo_fr: found")


@pytest.mark.parametrize("name", ["card.md", "report.md", "table.md", "table.tex"])
def test_what_is_drawn_is_drawn_again(unpacked: Path, name: str) -> None:
    (unpacked / name).write_text("All is well.\n")
    resummed(unpacked)
    (difference,) = verify(unpacked).differences
    assert difference.startswith(f"{name}: found 'All is well.")


def test_a_row_that_no_sample_gives_is_found(unpacked: Path) -> None:
    def invent(comparison: dict[str, Any]) -> None:
        comparison["rows"].append({**comparison["rows"][0], "task": "mmlu"})

    edited(unpacked / "comparison.json", invent)
    the_sentence(verify(unpacked), "comparison: rows", "of mmlu", "not expected")


# What is damaged


def test_a_file_that_is_not_as_packed_is_named_by_its_checksum(
    unpacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = the_one(unpacked, "bon/traces.jsonl")
    path.write_bytes(path.read_bytes() + b"\n")
    (unpacked / "single" / "notes.txt").write_text("mine")
    (unpacked / "table.md").unlink()
    assert main(["verify", str(unpacked)]) in (1, 2)
    differences = verify_sums(unpacked)
    assert "bon/traces.jsonl is not the file that was packed: its checksum differs" in differences
    assert f"single/notes.txt is not in {SUMS}" in differences
    assert f"table.md is in {SUMS} and missing" in differences


def verify_sums(folder: Path) -> list[str]:
    from fusion_eval.export.bundle.archive import wrong_sums

    return wrong_sums(folder)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_one_sentence(
    bundle: Path, share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bundle.read_bytes()
    bundle.write_bytes(content[: int(len(content) * share)])
    assert main(["verify", str(bundle)]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1 and "is no bundle that fusion-eval export wrote, or is damaged" in said


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.8])
def test_a_flipped_byte_is_noticed(bundle: Path, place: float, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(bundle.read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    bundle.write_bytes(content)
    assert main(["verify", str(bundle)]) == 2
    assert "damaged" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:evil", "..\\evil"])
def test_nothing_is_written_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as packed:
        packed.writestr(name, "x")
    (tmp_path / "inner").mkdir()
    with pytest.raises(ConfigError, match="outside of its folder"):
        unpack(tmp_path / "evil.zip", tmp_path / "inner" / "folder")
    assert not list(tmp_path.rglob("evil"))


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fusion_eval.export.bundle import archive

    monkeypatch.setattr(archive, "_LARGEST", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(2 << 20))
    with pytest.raises(ConfigError, match="unpacks to more than"):
        unpack(tmp_path / "bomb.zip", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_what_is_no_bundle_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as packed:
        packed.writestr("cat.jpg", "meow")
    a_run = write_run(tmp_path / "run", {"t": samples([1.0, 0.0])})
    for path, words in (
        (tmp_path / "none.zip", "There is no bundle"),
        (tmp_path / "photos.zip", "has no bundle.json that can be read, so it is none of ours"),
        (a_run, "has no bundle.json that can be read, so it is none of ours"),
    ):
        assert main(["verify", str(path)]) == 2
        said = capsys.readouterr().err
        assert words in said and len(said.splitlines()) == 1


@pytest.mark.parametrize("name", ["../single", "", ".", "nobody"])
def test_a_run_that_the_bundle_does_not_have_is_named(unpacked: Path, name: str) -> None:
    def rename(contents: dict[str, Any]) -> None:
        contents["runs"][0] = name

    edited(unpacked / "bundle.json", rename)
    with pytest.raises(ConfigError, match="which the bundle does not have"):
        verify(unpacked)


@pytest.mark.parametrize(
    "release", [path for path in RELEASES if path.name != "0.4.1"], ids=lambda path: path.name
)
def test_of_one_sample_file_the_means_over_other_tasks_are_left_out(release: Path, tmp_path: Path) -> None:
    (samples_file,) = (release / "strong").rglob("samples_mini_qa_de_*.jsonl")
    assert main(["export", str(samples_file), "--format", "bundle", "-o", str(tmp_path)]) == 0
    found = verify(tmp_path / "bundle.zip")
    assert not found.differences
    unpack(tmp_path / "bundle.zip", tmp_path / "unpacked")
    assert "mini\\_qa |" not in (tmp_path / "unpacked" / "card.md").read_text(encoding="utf-8")


def test_a_bundle_without_a_run_is_said(unpacked: Path) -> None:
    edited(unpacked / "bundle.json", lambda contents: contents.update(runs=[], names=[]))
    with pytest.raises(ConfigError, match="names no run"):
        verify(unpacked)


def test_every_format_can_be_asked_for_by_its_name() -> None:
    from fusion_eval.cli.export import NAMES
    from fusion_eval.export.formats import FORMATS

    assert tuple(FORMATS) == NAMES
