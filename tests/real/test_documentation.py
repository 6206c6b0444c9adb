"""README, docs and examples show what the code does: their commands and programs run here, on a committed store."""

from __future__ import annotations

import contextlib
import io
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from markdown_blocks import ROOT, Block, blocks, shows, steps

from fusion_eval.cli.main import main
from fusion_eval.models.store.store import cache_folder

pytest.importorskip("xllamacpp", reason="replaying the demo needs the extra 'embedded'")

STORE = ROOT / "results" / "fusion_demo" / "store.sqlite"
FIRST_RUN = "fusion-eval run --output out/demo"
"""The README's first command. Its output folder is what most other commands read."""

COMMAND_LINE = "import sys; from fusion_eval.cli.main import main; sys.exit(main())"


@dataclass(frozen=True)
class Workspace:
    """A folder in which the first run is done, and what that run printed."""

    folder: Path
    first_output: str


@pytest.fixture(scope="module")
def replayed_demo(_joined_weights: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Replay the first run once, with the committed store as the user's store."""
    folder = tmp_path_factory.mktemp("workspace")
    with pytest.MonkeyPatch.context() as patch:
        enter(folder, patch)
        cache = Path(_joined_weights[0])
        shutil.copytree(cache, folder / "cache", symlinks=True, copy_function=link)
        cache_folder().mkdir(parents=True, exist_ok=True)
        shutil.copy(STORE, cache_folder() / "store.sqlite")
        return Workspace(folder, run_command(FIRST_RUN))


@pytest.fixture
def workspace(replayed_demo: Workspace, cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The same workspace, with its folder as the working directory."""
    enter(replayed_demo.folder, monkeypatch)
    return replayed_demo


def enter(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Make `folder` the working directory of a user who is not on GitHub."""
    patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    patch.delenv("GITHUB_ACTIONS", raising=False)
    patch.chdir(folder)


def link(source: str, target: str) -> None:
    """Link a file instead of copying it, because the weights have 240 MB."""
    Path(target).symlink_to(source)


def run_command(command: str) -> str:
    """Run a `fusion-eval` command in this process, check that it succeeds, and return what it prints."""
    program, *arguments = shlex.split(command)
    assert program == "fusion-eval"
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = main(arguments)
    assert code == 0, f"{command} ended with exit code {code}"
    return output.getvalue()


def run_program(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a Python program in a process of its own, check that it succeeds, and return what it prints."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("block", blocks("console"), ids=str)
def test_a_console_block_shows_what_the_commands_print(block: Block, workspace: Workspace) -> None:
    for step in steps(block):
        output = workspace.first_output if step.command == FIRST_RUN else run_command(step.command)

        assert shows(step.shown, output), f"{block}: {step.command} prints\n{output}"


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_a_python_block_runs(block: Block, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    # given the block as a module, because dataclasses look their module up
    code = block.text
    if "charts(" in code:
        pytest.importorskip("altair", reason="the block draws a picture, which needs the extra plots")
    module = ModuleType("documentation")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    # when / then
    exec(compile(code, str(block), "exec"), vars(module))


def test_the_example_that_compares_runs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    program = str(ROOT / "examples" / "compare_runs.py")
    monkeypatch.setattr(sys, "argv", [program, "out/demo/single", "out/demo/bon"])

    # when
    runpy.run_path(program, run_name="__main__")

    # then
    printed = capsys.readouterr().out
    assert "fusion_demo" in printed
    assert printed.count("chrf") > 11


@pytest.mark.slow
def test_the_example_that_fuses_one_prompt(weights: Path) -> None:
    printed = run_program(str(ROOT / "examples" / "fuse_one_prompt.py"), "The capital of France is")

    assert [line[0] for line in printed.splitlines()] == ["-", "-", "-", "="]


def test_a_strategy_in_a_package_of_its_own_can_be_run(workspace: Workspace, tmp_path: Path) -> None:
    # given the example package, installed beside fusion_eval
    source = shutil.copytree(ROOT / "examples" / "longest_answer", tmp_path / "source")
    options = [
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        str(tmp_path / "site"),
    ]
    run_program("-m", "pip", "install", *options, str(source))
    environment = {
        "PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}",
        "XDG_CACHE_HOME": str(workspace.folder / "cache"),
        "PATH": "",
        "HOME": str(tmp_path),
    }

    # when a run names it with and without an option
    strategies = "single,longest_answer,longest_answer(limit=30)"
    command = [
        "run",
        "--tasks",
        "fusion_demo_fr",
        "--strategies",
        strategies,
        "--output",
        str(tmp_path / "out"),
    ]
    printed = run_program("-c", COMMAND_LINE, *command, environment=environment)

    # then each has a column and a folder of its own
    assert "longest_answer(limit=30)" in printed
    assert len(list((tmp_path / "out").glob("*/traces.jsonl"))) == 3
