"""Shards on machines that share nothing, and their union."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from synth_lab import Lab, damage_column, failures_in, rows_in, write_prompts

from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError
from fusion_eval.synth.job import Shard, read_shard

MakeLab = Callable[..., Lab]


def make_shards(lab: Lab, of: int, *options: str) -> list[Path]:
    folders = [lab.folder / f"shard-{number}" for number in range(of)]
    for number, folder in enumerate(folders):
        assert lab.synth("--shard", f"{number}/{of}", *options, output=folder) == 0
    return folders


def merge(folders: list[Path], output: Path, *options: str) -> int:
    return main(["merge", *map(str, folders), "--output", str(output), *options])


@pytest.mark.parametrize("strategy", ["fusion", "single,bon(scorer=chrf)"])
def test_merged_shards_are_the_same_files_as_one_job_makes(lab: MakeLab, strategy: str) -> None:
    # given
    made = lab(7, {"language": "en"})
    options = ("--strategy", strategy, "--pairs", "--rows_per_file", "3", "--filters", "length(least=60)")
    made.synth(*options)
    # when
    folders = make_shards(made, 3, *options)
    assert merge(folders, made.folder / "merged") == 0
    # then
    for path in made.output.rglob("*.parquet"):
        assert (made.folder / "merged" / path.relative_to(made.output)).read_bytes() == path.read_bytes(), (
            path
        )
    assert (made.folder / "merged" / "synth.json").read_bytes() == (made.output / "synth.json").read_bytes()


def test_a_gap_is_reported_and_the_rest_is_merged(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    made = lab(7)
    folders = make_shards(made, 3, "--strategy", "single")
    assert merge(folders[:2], made.output) == 0
    shown = capsys.readouterr()
    assert "gaps: 2" in shown.out and "missing or not finished: 2/3" in shown.err
    assert [row["index"] for row in rows_in(made.output)] == [0, 1, 3, 4, 6]


def test_shards_that_overlap_are_refused_unless_the_first_may_count(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    made = lab(4)
    folders = make_shards(made, 2, "--strategy", "single")
    made.synth("--strategy", "single")
    # when
    refused = merge([*folders, made.output], made.folder / "merged")
    error = capsys.readouterr().err
    allowed = merge([*folders, made.output], made.folder / "merged", "--allow_overlap")
    # then
    assert (refused, allowed) == (2, 0)
    assert "The shards overlap: 4 prompts are in more than one of the 3 folders" in error
    assert "duplicates: 4 in several folders" in capsys.readouterr().out
    assert [row["index"] for row in rows_in(made.folder / "merged")] == [0, 1, 2, 3]


def test_a_folder_of_another_job_is_not_merged(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    made = lab(4)
    made.synth("--strategy", "single", "--shard", "0/2", output=made.folder / "one")
    made.synth("--strategy", "longest", "--shard", "1/2", output=made.folder / "other")
    assert merge([made.folder / "one", made.folder / "other"], made.output) == 2
    assert "its strategies differs" in capsys.readouterr().err
    assert merge([made.folder], made.output) == 2
    assert "has no synth.json" in capsys.readouterr().err


def test_a_shard_is_read_from_the_option_or_from_a_slurm_array() -> None:
    assert read_shard("1/4", {}) == Shard(1, 4)
    assert read_shard(None, {}) == Shard(0, 1)
    array = {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "5"}
    assert read_shard(None, array) == Shard(2, 4)
    assert read_shard("0/2", array) == Shard(0, 2)
    with pytest.raises(ConfigError, match="the number of parts is unknown"):
        read_shard(None, {"SLURM_ARRAY_TASK_ID": "7"})


@pytest.mark.parametrize("text", ["4/4", "1", "a/b", "0/0"])
def test_a_wrong_shard_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--shard"):
        read_shard(text, {})


def test_the_failures_of_shards_are_merged_too(lab: MakeLab) -> None:
    made = lab(4)
    folders = make_shards(made, 2, "--strategy", "single", "--filters", "length(least=1000)")
    assert merge(folders, made.output) == 0
    assert [failed["index"] for failed in failures_in(made.output)] == [0, 1, 2, 3]
    assert {failed["reason"] for failed in failures_in(made.output)} == {"length"}


def test_a_damaged_shard_is_named(lab: MakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    # given a shard whose candidates cannot be read any more
    made = lab(4)
    folders = make_shards(made, 2, "--strategy", "single")
    path = folders[1] / "data" / "train-00000-of-00001.parquet"
    damage_column(path, "candidates.list.element.text")
    # when
    code = merge(folders, made.output)
    # then
    assert code == 2
    assert f"{path} cannot be read" in capsys.readouterr().err
    assert not (made.output / "data").exists()


def test_shards_of_prompts_that_changed_are_not_merged(
    lab: MakeLab, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    made = lab(4)
    folders = [made.folder / "one", made.folder / "other"]
    made.synth("--strategy", "single", "--shard", "0/2", output=folders[0])
    write_prompts(made.folder / "prompts.jsonl", 6)
    made.synth("--strategy", "single", "--shard", "1/2", output=folders[1])
    # when
    code = merge(folders, made.output)
    # then
    assert code == 2
    assert "its content differs" in capsys.readouterr().err
