"""The GitHub action `check` and the workflow that uses it: their scripts run in bash, with a fake fusion-eval."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from run_folders import samples, write_run

from fusion_eval.cli.main import main
from fusion_eval.cli.parser import build_parser

ROOT = Path(__file__).resolve().parents[3]
ACTION = ROOT / ".github" / "actions" / "check" / "action.yml"
WORKFLOW = ROOT / ".github" / "workflows" / "regression.yml"
FAKE_PROGRAM = f"""#!{sys.executable}
import os, sys
with open(os.environ["ARGUMENTS"], "w", encoding="utf-8") as file:
    file.write("\\0".join(sys.argv[1:]))
print("### the table")
sys.exit(int(os.environ["CODE"]))
"""
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


def read(path: Path) -> dict[str, Any]:
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # `on` stays a word
    assert isinstance(content, dict)
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    content = read(path)
    if "runs" in content:
        return list(content["runs"]["steps"])
    return [step for job in content["jobs"].values() for step in job["steps"]]


def scripts(path: Path) -> list[str]:
    return [step["run"] for step in steps(path) if "run" in step]


def test_the_action_declares_exactly_the_inputs_it_uses() -> None:
    action = read(ACTION)
    used = re.findall(r"inputs\.([\w-]+)", ACTION.read_text(encoding="utf-8"))
    assert set(used) == set(action["inputs"])
    assert [name for name, one in action["inputs"].items() if one.get("required")] == [
        "baseline",
        "candidate",
    ]


def test_the_step_check_writes_every_output() -> None:
    [check] = [step for step in steps(ACTION) if step.get("id") == "check"]
    for name, output in read(ACTION)["outputs"].items():
        assert output["value"] == f"${{{{ steps.check.outputs.{name} }}}}"
        assert f"{name}=" in check["run"]


@pytest.mark.parametrize("path", [ACTION, WORKFLOW], ids=lambda path: path.name)
def test_no_script_contains_an_expression(path: Path) -> None:
    assert scripts(path)
    assert not [script for script in scripts(path) if "${{" in script]


@needs_bash
@pytest.mark.parametrize("path", [ACTION, WORKFLOW], ids=lambda path: path.name)
def test_bash_can_parse_every_script(path: Path) -> None:
    for script in scripts(path):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_the_scripts_of_the_action_stop_at_the_first_failure() -> None:
    for step in steps(ACTION):
        if "run" in step:
            assert step["shell"] == "bash" and step["run"].startswith("set -euo pipefail\n")


def run_check(
    folder: Path, code: int = 0, **inputs: str
) -> tuple[subprocess.CompletedProcess[str], list[str], dict[str, str]]:
    """Run the step `check`; return the finished process, the arguments of `fusion-eval`, and the step's outputs."""
    action = read(ACTION)
    defaults = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
    [step] = [step for step in steps(ACTION) if step.get("id") == "check"]
    given = {
        variable: (defaults | inputs)[re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", value)[1]]  # type: ignore[index] # else the test fails
        for variable, value in step["env"].items()
    }
    programs = folder / "bin"
    programs.mkdir()
    fake = programs / "fusion-eval"
    fake.write_text(FAKE_PROGRAM, encoding="utf-8")
    fake.chmod(0o755)
    runner = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "ARGUMENTS": str(folder / "arguments"),
        "CODE": str(code),
    }
    script = folder / "step.sh"
    script.write_text(step["run"], encoding="utf-8")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],  # as the runner calls it
        env=runner | given,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    outputs = dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())
    return done, (folder / "arguments").read_text(encoding="utf-8").split("\0"), outputs


@needs_bash
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_step_has_the_commands_exit_code_and_keeps_the_table_in_a_file(tmp_path: Path, code: int) -> None:
    done, arguments, outputs = run_check(tmp_path, code, baseline="base.json.gz", candidate="out/fusion")
    assert done.returncode == code
    assert arguments == ["check", "--margin", "0.01", "--alpha", "0.05", "--format", "md", "--", "base.json.gz", "out/fusion"]  # fmt: skip
    assert outputs["exit-code"] == str(code)
    assert Path(outputs["comment"]).read_text(encoding="utf-8") == "### the table\n"


@needs_bash
def test_hostile_inputs_reach_the_command_unchanged(tmp_path: Path) -> None:
    hostile = """a b/"c"'d' $(touch stolen) `touch stolen`; touch stolen * \\n é"""
    done, arguments, _ = run_check(
        tmp_path,
        baseline=hostile,
        candidate=f"{hostile}2",
        margin="my margins.yaml",
        alpha="0.1",
        inconclusive="fail",
        junit='out put/"j".xml',
        args=f"--metrics\nchrf, bleu\n\n--cluster\n{hostile}",
    )
    assert done.returncode == 0, done.stderr
    assert arguments == [
        *("check", "--margin", "my margins.yaml", "--alpha", "0.1", "--format", "md"),
        *("--inconclusive", "fail", "--junit", 'out put/"j".xml'),
        *("--metrics", "chrf, bleu", "--cluster", hostile, "--", hostile, f"{hostile}2"),
    ]
    assert not (tmp_path / "stolen").exists()


@needs_bash
def test_the_command_line_can_parse_the_arguments(tmp_path: Path) -> None:
    _, arguments, _ = run_check(tmp_path, baseline="b", candidate="c", inconclusive="pass", junit="j.xml")
    options, rest = build_parser().parse_known_args(arguments)
    assert not rest and (options.inconclusive, str(options.junit)) == ("pass", "j.xml")


@needs_bash
@pytest.mark.parametrize(
    ("inputs", "part"),
    [
        ({"baseline": "--help"}, "There is no baseline file or run --help"),
        ({"baseline": "--version"}, "There is no baseline file or run --version"),
        ({"candidate": "--inconclusive=pass"}, "There is no baseline file or run --inconclusive=pass"),
        ({"margin": "--help"}, "argument --margin: expected one argument"),
        ({"alpha": "--help"}, "argument --alpha: expected one argument"),
    ],
)
def test_no_input_is_taken_for_an_option(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    inputs: Any,
    part: str,
) -> None:
    # given a run, and an input that looks like an option
    write_run(tmp_path / "run", {"t": samples([1, 0, 1])})
    _, arguments, _ = run_check(tmp_path, **{"baseline": "run", "candidate": "run"} | inputs)
    # when the command gets what the action gives it
    monkeypatch.chdir(tmp_path)
    try:
        code = main(arguments)
    except SystemExit as stopped:
        code = stopped.code
    # then it is a mistake and no pass
    assert code == 2 and part in capsys.readouterr().err


def test_the_workflow_replays_the_store_and_checks_every_strategy_without_keys() -> None:
    workflow = read(WORKFLOW)
    assert workflow["permissions"] == {"contents": "read"} and set(workflow["on"]) == {"pull_request", "push"}
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")
    [replay] = [step["run"] for step in steps(WORKFLOW) if step.get("id") == "replay"]
    command = replay.split()
    assert command[0] == "fusion-eval"
    options, rest = build_parser().parse_known_args(command[1:])
    assert not rest and options.model_args == "cache=results/fusion_demo/store.sqlite,offline=true"
    checks = [step["with"] for step in steps(WORKFLOW) if step.get("uses") == "./.github/actions/check"]
    assert [step["candidate"] for step in checks] == [
        str(options.output / s) for s in ("single", "bon", "fusion")
    ]
    assert all(set(step) <= set(read(ACTION)["inputs"]) for step in checks)
    for step in checks:
        strategy = Path(step["candidate"]).name
        assert step["baseline"] == f"results/fusion_demo/{strategy}.baseline.json.gz"


def test_other_peoples_actions_are_pinned_by_their_major_version() -> None:
    used = [step["uses"] for path in (ACTION, WORKFLOW) for step in steps(path) if "uses" in step]
    assert used
    for name in used:
        assert name.startswith("./") or re.fullmatch(r"actions/[\w-]+@v\d+", name)
