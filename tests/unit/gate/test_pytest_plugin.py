"""The pytest plugin, in a small test suite that pytest runs within this test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from run_folders import samples, write_run

from fusion_eval.gate.baseline_file import write_baseline
from fusion_eval.gate.sides import read_side

Suite = Callable[..., tuple[int, str]]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name, right in (("good", 160), ("bad", 80)):
        write_run(tmp_path / name, {"quiz": samples([1.0] * right + [0.0] * (200 - right))})
    write_run(tmp_path / "few", {"quiz": samples([1.0, 0.0, 0.0])})
    write_run(tmp_path / "more", {"quiz": samples([1.0, 1.0, 0.0])})
    return write_baseline(read_side(tmp_path / "good"), tmp_path / "base.json.gz")


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Suite:
    """Return a function that runs a suite with one test for each body, and returns the exit code and the output."""

    def run(*tests: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        bodies = [f"def test_{number}(fusion_check):\n    {body}\n" for number, body in enumerate(tests)]
        (tmp_path / "test_suite.py").write_text("\n\n".join(bodies))
        monkeypatch.chdir(tmp_path)
        without = [
            f"-pno:{plugin}"
            for plugin in ("cacheprovider", "xdist", "hypothesispytest", "faulthandler", "asyncio")
        ]
        sys.modules.pop("test_suite", None)  # of the last test
        code = pytest.main([*without, "--import-mode=importlib", "-rA", "test_suite.py", *options])
        return int(code), capsys.readouterr().out

    return run


def test_the_fixture_fails_the_tests_whose_run_is_worse(suite: Suite, base: Path) -> None:
    code, out = suite(
        "assert fusion_check('good').outcome == 'no regression'",
        "fusion_check('bad')",
        "fusion_check('bad', margin=0.6)",
        "fusion_check('good', baseline='bad')",
        "fusion_check('few', baseline='more')",
        "assert fusion_check('few', baseline='more', inconclusive='pass').verdict == 'inconclusive'",
        "fusion_check('bad', metrics='acc', alpha=0.1, overall=True)",
        "fusion_check('few', allow_partial=True, inconclusive='pass')",
        options=("--fusion-baseline", str(base)),
    )
    assert code == 1
    passed = [number for number in range(8) if f"PASSED test_suite.py::test_{number}" in out]
    assert passed == [0, 2, 3, 5, 7]
    # then a failure shows the table, and nothing of how it came about
    assert "bad against" in out and "REGRESSION: 1 of 1 rows" in out
    assert "too few items to tell in 1 of 1 rows" in out
    assert "Traceback" not in out and "pytest_plugin.py" not in out and "Error" not in out


def test_without_a_baseline_the_test_is_skipped_and_the_reason_tells_how_to_make_one(
    suite: Suite, base: Path
) -> None:
    code, out = suite("fusion_check('good')", f"fusion_check('good', {str(base)!r})")
    assert code == 0 and "1 passed, 1 skipped" in out
    assert "no baseline: pytest --fusion-baseline FILE, which fusion-eval baseline RUN -o FILE makes" in out


def test_a_mistake_fails_the_test_with_one_sentence(suite: Suite, base: Path) -> None:
    wrong = {
        "fusion_check('goood')": "There is no baseline file or run goood. Did you mean 'good'?",
        "fusion_check('good', margin=2)": "--margin 2 should be a share of the metric's range",
        "fusion_check('good', margin='none.yaml')": "--margin none.yaml is neither a number",
        "fusion_check('good', metrics='ac')": "metrics=ac: the baseline has no such metric. Did you mean 'acc'?",
        "fusion_check('good', inconclusive='tell')": 'inconclusive=\'tell\' should be "fail" or "pass"',
        "fusion_check('good', alpha=5)": "alpha=5 should be a number from 0.0001 to 0.5",
        "fusion_check('good', baseline='none.gz')": "There is no baseline none.gz.",
    }
    code, out = suite(*wrong, options=("--fusion-baseline", str(base)))
    assert code == 1 and f"{len(wrong)} failed" in out
    assert [message for message in wrong.values() if message not in out] == []
    assert "Traceback" not in out and "pytest_plugin.py" not in out


def test_the_update_option_rewrites_a_baseline_file_and_never_a_run(
    suite: Suite, base: Path, tmp_path: Path
) -> None:
    tests = ("fusion_check('bad')", "fusion_check('good', 'new.json.gz')", "fusion_check('bad', 'good')")
    code, out = suite(*tests, options=("--fusion-baseline", str(base), "--fusion-update-baseline"))
    assert code == 1 and "2 passed" in out
    assert "--update_baseline rewrites a baseline file, and good is none" in out
    assert read_side(base).tasks == read_side(tmp_path / "bad").tasks
    assert read_side(tmp_path / "new.json.gz").tasks == read_side(tmp_path / "good").tasks


def test_the_plugin_imports_nothing_heavy_when_pytest_starts() -> None:
    heavy = (
        "numpy pandas scipy lm_eval litellm msgspec yaml sacrebleu fusion_eval.gate.check fusion_eval.runs"
    )
    code = (
        f"import sys, fusion_eval.gate.pytest_plugin; print([m for m in {heavy.split()} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
