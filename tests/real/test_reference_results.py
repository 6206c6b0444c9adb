"""The regression gate on this repository itself: the committed store, replayed, against the reference results."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fusion_eval import analyze
from fusion_eval.cli.main import main
from fusion_eval.runs.analysis import read_analysis
from fusion_eval.runs.comparison import read_comparison

RESULTS = Path(__file__).parents[2] / "results"
DEMO = RESULTS / "fusion_demo"
STORE = DEMO / "store.sqlite"


@pytest.fixture(scope="module")
def replayed(_joined_weights: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Replay all strategies as `results/fusion_demo/make.sh` does: no model is loaded."""
    output = tmp_path_factory.mktemp("replayed")
    home, _ = _joined_weights
    before = STORE.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(home))
        assert main(["run", "--model_args", f"cache={STORE},offline=true", "--output", str(output)]) == 0
    assert STORE.read_bytes() == before
    assert not list(DEMO.glob("store.sqlite-*"))
    return output


@pytest.mark.parametrize("strategy", ["single", "bon", "fusion"])
def test_no_strategy_is_worse_than_its_reference_results(
    replayed: Path, strategy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["check", str(DEMO / f"{strategy}.baseline.json.gz"), str(replayed / strategy)])

    assert code == 0, capsys.readouterr().out


def test_answers_of_a_worse_strategy_do_not_pass(replayed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # when answers of fusion are checked against those of Best-of-N
    code = main(["check", str(DEMO / "bon.baseline.json.gz"), str(replayed / "fusion"), "--overall"])

    # then
    assert code == 1, capsys.readouterr().out


def test_the_comparison_equals_the_published_one(replayed: Path) -> None:
    # when
    published, again = (read_comparison(folder / "comparison.json").rows for folder in (DEMO, replayed))

    # then
    assert [row.task for row in again] == [row.task for row in published]
    for one, other in zip(published, again, strict=True):
        assert (one.delta, one.p_value, one.win_rate) == pytest.approx(
            (other.delta, other.p_value, other.win_rate), abs=1e-9
        )


def test_the_analysis_of_the_pools_equals_the_published_one(replayed: Path) -> None:
    # when the pools of the replayed runs are analyzed
    runs = [replayed / strategy for strategy in ("single", "bon", "fusion")]
    again, published = analyze(*runs).analysis, read_analysis(DEMO / "analysis.json")

    # then every value is the published one
    for table in ("curves", "outcomes", "recovered"):
        assert [list(asdict(row).values()) for row in getattr(again, table)] == [
            pytest.approx(list(asdict(row).values()), abs=1e-6) for row in getattr(published, table)
        ]


def test_fusions_by_the_larger_fusor_are_in_the_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # when the run of `results/fusor_size/make.sh` is replayed without any model, even without its weights
    arguments = f"fusor=qwen-coder-1.5b,fusor_prompt=direct,cache={STORE},offline=true"
    run = ["run", "--strategies", "fusion", "--model_args", arguments, "--output", str(tmp_path)]
    assert main(run) == 0
    baseline = RESULTS / "fusor_size" / "fusion_qwen_1.5b.baseline.json.gz"
    code = main(["check", str(baseline), str(tmp_path / "fusion")])

    # then
    assert code == 0, capsys.readouterr().out


def test_the_verdicts_of_the_small_judge_are_in_the_store(tmp_path: Path) -> None:
    # when answers and verdicts of `results/fusion_open_judged/make.sh` are replayed
    folder = RESULTS / "fusion_open_judged"
    store = f"cache={folder / 'store.sqlite'},offline=true"
    tasks = ",".join(f"fusion_open_{language}" for language in ("en", "fr", "de", "es"))
    answers = ["run", "--tasks", tasks, "--limit", "3", "--model_args", f"max_tokens=100,{store}"]
    assert main([*answers, "--output", str(tmp_path / "out")]) == 0
    runs = [str(tmp_path / "out" / strategy) for strategy in ("single", "bon", "fusion")]
    judge = ["judge", *runs, "--judge", "qwen-coder-1.5b", "--judge_args", store]
    assert main([*judge, "--output", str(tmp_path / "judged")]) == 0

    # then
    published, again = (
        read_comparison(path / "comparison.json").judging for path in (folder, tmp_path / "judged")
    )
    assert published is not None and again is not None
    assert again.judges == published.judges
    assert [judge.first_wins for judge in published.judges] == [1.0]


def test_the_chat_models_own_fusions_are_in_the_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # when strategies of `results/chat_pool/make.sh` are replayed; `confidence` is why the pool was drawn with alternatives
    folder = RESULTS / "chat_pool"
    arguments = f"model=qwen-coder-1.5b,fusor_prompt=direct,cache={folder / 'store.sqlite'},offline=true"
    run = [
        "run",
        "--tasks",
        "fusion_demo",
        "--strategies",
        "single,bon(scorer=confidence),fusion",
        "--model_args",
        arguments,
    ]
    assert main([*run, "--output", str(tmp_path)]) == 0

    # then
    for strategy in ("single", "fusion"):
        code = main(["check", str(folder / f"{strategy}.baseline.json.gz"), str(tmp_path / strategy)])
        assert code == 0, capsys.readouterr().out


def test_the_students_data_are_made_again_from_the_teachers_store(tmp_path: Path) -> None:
    # given the prompts of `examples/student/run.sh`
    program = RESULTS.parent / "examples" / "student" / "prompts.py"
    prompts, store = tmp_path / "prompts.jsonl", tmp_path / "store.sqlite"
    prompts.write_bytes(
        subprocess.run([sys.executable, program, "30"], stdout=subprocess.PIPE, check=True).stdout
    )
    shutil.copy(RESULTS / "student" / "store.sqlite", store)
    arguments = "n=4,max_tokens=48,fusor=qwen-coder-1.5b,fusor_prompt=direct,scorer=chrf,offline=true"
    options = [
        "--strategy",
        "single,bon,fusion",
        "--stop",
        r"\n",
        "--filters",
        "language,refusal,length,copy",
    ]
    models = ["--model", "embedded|qwen-coder-1.5b", "--model_args", f"{arguments},cache={store}"]
    # when
    code = main(["synth", "--prompts", str(prompts), *models, *options, "--output", str(tmp_path / "data")])
    # then as many rows are left as the published students learnt from
    folders = [tmp_path / "data" / strategy / "data" for strategy in ("single", "bon", "fusion")]
    rows = [sum(pq.read_metadata(file).num_rows for file in folder.iterdir()) for folder in folders]
    assert (code, rows) == (0, [17, 29, 29])
