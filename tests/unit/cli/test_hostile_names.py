"""Names in files of others do nothing to the terminal, the CI service or the spreadsheet that shows them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.text.printable import printable, terminal_line

NAMES = (
    "::error::x ##[error]y ${{ secrets.X }}",
    "t\x9b31mRED\x9d0;title\x07\u202e",
    "=cmd|' /C calc'!A0",
    "tag\U000e0041\u200b ##vso[task.complete]",
)
VIEWS = ("table", "md", "json", "csv")


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def runs(tmp_path: Path, name: str) -> list[str]:
    """Two runs with a hostile name for their task, metric and filter. Its file has a name of its own."""
    folders = []
    for run, values in (("old", [0, 1] * 20), ("new", [1, 1] * 20)):
        folder = write_run(
            tmp_path / run,
            {"t": samples(values, name, filtered=name)},
            reported={"t": {f"{name},{name}": sum(values) / 40}},
        )
        [results], [file] = folder.rglob("results_*.json"), folder.rglob("samples_*.jsonl")
        content = results.read_text(encoding="utf-8").replace('"t"', json.dumps(name))
        results.write_text(content, encoding="utf-8")
        file.rename(
            file.with_name(file.name.replace("_t_", f"_{''.join(c if c.isalnum() else '_' for c in name)}_"))
        )
        folders.append(str(folder))
    return folders


def assert_obeyed_by_nobody(text: str) -> None:
    for line in text.splitlines():
        assert line == terminal_line(line)


@pytest.mark.parametrize("view", VIEWS)
def test_a_printed_comparison_is_obeyed_by_nobody(
    runs: list[str], view: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *runs, "--format", view, "--resamples", "200"]) == 0

    printed = capsys.readouterr()
    assert_obeyed_by_nobody(printed.out.replace("<!-- -->", ""))
    assert_obeyed_by_nobody(printed.err)


@pytest.mark.parametrize("view", ["table", "md", "json"])
def test_a_printed_check_is_obeyed_by_nobody(
    runs: list[str], view: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *runs, "--format", view]) == 0

    printed = capsys.readouterr()
    assert_obeyed_by_nobody(printed.out)
    assert_obeyed_by_nobody(printed.err)


def test_json_keeps_the_names(runs: list[str], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", *runs, "--format", "json", "--resamples", "200"])

    [row] = json.loads(capsys.readouterr().out)["rows"]
    assert row["metric"] == name


def test_a_spreadsheet_executes_no_cell(runs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", *runs, "--format", "csv", "--resamples", "200"])

    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["metric"][0] not in "=+-@"
    assert float(row["delta"]) == 0.5


def test_a_file_of_tables_holds_no_invisible_character(runs: list[str], tmp_path: Path) -> None:
    assert main(["export", runs[0], "--format", "table", "-o", str(tmp_path / "tables")]) == 0

    for path in (tmp_path / "tables").iterdir():
        assert all(line == printable(line) for line in path.read_text(encoding="utf-8").split("\n"))
