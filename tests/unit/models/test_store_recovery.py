"""A store that is damaged, locked or write-protected: a run goes on with a warning, or ends with one clear sentence."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai_server import Plan, Server
from stores import unprivileged

from fusion_eval.errors import StoreError
from fusion_eval.models.store import recovery
from fusion_eval.models.store.store import Store, cache_folder
from fusion_eval.types import Candidate

ROWS = 200


def candidate(number: int) -> Candidate:
    return Candidate(text=f"text {number} " * 20, model="m", seed=number)


def key(number: int) -> bytes:
    return random.Random(number).randbytes(32)


def large_store(path: Path) -> Path:
    """Write a store of several dozen pages."""
    with Store(path) as store:
        store.keep({key(i): candidate(i) for i in range(ROWS)})
    return path


def count_found(path: Path) -> int:
    with Store(path) as store:
        return len(store.candidates([key(i) for i in range(ROWS)]))


def overwrite(path: Path, start: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * length)


def overwrite_the_middle(path: Path) -> None:
    overwrite(path, path.stat().st_size // 2 // 4096 * 4096, 8192)


def overwrite_the_header(path: Path) -> None:
    overwrite(path, 0, 64)


def cut_off_the_second_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_off_all_but_a_page(path: Path) -> None:
    os.truncate(path, 5000)


DAMAGE = [overwrite_the_middle, overwrite_the_header, cut_off_the_second_half, cut_off_all_but_a_page]


def leave_as_a_killed_process_does(path: Path) -> None:
    """Write a store whose newest rows are in the write-ahead log alone."""
    origin = path.with_name("origin.sqlite")
    with Store(origin) as store:
        store.keep({key(i): candidate(i) for i in range(ROWS)})
        for suffix in ("", "-wal"):
            shutil.copy(f"{origin}{suffix}", f"{path}{suffix}")


# Damaged stores


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_store_is_set_aside_unchanged_and_a_new_one_is_begun(
    damage: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # given
    path = large_store(tmp_path / "store.sqlite")
    damage(path)
    damaged = path.read_bytes()
    # when
    with caplog.at_level(logging.WARNING), Store(path) as store:
        assert store.candidates([key(i) for i in range(ROWS)]) == {}
        assert store.keep({key(1): candidate(1)}) == {key(1): candidate(1)}
    # then
    [warning] = caplog.messages
    assert warning.startswith(f"The store {path} was damaged (")
    assert warning.endswith("It was renamed to store.sqlite.damaged-1, and a new store was created")
    assert (tmp_path / "store.sqlite.damaged-1").read_bytes() == damaged
    with Store(path) as again:
        assert again.candidates([key(1)]) == {key(1): candidate(1)}
    assert len(caplog.messages) == 1, "the new store is sound"


def test_stores_that_were_set_aside_before_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    for _ in range(3):
        overwrite_the_middle(large_store(path))
        Store(path).close()
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        "store.sqlite", "store.sqlite.damaged-1", "store.sqlite.damaged-2", "store.sqlite.damaged-3",
    ]  # fmt: skip


def test_a_write_ahead_log_is_set_aside_with_its_store(tmp_path: Path) -> None:
    """SQLite deletes a log that it finds beside a new file, and with it the last answers before a crash."""
    path = tmp_path / "store.sqlite"
    leave_as_a_killed_process_does(path)
    log = path.with_name("store.sqlite-wal").read_bytes()
    os.truncate(path, 0)
    Store(path).close()
    assert (tmp_path / "store.sqlite.damaged-1-wal").read_bytes() == log


def test_a_write_ahead_log_without_its_store_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    leave_as_a_killed_process_does(path)
    path.unlink()
    Store(path).close()
    assert (tmp_path / "store.sqlite.damaged-1-wal").stat().st_size > 0


def test_the_store_of_a_killed_writer_is_sound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "store.sqlite"
    leave_as_a_killed_process_does(path)
    assert count_found(path) == ROWS
    assert caplog.messages == []


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.touch()
    with Store(path) as store:
        assert store.keep({key(1): candidate(1)}) == {key(1): candidate(1)}
    assert [item.name for item in tmp_path.iterdir()] == ["store.sqlite"]


def test_a_file_without_any_structure_in_the_cache_folder_counts_as_a_damaged_store(cache_home: Path) -> None:
    path = cache_folder() / "store.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0" * 50_000)
    Store(path).close()
    assert path.with_name("store.sqlite.damaged-1").read_bytes() == b"\0" * 50_000


def test_the_damaged_database_of_another_program_is_refused_and_not_changed(tmp_path: Path) -> None:
    # given
    path = tmp_path / "theirs.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE accounts (name TEXT)")
        other.executemany("INSERT INTO accounts VALUES (?)", [("x" * 1000,)] * 100)
        other.commit()
    overwrite_the_header(path)
    before = path.read_bytes()
    # when
    with pytest.raises(StoreError, match="file is not a database; name another with cache=PATH"):
        Store(path)
    # then
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["theirs.db"]


def test_only_the_first_of_two_processes_sets_a_damaged_store_aside(tmp_path: Path) -> None:
    # given that both have seen the damage
    path = large_store(tmp_path / "store.sqlite")
    overwrite_the_middle(path)
    damaged = recovery.inode(path)
    # when the first has begun a new store
    assert recovery.set_aside(path, damaged) == tmp_path / "store.sqlite.damaged-1"
    large_store(path)
    # then the second leaves it alone
    assert recovery.set_aside(path, damaged) is None
    assert count_found(path) == ROWS


def test_the_check_finds_damage(tmp_path: Path) -> None:
    path = large_store(tmp_path / "store.sqlite")
    overwrite_the_middle(path)
    damage = pytest.raises((recovery.DamagedError, sqlite3.DatabaseError))
    with contextlib.closing(sqlite3.connect(path)) as db, damage:
        recovery.check(db)


def test_the_check_of_a_large_store_ends_when_its_time_is_over(tmp_path: Path) -> None:
    """A cache of many gigabytes must not delay every start."""
    with contextlib.closing(sqlite3.connect(tmp_path / "large")) as db:
        db.execute("CREATE TABLE t (x)")
        db.execute(
            "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 20000) "
            "INSERT INTO t SELECT zeroblob(900) FROM c"
        )
        db.commit()
        recovery.check(db, seconds=-1)
        assert db.execute("SELECT count(*) FROM t").fetchone() == (20_000,), "the connection still works"


def test_a_damaged_row_in_a_sound_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.keep({b"k" * 32: Candidate("text", "m", 0)})
    with sqlite3.connect(path) as db:
        db.execute("UPDATE generations SET candidate = '{\"text\": '")
    with Store(path) as store, pytest.raises(StoreError, match=r"damaged generation: .*cache=PATH"):
        store.candidates([b"k" * 32])


# Locked stores


def test_a_store_that_stays_locked_is_given_up_when_the_patience_ends(tmp_path: Path) -> None:
    path = large_store(tmp_path / "store.sqlite")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as caught:
            Store(path, patience=0.05)
        assert str(caught.value) == (
            f"Cannot use {path} as a store: another process has kept it locked for 0.05 s; "
            "name another with cache=PATH, or cache=off"
        )
        other.execute("COMMIT")
        Store(path, patience=0.05).close()


def test_a_new_store_that_stays_locked_is_given_up_too(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="another process has kept it locked for"):
            Store(path, patience=0.05)


# Stores and folders without write permission


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that everybody may write to, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def test_a_file_without_write_permission_is_refused_before_any_call(public_folder: Path) -> None:
    with unprivileged():
        path = large_store(public_folder / "store.sqlite")
        path.chmod(0o444)
        with pytest.raises(StoreError) as caught:
            Store(path)
        path.chmod(0o644)
        assert count_found(path) == ROWS
    assert str(caught.value) == (
        f"Cannot use {path} as a store: it is write-protected; name another with cache=PATH, or cache=off"
    )


@pytest.mark.parametrize("exists", [True, False])
def test_a_store_in_a_folder_without_write_permission_is_refused(public_folder: Path, exists: bool) -> None:
    folder = public_folder / "sealed"
    with unprivileged():
        folder.mkdir()
        if exists:
            large_store(folder / "store.sqlite")
        folder.chmod(0o555)
        with pytest.raises(StoreError, match=r"Cannot use .*; name another with cache=PATH, or cache=off"):
            Store(folder / "store.sqlite")
        folder.chmod(0o755)


def test_a_damaged_store_in_such_a_folder_is_refused_and_not_changed(public_folder: Path) -> None:
    folder = public_folder / "sealed"
    with unprivileged():
        folder.mkdir()
        path = large_store(folder / "store.sqlite")
        overwrite_the_header(path)
        damaged = path.read_bytes()
        folder.chmod(0o555)
        with pytest.raises(StoreError, match="it cannot be set aside: Permission denied"):
            Store(path)
        assert path.read_bytes() == damaged
        folder.chmod(0o755)


# Whole runs


def run_command(
    server: Server, folder: Path, most_bytes: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one strategy in a process whose files may not grow beyond `most_bytes`, as on a full disk."""
    arguments = (
        f"model=test-model,base_url={server.base_url},n=2,concurrency=1,cache={folder / 'store.sqlite'}"
    )

    def limit_file_size() -> None:
        if most_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    return subprocess.run(
        [
            Path(sys.executable).parent / "fusion-eval", "run", "--tasks", "fusion_demo_fr,fusion_demo_ja",
            "--strategies", "single", "--model_args", arguments, "--output", str(folder / "out"),
        ],
        capture_output=True, text=True, timeout=120, preexec_fn=limit_file_size,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip


def test_a_run_with_a_damaged_store_warns_and_finishes(
    openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    overwrite_the_middle(large_store(tmp_path / "store.sqlite"))
    done = run_command(openai_server(Plan()), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("It was renamed to store.sqlite.damaged-1, and a new store was created") == 1
    assert (tmp_path / "store.sqlite.damaged-1").exists()


@pytest.mark.slow
def test_a_run_on_a_full_disk_ends_with_one_sentence_and_can_go_on(
    openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    # given a disk that is full after a part of the 28 calls
    server = openai_server(Plan())
    full = run_command(server, tmp_path, most_bytes=80_000)
    assert full.returncode == 2
    assert (
        full.stderr.count(
            "Its content is kept; free disk space or fix the file's permissions, then run again"
        )
        == 1
    )
    assert "Traceback" not in full.stderr
    assert 3 < len(server.calls) < 28
    # when there is room
    again = run_command(server, tmp_path)
    # then only the answer that found no room, and one that was in flight, are asked for again
    assert again.returncode == 0, again.stderr
    assert len(server.calls) <= 28 + 2
