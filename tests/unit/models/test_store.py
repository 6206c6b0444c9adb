"""What `keep` has returned is stored, whoever else writes and however the writer ends."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_eval.errors import StoreError
from fusion_eval.models.store.store import Store, cache_folder
from fusion_eval.types import Candidate, to_json

NUMBER = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
CANDIDATES = st.builds(
    Candidate,
    text=WORDS,
    model=WORDS,
    seed=st.integers(0, 2**40),
    finish_reason=st.sampled_from(["stop", "length", "refusal"]),
    prompt_tokens=st.integers(0, 10_000),
    completion_tokens=st.integers(0, 10_000),
    mean_logprob=st.none() | NUMBER,
    reasoning=WORDS,
    cost=st.none() | NUMBER,
    latency=NUMBER,
)


def candidate(text: str, seed: int = 0) -> Candidate:
    return Candidate(text=text, model="m", seed=seed)


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


# Reading what was written


@given(st.dictionaries(st.binary(min_size=32, max_size=32), CANDIDATES, max_size=8))
def test_candidates_are_read_back_unchanged(candidates: dict[bytes, Candidate]) -> None:
    store = Store(None)
    assert store.keep(candidates) == candidates
    assert store.candidates(list(candidates)) == candidates


def test_no_other_user_can_read_a_store(tmp_path: Path) -> None:
    with Store(tmp_path / "store.sqlite") as store:
        store.keep({key(1): candidate("a secret")})
        assert [path.name for path in tmp_path.iterdir() if path.stat().st_mode & 0o077] == []


def test_a_store_that_is_opened_again_holds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "store.sqlite"
    with Store(path) as store:
        store.keep({key(1): candidate("日本語 🐍\x00")})
    with Store(path) as again:
        assert again.candidates([key(1), key(2)]) == {key(1): candidate("日本語 🐍\x00")}


def test_rows_with_every_field_written_out_are_readable(tmp_path: Path) -> None:
    # given a row as earlier versions wrote it
    with Store(tmp_path / "store.sqlite") as store:
        store._db.execute("INSERT INTO generations VALUES (?, ?)", (key(1), to_json(candidate("old"))))
        # then
        assert store.candidates([key(1)]) == {key(1): candidate("old")}


def test_fields_that_have_their_default_are_not_written(tmp_path: Path) -> None:
    with Store(tmp_path / "store.sqlite") as store:
        store.keep({key(1): candidate("short", seed=3)})
        [row] = store._db.execute("SELECT candidate FROM generations").fetchall()
    assert json.loads(row[0]) == {"text": "short", "model": "m", "seed": 3}


def test_fields_that_a_row_leaves_out_keep_their_meaning(tmp_path: Path) -> None:
    with Store(tmp_path / "store.sqlite") as store:
        store._db.execute(
            "INSERT INTO generations VALUES (?, ?)", (key(1), b'{"text": "a", "model": "m", "seed": 1}')
        )
        [read] = store.candidates([key(1)]).values()
    assert read == Candidate("a", "m", 1, "stop", 0, 0, None, (), "", None, 0.0, 0, 0, 0, (), None, ())


def test_any_number_of_rows_can_be_written_and_read() -> None:
    # given the smallest limit on parameters with which SQLite is built
    many = {key(i): candidate(str(i)) for i in range(2_500)}
    store = Store(None)
    store._db.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
    # then
    assert store.keep(many) == many
    assert store.candidates([*many, key(9_999)]) == many


def test_nothing_to_write_and_nothing_to_read_is_no_error() -> None:
    """Other tools crash where a run has nothing left to do."""
    assert Store(None).keep({}) == {}
    assert Store(None).candidates([]) == {}


def test_the_first_result_of_a_call_is_kept_and_returned_to_later_writers() -> None:
    store = Store(None)
    store.keep({key(1): candidate("first")})
    assert store.keep({key(1): candidate("second"), key(2): candidate("new")}) == {
        key(1): candidate("first"),
        key(2): candidate("new"),
    }


def test_a_store_in_memory_writes_no_file_and_is_not_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(None)
    store.keep({key(1): candidate("a")})
    assert Store(None).candidates([key(1)]) == {}
    store.close()
    assert list(tmp_path.rglob("*")) == []


def test_the_cache_folder_is_where_the_platform_says(cache_home: Path) -> None:
    assert cache_folder().is_relative_to(cache_home)


# Several processes

WRITER = """
import json, sys
from pathlib import Path
from fusion_eval.models.store.store import Store
from fusion_eval.types import Candidate

path, name, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
store = Store(path)
shared = {}
for i in range(rows):
    keys = [i.to_bytes(32, "big"), f"{name} {i}".encode().ljust(32)]  # one that all write, one of its own
    kept = store.keep({key: Candidate(text=f"{name} {i}", model="m", seed=i) for key in keys})
    shared[i] = kept[keys[0]].text
    print(i, flush=True)
print(json.dumps(shared))
"""


def writer(path: Path, name: str, rows: int) -> subprocess.Popen[str]:
    """Start a process that writes to the store once `start` is called."""
    command = [sys.executable, "-c", WRITER, str(path), name, str(rows)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def start(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_processes_that_write_a_new_store_at_once_lose_nothing_and_agree(tmp_path: Path) -> None:
    """Other tools end with 'database is locked', or each process goes on with an answer of its own."""
    # given three processes that write the same keys, and keys of their own
    path, rows = tmp_path / "store.sqlite", 60
    writers = {name: writer(path, name, rows) for name in ("one", "two", "three")}
    # when
    for process in writers.values():
        start(process)
    outputs = [process.communicate(timeout=30)[0] for process in writers.values()]
    # then every row is stored, and all have returned the first result of each shared key
    assert [process.returncode for process in writers.values()] == [0, 0, 0]
    returned = [json.loads(output.splitlines()[-1]) for output in outputs]
    store = Store(path)
    shared = store.candidates([key(i) for i in range(rows)])
    own = store.candidates([f"{name} {i}".encode().ljust(32) for name in writers for i in range(rows)])
    assert returned == [{str(i): shared[key(i)].text for i in range(rows)}] * 3
    assert len(own) == 3 * rows


def test_a_store_that_another_process_is_creating_is_waited_for(tmp_path: Path) -> None:
    # given
    path = tmp_path / "store.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.1, lambda: other.execute("COMMIT"))
    later.start()
    # when
    store = Store(path)
    # then
    later.join()
    other.close()
    assert store.keep({key(1): candidate("a")}) == {key(1): candidate("a")}


def test_a_killed_writer_loses_nothing_that_keep_had_returned(tmp_path: Path) -> None:
    """Other tools hold answers in memory until a batch ends, and lose them with the process."""
    # given a process that is killed after at least 40 rows
    path = tmp_path / "store.sqlite"
    process = writer(path, "victim", 1_000_000)
    start(process)
    assert process.stdout is not None
    for _ in range(40):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    kept = 40 + len([line for line in process.communicate()[0].split("\n")[:-1] if line])
    # when
    store = Store(path)
    # then
    assert len(store.candidates([key(i) for i in range(kept)])) == kept
    assert store.keep({key(10**6): candidate("goes on")}) == {key(10**6): candidate("goes on")}


def test_a_full_disk_is_one_sentence_and_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    # given a process whose files may not grow beyond 300,000 bytes
    path = tmp_path / "store.sqlite"
    limited_writer = f"""
import resource, sys
from fusion_eval.errors import StoreError
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
sys.argv = ["", {str(path)!r}, "full", "100000"]
try:
    exec({WRITER!r})
except StoreError as error:
    print(error)
"""
    # when
    done = subprocess.run(
        [sys.executable, "-c", limited_writer], input="go\n", capture_output=True, text=True
    )
    # then
    *rows, sentence = done.stdout.splitlines()[1:]
    assert sentence.startswith(f"The store {path} cannot be read or written: ")
    assert sentence.endswith(
        "Its content is kept; free disk space or fix the file's permissions, then run again"
    )
    assert len(rows) > 10
    assert len(Store(path).candidates([key(i) for i in range(len(rows))])) == len(rows)


# Files that are not stores


def assert_refused(path: Path, reason: str) -> None:
    """Assert that a file is refused with one sentence, and that it and its folder stay as they are."""
    before = path.read_bytes() if path.is_file() else None
    names = sorted(path.parent.iterdir())
    with pytest.raises(StoreError) as caught:
        Store(path)
    assert str(caught.value) == (
        f"Cannot use {path} as a store: {reason}; name another with cache=PATH, or cache=off"
    )
    assert (path.read_bytes() if path.is_file() else None) == before
    assert sorted(path.parent.iterdir()) == names


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path, "unable to open database file")


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"^Cannot use .* as a store: "):
        Store(tmp_path / "file" / "store.sqlite")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sealed"
    folder.mkdir(mode=0o500)
    assert_refused(folder / "store.sqlite", "unable to open database file")


def test_a_file_that_is_not_a_database_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, " * 1000)
    assert_refused(path, "file is not a database")


def test_the_database_of_another_program_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE accounts (name TEXT)")
    other.commit()
    other.close()
    assert_refused(path, "it is the database of another program")


def test_the_store_of_a_newer_version_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    Store(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=99")
    newer.close()
    assert_refused(path, "a newer version wrote it (format 99)")
