"""README, docs and examples show what the code does: their commands and programs run here, on the committed store."""

from __future__ import annotations

import contextlib
import io
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_blocks import ROOT, Block, blocks, shows, steps

from fusion_eval.cli.main import main
from fusion_eval.models.store.store import cache_folder

pytest.importorskip("xllamacpp", reason="replaying the demo needs the extra 'embedded'")

STORE = ROOT / "results" / "fusion_demo" / "store.sqlite"


@pytest.fixture(scope="module")
def replayed_demo(_joined_weights: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's first command has run, with the committed store as the user's store."""
    folder = tmp_path_factory.mktemp("workspace")
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        cache = Path(_joined_weights[0])
        shutil.copytree(cache, folder / "cache", symlinks=True, copy_function=link)
        cache_folder().mkdir(parents=True, exist_ok=True)
        shutil.copy(STORE, cache_folder() / "store.sqlite")
        run_command("fusion-eval run --output out/demo")
    return folder


@pytest.fixture
def workspace(replayed_demo: Path, cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, as the working directory."""
    enter(replayed_demo, monkeypatch)
    return replayed_demo


def enter(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Work in `folder`, as a user outside GitHub does."""
    patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    patch.delenv("GITHUB_ACTIONS", raising=False)
    patch.chdir(folder)


def link(source: str, target: str) -> None:
    """Link a file instead of copying it: the weights have 240 MB."""
    Path(target).symlink_to(source)


def run_command(command: str) -> str:
    """What a command of ours prints; it must end with exit code 0."""
    program, *arguments = shlex.split(command)
    assert program == "fusion-eval"
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = main(arguments)
    assert code == 0, f"{command} ended with exit code {code}"
    return output.getvalue()


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_a_console_block_shows_what_the_commands_print(block: Block, workspace: Path) -> None:
    for step in steps(block):
        output = run_command(step.command)

        assert shows(step.shown, output), f"{block}: {step.command} prints\n{output}"


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_python_block_runs(block: Block, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = block.text
    if code.startswith('--8<-- "'):
        code = (ROOT / code.split('"')[1]).read_text(encoding="utf-8")

    exec(compile(code, str(block), "exec"), {"__name__": "documentation"})


def test_the_example_that_compares_runs(workspace: Path) -> None:
    program = [sys.executable, str(ROOT / "examples" / "compare_runs.py"), "out/demo/single", "out/demo/bon"]

    done = subprocess.run(program, capture_output=True, text=True, check=True)

    assert "fusion_demo" in done.stdout
    assert done.stdout.count("chrf") > 11


def test_the_example_that_fuses_one_prompt(workspace: Path) -> None:
    program = [sys.executable, str(ROOT / "examples" / "fuse_one_prompt.py"), "The capital of France is"]

    done = subprocess.run(program, capture_output=True, text=True, check=True)

    lines = done.stdout.splitlines()
    assert [line[0] for line in lines] == ["-", "-", "-", "="]


def test_the_strategy_in_a_package_of_its_own(workspace: Path, tmp_path: Path) -> None:
    # given the example package, installed beside fusion_eval
    source = shutil.copytree(ROOT / "examples" / "longest_answer", tmp_path / "source")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--target", str(tmp_path / "site"), str(source)], check=True)
    path = f"{tmp_path / 'site'}:{ROOT}"

    # when a run names it, with and without an option
    strategies = "single,longest_answer,longest_answer(limit=30)"
    command = ["-m", "fusion_eval.cli.main", "run", "--tasks", "fusion_demo_fr", "--strategies", strategies]
    done = subprocess.run(
        [sys.executable, *command, "--output", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": path, "XDG_CACHE_HOME": str(workspace / "cache"), "PATH": "", "HOME": str(tmp_path)},
    )

    # then each has a column and a folder of its own
    assert done.returncode == 0, done.stderr
    assert "longest_answer(limit=30)" in done.stdout
    assert len(list((tmp_path / "out").glob("*/traces.jsonl"))) == 3
