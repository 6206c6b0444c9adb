"""A store in trouble: damaged, locked, sealed. Either it goes on and says so, or it ends with one clear sentence."""

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

from fusion_eval.errors import StoreError
from fusion_eval.models.store import recovery as store_recovery
from fusion_eval.models.store.store import Store, cache_folder
from fusion_eval.types import Candidate

NOBODY = 65534
ROWS = 200


def candidate(number: int) -> Candidate:
    return Candidate(text=f"text {number} " * 20, model="m", seed=number)


def key(number: int) -> bytes:
    return random.Random(number).randbytes(32)


def filled(path: Path) -> Path:
    """A store of several dozen pages."""
    with Store(path) as store:
        store.keep({key(i): candidate(i) for i in range(ROWS)})
    return path


def overwrite(path: Path, start: int, length: int, junk: bytes = b"\xa5") -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(junk * length)


def lose_the_middle(path: Path) -> None:
    overwrite(path, path.stat().st_size // 2 // 4096 * 4096, 8192)


def lose_the_header(path: Path) -> None:
    overwrite(path, 0, 64)


def lose_the_second_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def lose_all_but_a_page_and_a_bit(path: Path) -> None:
    os.truncate(path, 5000)


DAMAGE = [lose_the_middle, lose_the_header, lose_the_second_half, lose_all_but_a_page_and_a_bit]


# Damaged


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_store_is_set_aside_whole_with_a_warning_and_a_new_one_is_begun(
    damage: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(tmp_path / "store.sqlite")
    damage(path)
    left = path.read_bytes()

    with caplog.at_level(logging.WARNING), Store(path) as store:
        assert store.candidates([key(i) for i in range(ROWS)]) == {}
        assert store.keep({key(1): candidate(1)}) == {key(1): candidate(1)}

    [warning] = caplog.messages
    assert warning.startswith(f"The store {path} was damaged (")
    assert warning.endswith("It is set aside as store.sqlite.damaged-1, and a new one is begun")
    assert (tmp_path / "store.sqlite.damaged-1").read_bytes() == left
    with Store(path) as again:
        assert again.candidates([key(1)]) == {key(1): candidate(1)}
    assert len(caplog.messages) == 1, "the new one is sound"


def test_what_was_set_aside_before_stays(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    for _ in range(3):
        lose_the_middle(filled(path))
        Store(path).close()
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        "store.sqlite", "store.sqlite.damaged-1", "store.sqlite.damaged-2", "store.sqlite.damaged-3",
    ]  # fmt: skip


def test_a_write_ahead_log_goes_with_its_store(tmp_path: Path) -> None:
    """SQLite deletes one that it finds beside a new file, and with it the last answers before a crash."""
    path = tmp_path / "store.sqlite"
    crashed(path)
    log = path.with_name("store.sqlite-wal").read_bytes()
    os.truncate(path, 0)

    Store(path).close()

    assert (tmp_path / "store.sqlite.damaged-1-wal").read_bytes() == log


def test_a_write_ahead_log_whose_store_is_gone_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    crashed(path)
    path.unlink()

    Store(path).close()

    assert (tmp_path / "store.sqlite.damaged-1-wal").stat().st_size > 0


def crashed(path: Path) -> None:
    """Leave a store as a killed process does: its newest rows in the write-ahead log alone."""
    origin = path.with_name("origin.sqlite")
    with Store(origin) as store:
        store.keep({key(i): candidate(i) for i in range(ROWS)})
        for suffix in ("", "-wal"):
            shutil.copy(f"{origin}{suffix}", f"{path}{suffix}")


def test_a_killed_writers_store_is_sound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "store.sqlite"
    crashed(path)
    with Store(path) as store:
        assert len(store.candidates([key(i) for i in range(ROWS)])) == ROWS
    assert caplog.messages == []


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.touch()
    with Store(path) as store:
        assert store.keep({key(1): candidate(1)}) == {key(1): candidate(1)}
    assert [item.name for item in tmp_path.iterdir()] == ["store.sqlite"]


def test_in_our_own_folder_a_file_without_any_sense_was_a_store(cache_home: Path) -> None:
    path = cache_folder() / "store.sqlite"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0" * 50_000)
    Store(path).close()
    assert path.with_name("store.sqlite.damaged-1").read_bytes() == b"\0" * 50_000


def test_another_programs_damaged_database_is_never_touched(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE accounts (name TEXT)")
        other.executemany("INSERT INTO accounts VALUES (?)", [("x" * 1000,)] * 100)
        other.commit()
    overwrite(path, 0, 64)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="file is not a database; name another with cache=PATH"):
        Store(path)

    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["theirs.db"]


def test_of_two_processes_that_find_the_damage_one_sets_it_aside(tmp_path: Path) -> None:
    path = filled(tmp_path / "store.sqlite")
    lose_the_middle(path)
    seen = store_recovery.inode(path)

    assert store_recovery.set_aside(path, seen) == tmp_path / "store.sqlite.damaged-1"
    filled(path)  # the faster one goes on
    assert store_recovery.set_aside(path, seen) is None
    assert len(Store(path).candidates([key(i) for i in range(ROWS)])) == ROWS


def test_the_check_on_opening_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    """A cache of many gigabytes must not hold up every start."""
    path = filled(tmp_path / "store.sqlite")
    lose_the_middle(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        with pytest.raises((store_recovery.DamagedError, sqlite3.DatabaseError)):
            store_recovery.check(db)
        with contextlib.closing(sqlite3.connect(tmp_path / "large")) as large:
            large.execute("CREATE TABLE t (x)")
            large.execute(
                "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT 20000) "
                "INSERT INTO t SELECT zeroblob(900) FROM c"
            )
            large.commit()
            store_recovery.check(large, seconds=-1)
            assert large.execute("SELECT count(*) FROM t").fetchone() == (20_000,), (
                "it can be used afterwards"
            )


# Locked


def test_a_store_that_another_process_keeps_to_itself_is_given_up_after_the_patience(tmp_path: Path) -> None:
    path = filled(tmp_path / "store.sqlite")
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


def test_a_new_store_that_another_process_keeps_locked_is_given_up_as_well(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="another process has kept it locked for"):
            Store(path, patience=0.05)


# Sealed


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may write to, which the folders of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Root may write anywhere, so be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_written_to_is_refused_before_any_call_is_paid_for(open_folder: Path) -> None:
    with unprivileged():
        path = filled(open_folder / "store.sqlite")
        path.chmod(0o444)
        with pytest.raises(StoreError) as caught:
            Store(path)
        path.chmod(0o644)
        assert len(Store(path).candidates([key(i) for i in range(ROWS)])) == ROWS
    assert str(caught.value) == (
        f"Cannot use {path} as a store: it may not be written to; name another with cache=PATH, or cache=off"
    )


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_may_not_be_written_to_is_refused(open_folder: Path, exists: bool) -> None:
    folder = open_folder / "sealed"
    with unprivileged():
        folder.mkdir()
        if exists:
            filled(folder / "store.sqlite")
        folder.chmod(0o555)
        with pytest.raises(StoreError, match=r"Cannot use .*; name another with cache=PATH, or cache=off"):
            Store(folder / "store.sqlite")
        folder.chmod(0o755)


def test_a_damaged_store_in_a_sealed_folder_stays_and_is_refused(open_folder: Path) -> None:
    folder = open_folder / "sealed"
    with unprivileged():
        folder.mkdir()
        path = filled(folder / "store.sqlite")
        lose_the_header(path)
        left = path.read_bytes()
        folder.chmod(0o555)
        with pytest.raises(StoreError, match="it cannot be set aside: Permission denied"):
            Store(path)
        assert path.read_bytes() == left
        folder.chmod(0o755)


# As users see it


def run_command(
    server: Server, folder: Path, most_bytes: int | None = None
) -> subprocess.CompletedProcess[str]:
    """`fusion-eval run` of one strategy; no file of it may grow beyond `most_bytes`, as on a disk that is full."""
    arguments = (
        f"model=test-model,base_url={server.base_url},n=2,concurrency=1,cache={folder / 'store.sqlite'}"
    )

    def limit() -> None:
        if most_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    return subprocess.run(
        [
            Path(sys.executable).parent / "fusion-eval", "run", "--tasks", "fusion_demo_fr,fusion_demo_ja",
            "--strategies", "single", "--model_args", arguments, "--output", str(folder / "out"),
        ],
        capture_output=True, text=True, timeout=120, preexec_fn=limit, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip


def test_a_run_on_a_damaged_store_says_so_and_finishes(
    openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    lose_the_middle(filled(tmp_path / "store.sqlite"))

    done = run_command(openai_server(Plan()), tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("It is set aside as store.sqlite.damaged-1, and a new one is begun") == 1
    assert (tmp_path / "store.sqlite.damaged-1").exists()


def test_a_run_on_a_full_disk_ends_with_one_sentence_and_goes_on_when_there_is_room(
    openai_server: Callable[[Plan], Server], tmp_path: Path
) -> None:
    server = openai_server(Plan())

    full = run_command(server, tmp_path, most_bytes=80_000)

    assert full.returncode == 2
    assert full.stderr.count("What it holds is kept; make room or mend its rights, then run again") == 1
    assert "Traceback" not in full.stderr
    made = len(server.calls)
    assert 3 < made < 28, "it stopped on the way"
    again = run_command(server, tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(server.calls) <= 28 + 2, "the last answer found no room, and one more call was on its way"


def test_a_damaged_row_in_a_sound_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.keep({b"k" * 32: Candidate("text", "m", 0)})
    with sqlite3.connect(path) as db:
        db.execute("UPDATE generations SET candidate = '{\"text\": '")
    with Store(path) as store, pytest.raises(StoreError, match=r"damaged generation: .*cache=PATH"):
        store.candidates([b"k" * 32])
