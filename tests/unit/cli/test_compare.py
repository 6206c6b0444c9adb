"""`fusion-eval compare` on the command line: what it prints, what it writes, and how it reports a mistake."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from run_folders import DATE, samples, write_run

from fusion_eval.cli.main import main

Capture = pytest.CaptureFixture[str]
Rejection = Callable[..., str]
PROGRAM = f'{sys.executable} -c "import sys; from fusion_eval.cli.main import main; sys.exit(main())"'

ROW_FIELDS = {
    *(
        "task",
        "language",
        "metric",
        "n",
        "baseline",
        "candidate",
        "baseline_value",
        "candidate_value",
        "delta",
    ),
    *("ci_low", "ci_high", "test", "p_value", "p_adjusted", "significant", "wins", "ties", "losses"),
    *("win_rate", "win_rate_low", "win_rate_high"),
}


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    first = write_run(tmp_path / "base", {"quiz": samples([0.1, 0.2, 0.4, 0.3, 0.5, 0.2])})
    second = write_run(tmp_path / "cand", {"quiz": samples([0.3, 0.4, 0.6, 0.5, 0.8, 0.1])})
    return str(first), str(second)


def test_the_table_is_printed_and_the_file_written(
    runs: tuple[str, str], tmp_path: Path, capsys: Capture
) -> None:
    # when
    assert main(["compare", *runs, "--output", str(tmp_path / "out")]) == 0

    # then
    assert "base" in capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [written[name] for name in ("schema_version", "alpha", "baseline")] == [1, 0.05, "base"]
    assert [run["name"] for run in written["runs"]] == ["base", "cand"]
    (row,) = written["rows"]
    assert set(row) >= ROW_FIELDS
    assert (row["wins"], row["losses"], row["n"]) == (5, 1, 6)
    # then the page shows it
    pytest.importorskip("vl_convert", reason="pictures need the extra 'plots'")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert 'alt="Difference from base: quiz' in page and 'alt="Wins, ties and losses against base' in page


@pytest.mark.parametrize(
    ("format", "part"),
    [("table", "delta"), ("md", "| task |"), ("json", '"rows": ['), ("csv", "task,language,metric")],
)
def test_each_format_has_its_own_form(runs: tuple[str, str], capsys: Capture, format: str, part: str) -> None:
    assert main(["compare", *runs, "--format", format]) == 0
    assert part in capsys.readouterr().out


def test_options_reach_the_comparison(runs: tuple[str, str], capsys: Capture) -> None:
    options = "--test permutation --correction bh --alpha 0.1 --resamples 300 --seed 7 --cluster none"
    assert main(["compare", *runs, "--format", "json", *options.split()]) == 0
    comparison = json.loads(capsys.readouterr().out)
    expected = {
        "test": "permutation",
        "correction": "bh",
        "alpha": 0.1,
        "resamples": 300,
        "seed": 7,
        "cluster": "none",
    }
    assert {name: comparison[name] for name in expected} == expected
    assert comparison["rows"][0]["test"] == "permutation"


@pytest.mark.parametrize("option", ["--test=wilcoxon", "--interval=percentile", "--correction=none"])
def test_options_that_were_removed_are_unknown(runs: tuple[str, str], capsys: Capture, option: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", *runs, option])
    assert stopped.value.code == 2


def test_a_truncated_line_is_named_or_left_out_with_allow_partial(
    runs: tuple[str, str], capsys: Capture, rejection: Rejection
) -> None:
    path = Path(runs[1]) / "model" / f"samples_quiz_{DATE}.jsonl"
    path.write_text(path.read_text()[:-30])
    assert f"samples_quiz_{DATE}.jsonl, line 6 is not a sample" in rejection("compare", *runs)
    assert main(["compare", *runs, "--allow-partial"]) == 0
    shown = capsys.readouterr().out
    assert "1 lines cannot be read" in shown and "1 items are in base alone" in shown


def test_one_run_is_not_enough(runs: tuple[str, str], rejection: Rejection) -> None:
    assert "needs two runs or more, the baseline first" in rejection("compare", runs[0])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--alpha=2", "between 0.0001 and 0.5"),
        ("--resamples=0", "from 100 to 1000000"),
        ("--correction=holmes", "invalid choice"),
        ("--aplha=0.1", "Did you mean '--alpha'"),
    ],
)
def test_a_wrong_value_of_an_option_is_named(
    runs: tuple[str, str], capsys: Capture, option: str, message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", *runs, option])
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_an_output_folder_that_cannot_be_written_is_named(
    runs: tuple[str, str], tmp_path: Path, rejection: Rejection
) -> None:
    (tmp_path / "file").write_text("")
    assert "name another folder with --output" in rejection(
        "compare", *runs, "--output", str(tmp_path / "file")
    )


def test_mcnemar_is_rejected_for_values_other_than_0_and_1(
    runs: tuple[str, str], rejection: Rejection
) -> None:
    assert "test=mcnemar is for values of 0 and 1, and acc of quiz has others" in rejection(
        "compare", *runs, "--test", "mcnemar"
    )


@pytest.mark.parametrize("value", [1e308, 10**400, float("inf")])
def test_a_value_that_is_not_finite_is_named(tmp_path: Path, rejection: Rejection, value: float) -> None:
    first = write_run(tmp_path / "a", {"quiz": samples([1.0, 0.0])})
    second = write_run(tmp_path / "b", {"quiz": samples([1.0, value])})
    assert "neither finite numbers nor pairs" in rejection("compare", str(first), str(second))


def test_an_empty_sample_file_is_named(runs: tuple[str, str], rejection: Rejection) -> None:
    path = Path(runs[1]) / "model" / f"samples_quiz_{DATE}.jsonl"
    path.write_text("\n")
    assert f"samples_quiz_{DATE}.jsonl holds no samples" in rejection("compare", *runs)


def test_a_truncated_file_is_not_measured_by_its_reported_mean(tmp_path: Path, capsys: Capture) -> None:
    reported = {"quiz": {"acc,none": 0.5}}
    folders = [
        write_run(tmp_path / name, {"quiz": samples([0.2, 0.8])}, reported=reported) for name in ("a", "b")
    ]
    path = folders[1] / "model" / f"samples_quiz_{DATE}.jsonl"
    path.write_text(path.read_text()[:-30])
    assert main(["compare", *map(str, folders), "--allow_partial"]) == 0
    assert "left out: its mean" not in capsys.readouterr().out


def test_a_note_says_how_items_were_clustered(tmp_path: Path, capsys: Capture) -> None:
    passages = ["a long passage"] * 3 + ["another"] * 3
    folders = [
        str(write_run(tmp_path / name, {"squad": samples([shift] * 6, passage=passages)}))
        for name, shift in (("a", 0.1), ("b", 0.4))
    ]
    assert main(["compare", *folders]) == 0
    assert "note: squad: items that share their field 'passage' are one cluster" in capsys.readouterr().out


def test_a_closed_pipe_ends_the_command_quietly(runs: tuple[str, str]) -> None:
    command = f"{PROGRAM} compare {runs[0]} {runs[1]} --format csv | true"
    done = subprocess.run(
        ["bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True
    )
    assert (done.stderr, done.stdout) == ("", "0\n")


def test_a_full_disk_is_reported_in_one_sentence(runs: tuple[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{PROGRAM} compare {runs[0]} {runs[1]} > /dev/full"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (
        2,
        "fusion-eval: the output cannot be written: No space left on device\n",
    )


def test_a_file_with_a_byte_order_mark_is_read(runs: tuple[str, str]) -> None:
    path = Path(runs[1]) / "model" / f"samples_quiz_{DATE}.jsonl"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert main(["compare", *runs]) == 0


def test_the_two_tables_never_contradict_each_other(tmp_path: Path, capsys: Capture) -> None:
    # given differences that are significant alone, but not after the correction for so many tests
    draw = random.Random(6)
    base = [[draw.random() for _ in range(30)] for _ in range(8)]
    for name, shift in (("a", 0.0), ("b", 0.1), ("c", -0.1)):
        tasks = {
            f"t{n}": samples([x + shift + draw.gauss(0, 0.25) for x in base[n]], prefix=f"{n}-")
            for n in range(8)
        }
        write_run(tmp_path / name, tasks)
    assert main(["compare", *(str(tmp_path / name) for name in "abc"), "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    letters = {place["run"]: set(place["groups"]) for place in result["ranks"]}
    overall = [row for row in result["rows"] if row["task"] == "all"]
    for row in overall:
        assert bool(letters["a"] & letters[row["candidate"]]) != row["significant"]
