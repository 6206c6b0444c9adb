"""A read-only store answers from any folder, changes no byte, and leaves no file behind."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from stores import KEYS, copy_store, files_in, filled_store, unprivileged

from fusion_eval.errors import FusionEvalError, StoreError
from fusion_eval.model_arguments import parse
from fusion_eval.models.opener import open_store
from fusion_eval.models.store.read_only import ReadOnlyStore
from fusion_eval.models.store.store import Store, cache_folder
from fusion_eval.types import Candidate

Sealed = Callable[[Path], contextlib.AbstractContextManager[Path]]


def count_found(path: Path) -> int:
    """Count the candidates of `filled_store` that a read-only store finds."""
    with ReadOnlyStore(path) as store:
        return len(store.candidates(KEYS))


@pytest.fixture
def sealed() -> Iterator[Sealed]:
    """`sealed(path)` copies the store's folder to one without rights to write, and enters it unprivileged."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)

        @contextlib.contextmanager
        def copy_of(path: Path) -> Iterator[Path]:
            folder = Path(name) / "sealed"
            shutil.copytree(path.parent, folder)
            for file in folder.iterdir():
                file.chmod(0o444)
            folder.chmod(0o555)
            try:
                with unprivileged():
                    yield folder / path.name
            finally:
                folder.chmod(0o755)

        yield copy_of


# What can be read


@pytest.mark.parametrize("suffixes", [("-wal",), ("-wal", "-shm")])
def test_a_store_that_was_not_closed_is_read_with_its_write_ahead_log(
    tmp_path: Path, suffixes: tuple[str, ...], sealed: Sealed
) -> None:
    # given a copy of a store that another process has open
    with Store(tmp_path / "store.sqlite") as store:
        store.keep({key: Candidate(f"text {key[0]}", "m", key[0]) for key in KEYS})
        path = copy_store(tmp_path / "store.sqlite", tmp_path / "copy", *suffixes)
    before = files_in(path.parent)
    # then it is read in a sealed folder and in an open one, and stays as it is
    with sealed(path) as copy:
        assert count_found(copy) == len(KEYS)
        assert files_in(copy.parent) == before
    assert count_found(path) == len(KEYS)
    after = files_in(path.parent)
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in ("store.sqlite", "store.sqlite-wal"))


def test_a_store_that_was_closed_is_read_in_any_folder(tmp_path: Path, sealed: Sealed) -> None:
    # given a closed store, whose header asks for a write-ahead log, in a folder with a difficult name
    folder = tmp_path / "a b?c#d%20é"
    path = filled_store(folder / "store.sqlite")
    before = files_in(folder)
    assert list(before) == ["store.sqlite"]
    assert before["store.sqlite"][18:20] == b"\2\2"
    # then it is read with an empty log, without one, and in a sealed folder
    (folder / "store.sqlite-wal").touch()
    assert count_found(path) == len(KEYS)
    (folder / "store.sqlite-wal").unlink()
    assert count_found(path) == len(KEYS) and files_in(folder) == before
    with sealed(path) as copy:
        assert count_found(copy) == len(KEYS) and files_in(copy.parent) == before


def test_rows_that_another_process_writes_meanwhile_are_found(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as writer:
        writer.keep({KEYS[0]: Candidate("text", "m", 0)})
        with ReadOnlyStore(path) as reader:
            writer.keep({KEYS[1]: Candidate("text", "m", 1)})
            assert len(reader.candidates(KEYS)) == 2


def test_a_read_only_store_refuses_to_write(tmp_path: Path) -> None:
    path = filled_store(tmp_path / "store.sqlite")
    with ReadOnlyStore(path) as store, pytest.raises(StoreError, match="attempt to write a readonly"):
        store.keep({bytes(32): Candidate("new", "m", 0)})


def test_the_default_is_the_store_in_the_cache_folder_and_none_is_created(cache_home: Path) -> None:
    # given no store
    path = cache_folder() / "store.sqlite"
    with pytest.raises(FusionEvalError, match=f"cannot read {path} .*run once without offline=true"):
        open_store(parse({"offline": True}))
    assert not cache_home.exists()
    # when there is one
    filled_store(path)
    # then it is read
    with open_store(parse({"offline": True})) as store:
        assert len(store.candidates(KEYS)) == len(KEYS)


# What cannot be read


def store_of_a_newer_version(path: Path) -> None:
    filled_store(path)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=99")
        db.execute("PRAGMA journal_mode=DELETE")


def database_of_another_program(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE accounts (name TEXT)")


def store_with_a_damaged_page(path: Path) -> None:
    filled_store(path)
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xa5" * 4096)


def write_ahead_log_alone(path: Path) -> None:
    path.touch()
    path.with_name(f"{path.name}-wal").write_bytes(b"x" * 100)


@pytest.mark.parametrize(
    ("create", "reason"),
    [
        (lambda path: None, "there is no such file"),
        (Path.mkdir, "there is no such file"),
        (Path.touch, "it is empty"),
        (lambda path: path.write_text("Dear diary, " * 1000), "file is not a database"),
        (database_of_another_program, "it is the database of another program"),
        (store_of_a_newer_version, r"a newer version wrote it \(format 99\)"),
        (store_with_a_damaged_page, "database disk image is malformed"),
        (write_ahead_log_alone, "it is empty, but its write-ahead log is not"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason_and_stays_as_it_is(
    tmp_path: Path, create: Callable[[Path], Any], reason: str
) -> None:
    # given
    folder = tmp_path / "committed"
    folder.mkdir()
    path = folder / "store.sqlite"
    create(path)
    files, names = files_in(folder), sorted(folder.iterdir())
    # when
    with pytest.raises(
        StoreError,
        match=f"^offline=true cannot read {path} as a store: {reason}; name another with cache=PATH",
    ):
        open_store(parse({"cache": path, "offline": True}))
    # then
    assert files_in(folder) == files and sorted(folder.iterdir()) == names
