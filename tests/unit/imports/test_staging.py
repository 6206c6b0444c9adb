"""Two imports do not meet in one folder, and an import that ends early leaves no half run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import fusion_eval as fe
from fusion_eval.cli.main import main
from fusion_eval.errors import ConfigError
from fusion_eval.imports import importing, staging
from fusion_eval.runs.files import run_folders
from fusion_eval.runs.locking import lock_folder

COLUMNS = {"prompt": "q", "answer": "a", "model": "m", "score": "s"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return answers of two models with scores."""
    path = tmp_path / "rows.jsonl"
    rows = [{"q": "Why?", "a": f"{model}'s", "m": model, "s": 0.5} for model in ("a", "b")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_an_import_into_a_folder_that_another_process_holds_is_refused(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    with lock_folder(tmp_path / "out"):
        # when
        columns = ",".join(f"{role}={column}" for role, column in COLUMNS.items())
        code = main(["import", str(source), "--columns", columns, "--output", str(tmp_path / "out")])
    # then
    assert code == 2
    assert "Another run writes to" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_import_that_fails_while_it_writes_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "write_task", fail)
    # when
    with pytest.raises(KeyboardInterrupt):
        fe.import_pools(source, tmp_path / "out", columns=COLUMNS)
    # then
    assert not (tmp_path / "out").exists()


def test_the_half_of_a_killed_import_is_no_run_and_is_removed(source: Path, tmp_path: Path) -> None:
    # given
    whole = fe.import_pools(source, tmp_path / "whole", columns=COLUMNS)
    half = tmp_path / "out" / ".unfinished"
    half.mkdir(parents=True)
    whole.runs[0].rename(half / "a")
    # when
    with pytest.raises(ConfigError, match="is not a run"):
        run_folders(tmp_path / "out")
    result = fe.import_pools(source, tmp_path / "out", columns=COLUMNS)
    # then
    assert not half.exists()
    assert run_folders(tmp_path / "out") == list(result.runs)


def test_an_import_that_was_killed_between_two_moves_is_finished_by_the_next(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    moves: list[Path] = []

    def stop_at_second(path: Path, target: Path) -> None:
        moves.append(target)
        if len(moves) == 2:
            raise KeyboardInterrupt
        path.replace(target)

    with monkeypatch.context() as patch:
        patch.setattr(staging, "_move", stop_at_second)
        with pytest.raises(KeyboardInterrupt):
            fe.import_pools(source, tmp_path / "out", columns=COLUMNS)
    assert [path.name for path in run_folders(tmp_path / "out")] == ["out"]
    # when
    with pytest.raises(ConfigError, match="holds a run already"):
        fe.import_pools(source, tmp_path / "out", columns=COLUMNS)
    # then
    fe.import_pools(source, tmp_path / "whole", columns=COLUMNS)
    assert files_in(tmp_path / "out") == files_in(tmp_path / "whole")


def test_the_data_of_a_task_are_named_where_they_stand(source: Path, tmp_path: Path) -> None:
    result = fe.import_pools(source, tmp_path / "out", columns=COLUMNS)
    task = (result.tasks / "rows.yaml").read_text()
    assert f"test: {result.tasks / 'rows.jsonl'}" in task
    assert (result.tasks / "rows.jsonl").is_file()


def test_a_task_of_another_import_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    # given
    fe.import_pools(source, tmp_path / "out", columns=COLUMNS)
    source.write_text(source.read_text().replace('"m": "', '"m": "other '))
    # then
    with pytest.raises(ConfigError, match=r"rows\.yaml is a task of another import; name another folder"):
        fe.import_pools(source, tmp_path / "out", columns=COLUMNS)


def test_a_system_cannot_be_called_like_the_folder_of_tasks(source: Path, tmp_path: Path) -> None:
    source.write_text(source.read_text().replace('"m": "a"', '"m": "tasks"'))
    with pytest.raises(ConfigError, match="the folder of the tasks; rename it"):
        fe.import_pools(source, tmp_path / "out", columns=COLUMNS)


def test_a_system_may_be_called_whole(source: Path, tmp_path: Path) -> None:
    # given
    source.write_text(source.read_text().replace('"m": "a"', '"m": "whole"'))
    # when
    result = fe.import_pools(source, tmp_path / "out", columns=COLUMNS)
    # then
    assert {run.name for run in result.runs} == {"whole", "b"}
    assert run_folders(tmp_path / "out") == sorted(result.runs)


def test_an_import_that_was_killed_while_it_removed_its_staging_does_not_hinder_the_next(
    source: Path, tmp_path: Path
) -> None:
    # given
    (tmp_path / "out" / ".unfinished" / "files").mkdir(parents=True)
    # when
    result = fe.import_pools(source, tmp_path / "out", columns=COLUMNS)
    # then
    assert run_folders(tmp_path / "out") == sorted(result.runs)
    assert not (tmp_path / "out" / ".unfinished").exists()
