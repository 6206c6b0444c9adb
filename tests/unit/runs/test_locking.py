"""Two runs do not write to one folder at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fusion_eval.errors import ConfigError
from fusion_eval.runs.locking import LOCK, lock_folder

HOLDER = """
import sys, time
from pathlib import Path
from fusion_eval.runs.locking import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_run_ends_with_a_sentence(tmp_path: Path) -> None:
    held, another = lock_folder(tmp_path), pytest.raises(ConfigError, match=r"Another run writes to .* now")
    with held, another, lock_folder(tmp_path):
        pass


def test_a_folder_is_free_again_after_a_run(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_folder(tmp_path):
            assert (tmp_path / LOCK).exists()
    assert not list(tmp_path.iterdir())


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    # given a run in another process, which holds the folder and is killed
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match="Another run"), lock_folder(tmp_path):
            pass
        process.kill()
    # when, then
    with lock_folder(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]


UNFINISHED = (
    "single/traces.jsonl.partial",
    "single/traces.rank1.jsonl.partial",
    "single/traces.jsonl.partial.sorted",
    "single/model/results_2026.json.0123abcd.partial",
)
FOREIGN = (
    "x.partial",
    "traces.jsonl.partial",
    "single/x.partial",
    "single/model/film.mkv.partial",
    "single/traces.jsonl",
    "other/traces.jsonl.partial",
)


def test_only_unfinished_files_of_the_runs_own_strategies_are_removed(tmp_path: Path) -> None:
    # given what a killed run left, and files of others
    for name in (*UNFINISHED, *FOREIGN):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    # when
    with lock_folder(tmp_path, [tmp_path / "single", tmp_path / "absent"]):
        pass
    # then
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(FOREIGN)


def test_a_new_folder_in_which_nothing_was_written_is_removed(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "new" / "folder"):
        pass
    assert not (tmp_path / "new").exists()


def test_the_ranks_of_one_run_share_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with lock_folder(tmp_path):
        monkeypatch.setenv("RANK", "1")
        with lock_folder(tmp_path):
            pass


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="Cannot write to"), lock_folder(tmp_path / "file" / "folder"):
        pass
