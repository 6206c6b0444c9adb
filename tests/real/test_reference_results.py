"""The gate on this repository itself: the committed store, replayed by the code as it stands, against `results/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_eval.cli.main import main
from fusion_eval.runs.comparison import read_comparison

DEMO = Path(__file__).parents[2] / "results" / "fusion_demo"


@pytest.fixture
def replayed(weights: Path, tmp_path: Path) -> Path:
    """All strategies, as `results/fusion_demo/make.sh` runs them; no model is loaded and nothing is asked."""
    store = DEMO / "store.sqlite"
    before = store.read_bytes()
    arguments = f"cache={store},offline=true"
    assert main(["run", "--model_args", arguments, "--output", str(tmp_path / "out")]) == 0
    assert store.read_bytes() == before and not list(DEMO.glob("store.sqlite-*"))
    return tmp_path / "out"


def test_prompts_parsers_and_scoring_have_not_got_worse(
    replayed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for strategy in ("single", "bon", "fusion"):
        code = main(["check", str(DEMO / f"{strategy}.baseline.json.gz"), str(replayed / strategy)])
        assert code == 0, capsys.readouterr().out
    # Answers of fusion in the place of Best-of-N's do not pass.
    worse = ["check", str(DEMO / "bon.baseline.json.gz"), str(replayed / "fusion"), "--overall"]
    assert main(worse) == 1, capsys.readouterr().out
    # And the comparison is the one that is published.
    published, again = (read_comparison(folder / "comparison.json") for folder in (DEMO, replayed))
    assert [row.task for row in again.rows] == [row.task for row in published.rows]
    for one, other in zip(published.rows, again.rows, strict=True):
        assert (one.delta, one.p_value, one.win_rate) == pytest.approx(
            (other.delta, other.p_value, other.win_rate), abs=1e-9
        )
