"""`traces.jsonl` is complete and in order, or absent."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traced import trace

from fusion_eval.errors import ConfigError
from fusion_eval.runs.traces import FILE_NAME, TraceFile, read_traces
from fusion_eval.types import Trace


class TestWriting:
    @settings(deadline=None)
    @given(order=st.permutations(range(6)))
    def test_lines_are_in_the_order_of_the_prompts(
        self, tmp_path_factory: pytest.TempPathFactory, order: list[int]
    ) -> None:
        # given
        path = tmp_path_factory.mktemp("traces") / FILE_NAME
        # when prompts finish in another order
        with TraceFile(path) as file:
            for index in order:
                file.add(index, trace(index))
        # then
        assert list(read_traces(path)) == [trace(index) for index in range(6)]

    def test_no_trace_is_held_in_memory_while_the_first_prompt_runs(self, tmp_path: Path) -> None:
        # given
        with TraceFile(tmp_path / FILE_NAME) as file:
            # when all prompts but the first are done
            for index in range(1, 200):
                file.add(index, trace(index))
            gc.collect()
            # then
            assert not [item for item in gc.get_objects() if isinstance(item, Trace)]
            file.add(0, trace())
        assert [read.doc_id for read in read_traces(tmp_path / FILE_NAME)] == list(range(200))
        assert [item.name for item in tmp_path.iterdir()] == [FILE_NAME]

    def test_the_file_appears_when_it_is_complete(self, tmp_path: Path) -> None:
        # given
        path = tmp_path / "new" / "folder" / FILE_NAME
        # when, then
        with TraceFile(path) as file:
            file.add(0, trace())
            assert not path.exists()
        assert [item.name for item in path.parent.iterdir()] == [FILE_NAME]

    def test_no_other_user_can_read_prompts_and_answers(self, tmp_path: Path) -> None:
        # when prompts finish in another order, so that the file is written anew
        with TraceFile(tmp_path / FILE_NAME) as file:
            for index in (1, 0):
                file.add(index, trace(index))
        # then
        assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0

    def test_without_a_path_nothing_is_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # given
        monkeypatch.chdir(tmp_path)
        # when
        with TraceFile(None) as file:
            file.add(0, trace())
        # then
        assert list(tmp_path.iterdir()) == []


class TestFailures:
    def test_a_run_that_fails_leaves_no_file_and_keeps_an_old_one(self, tmp_path: Path) -> None:
        # given an existing folder, a folder that does not exist, and an old file
        existing, old = tmp_path / "existing", tmp_path / "old" / FILE_NAME
        existing.mkdir()
        with TraceFile(old) as file:
            file.add(0, trace(7))
        # when
        for path in (existing / FILE_NAME, tmp_path / "new" / FILE_NAME, old):
            with pytest.raises(KeyboardInterrupt), TraceFile(path) as file:
                file.add(0, trace())
                raise KeyboardInterrupt
        # then
        assert existing.is_dir() and not any(existing.iterdir())
        assert not (tmp_path / "new").exists()
        assert list(read_traces(old)) == [trace(7)]
        assert [item.name for item in old.parent.iterdir()] == [FILE_NAME]

    def test_a_folder_that_cannot_be_created_is_one_message(self, tmp_path: Path) -> None:
        # given
        (tmp_path / "file").write_text("")
        # when, then
        with (
            pytest.raises(ConfigError, match=r"Cannot write traces to .*trace_dir="),
            TraceFile(tmp_path / "file" / "x"),
        ):
            pass

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_without_write_permission_is_one_message(self, tmp_path: Path) -> None:
        # given
        tmp_path.chmod(0o500)
        # when, then
        with (
            pytest.raises(ConfigError, match="Cannot write traces"),
            TraceFile(tmp_path / "new" / FILE_NAME),
        ):
            pass

    def test_a_full_disk_is_one_message_and_leaves_no_file(self, tmp_path: Path) -> None:
        # given a file on a device that is full
        message = r"No space left on device\. What the store holds is kept; name another folder with --output"
        # when
        with pytest.raises(ConfigError, match=message), TraceFile(tmp_path / FILE_NAME) as file:
            assert file._file is not None
            file._file.close()
            file._file = os.fdopen(os.open("/dev/full", os.O_WRONLY), "wb")
            file.add(0, trace())
        # then
        assert list(tmp_path.iterdir()) == []


class TestReading:
    @pytest.mark.parametrize("line", [b"", b"{}", b'{"task": "t"', b"null", b'{"task": "\xff"}', b"\x00"])
    def test_a_line_that_is_not_a_trace_is_named_by_its_number(self, tmp_path: Path, line: bytes) -> None:
        # given
        path = tmp_path / FILE_NAME
        with TraceFile(path) as file:
            file.add(0, trace())
        path.write_bytes(path.read_bytes() + line + b"\n")
        # when
        traces = read_traces(path)
        # then
        assert next(traces) == trace()
        with pytest.raises(ConfigError, match=f"{FILE_NAME}, line 2 is not a trace"):
            next(traces)

    def test_a_missing_file_is_one_message(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=f"Cannot read the traces .*{FILE_NAME}: No such file"):
            list(read_traces(tmp_path / FILE_NAME))
