"""After installation plain lm_eval knows our model types and tasks; after removal nothing of us is left.

The environments are real ones, with pip and `.pth` files. Only lm_eval's folder of built-in tasks is reduced to one
task, because reading all of them takes a quarter of a minute at each start.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT_IN_TASK = "hellaswag"
NO_SUCH_ARGUMENT = "'nonsense'"


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with the packages of this one, except ours."""

    folder: Path

    @property
    def site_packages(self) -> Path:
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder)}))

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run its interpreter, outside the checkout and without a network."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        executable = Path(sysconfig.get_path("scripts", "venv", {"base": str(self.folder)})) / "python"
        return subprocess.run(
            [str(executable), *arguments],
            env=inherited | {"HF_HUB_OFFLINE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            cwd=elsewhere,
        )

    def lm_eval(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the console command with its interpreter."""
        return self.python(str(Path(sysconfig.get_path("scripts")) / "lm_eval"), *arguments)

    def pip(self, *arguments: str) -> None:
        done = self.python("-m", "pip", *arguments)
        assert done.returncode == 0, done.stderr

    def leftovers(self) -> list[str]:
        return [path.name for path in self.folder.rglob("*fusion?eval*")]


def make_environment(folder: Path) -> Environment:
    venv.create(folder, symlinks=True, with_pip=importlib.util.find_spec("pip") is None)
    environment = Environment(folder)
    stdlib = Path(sysconfig.get_path("stdlib"))
    not_packages = {
        ROOT,
        ROOT / "tests",
        stdlib,
        Path(sysconfig.get_path("platstdlib")),
        stdlib / "lib-dynload",
        Path(sysconfig.get_path("scripts")),  # on the path if pytest was started by its own command
    }
    mirrors = []
    for number, source in enumerate(dict.fromkeys(Path(p) for p in sys.path)):
        if source.is_dir() and source not in not_packages:
            mirrors.append(folder / f"packages{number}")
            mirror(source, mirrors[-1])
    (environment.site_packages / "mirrors.pth").write_text("\n".join(map(str, mirrors)))
    return environment


def mirror(source: Path, target: Path) -> None:
    """Link to all of `source` except our package, bytecode and most of lm_eval's tasks."""
    target.mkdir()
    for item in source.iterdir():
        if item.name == "lm_eval":
            mirror(item, target / item.name)
        elif item.name == "tasks" and source.name == "lm_eval":
            mirror_code(item, target / item.name)
            shutil.copytree(item / BUILT_IN_TASK, target / item.name / BUILT_IN_TASK)
        elif item.name != "__pycache__" and "fusion_eval" not in item.name:
            (target / item.name).symlink_to(item)


def mirror_code(source: Path, target: Path) -> None:
    target.mkdir()
    for item in source.glob("*.py"):
        (target / item.name).symlink_to(item)


def build(root: Path, target: str, into: Path) -> Path:
    """Build a distribution and return its file."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("this test builds a wheel: pip install hatchling")
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = make_environment(tmp_path_factory.mktemp("installed"))
    environment.pip("install", "--no-deps", "--no-index", str(wheel))
    return environment


def test_the_wheel_contains_the_package_its_tasks_and_the_bridge(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tasks = {f"fusion_eval/{p.relative_to(ROOT)}" for p in (ROOT / "tasks").rglob("*") if p.suffix != ".pyc"}
    templates = {str(p.relative_to(ROOT)) for p in (ROOT / "fusion_eval").rglob("*.j2")}
    assert {name for name in tasks if "." in Path(name).name} <= names
    assert templates
    assert templates <= names
    top = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert top == {
        "fusion_eval",
        "_fusion_eval_bridge.py",
        "fusion_eval_bridge.pth",
        "fusion_eval_bridge.start",  # for Python 3.15 and later; it works only beside a .pth of the same name
    }
    assert "fusion_eval/py.typed" in names


def test_the_source_distribution_builds_the_same_wheel(wheel, tmp_path):
    sdist = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / sdist.name.removesuffix(".tar.gz")
    assert build(source, "wheel", tmp_path / "wheel").read_bytes() == wheel.read_bytes()
    # and it brings what its own tests read
    for part in ("tests", "tasks", "results", "docs", "examples", ".github", "Makefile", "CONTRIBUTING.md"):
        assert (source / part).exists(), part


def test_an_interpreter_starts_silently_and_imports_only_the_bridge(installed):
    done = installed.python(
        "-c", "import sys; print([name for name in sys.modules if 'fusion_eval' in name])"
    )
    assert (done.stdout, done.stderr) == ("['_fusion_eval_bridge']\n", "")


def test_the_bridge_is_the_active_way(installed):
    code = "from fusion_eval.harness.registration import active_way; print(active_way().way)"
    assert installed.python("-c", code).stdout == "bridge\n"
    # given a notebook that installed the package after its kernel had started
    early = "import sys; del sys.modules['_fusion_eval_bridge']; sys.meta_path.pop(0)\n"
    done = installed.python("-c", early + code.replace(".way", ""))
    assert "restart" in done.stdout


def test_lm_eval_validates_our_tasks_and_its_own(installed):
    done = installed.lm_eval("validate", "--tasks", f"fusion_demo,fusion_demo_en,{BUILT_IN_TASK}")
    assert done.returncode == 0, done.stderr
    assert "All tasks found and valid" in done.stdout


OPTIONS = ["--tasks", "fusion_demo_en", "--model_args", "nonsense=1"]
CONFIG = {"model": "fusion", "tasks": ["fusion_demo_en"], "model_args": {"nonsense": 1}}


@pytest.mark.parametrize("form", ["run", "plain", "module", "config"])
def test_every_form_of_the_command_finds_our_model_types(installed, tmp_path, form):
    # that the model type refuses an argument proves that it was found, before any call
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps(CONFIG))  # JSON is YAML
    done = {
        "run": lambda: installed.lm_eval("run", "--model", "fusion", *OPTIONS),
        "plain": lambda: installed.lm_eval("--model", "bon", *OPTIONS),
        "module": lambda: installed.python("-m", "lm_eval", "--model", "single", *OPTIONS),
        "config": lambda: installed.lm_eval("run", "--config", str(config)),
    }[form]()
    assert done.returncode == 2, done.stderr
    assert NO_SUCH_ARGUMENT in done.stderr
    assert "Traceback" not in done.stderr


def test_simple_evaluate_finds_our_model_types(installed):
    code = "import lm_eval; lm_eval.simple_evaluate('fusion', 'nonsense=1', tasks=['fusion_demo_en'])"
    done = installed.python("-c", code)
    assert "ConfigError" in done.stderr.splitlines()[-1]
    assert NO_SUCH_ARGUMENT in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_removal_leaves_nothing_behind(wheel, tmp_path):
    # given that the package was imported, so that bytecode was written
    environment = make_environment(tmp_path / "venv")
    environment.pip("install", "--no-deps", "--no-index", "--no-compile", str(wheel))
    environment.python("-c", "import lm_eval.models, fusion_eval.harness.tasks.folder")
    assert environment.leftovers() != []
    # when it is uninstalled
    environment.pip("uninstall", "--yes", "fusion-eval")
    # then none of its files is left, and lm_eval does not know its model types
    assert environment.leftovers() == []
    done = environment.lm_eval("--model", "fusion", "--tasks", BUILT_IN_TASK)
    assert "model 'fusion', but no model for this name found" in done.stderr


@pytest.mark.slow
def test_an_editable_install_reads_the_checkout(wheel, tmp_path):
    environment = make_environment(tmp_path / "venv")
    environment.pip("install", "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(ROOT))
    code = (
        "import fusion_eval; from lm_eval.api.registry import get_model\n"
        "from fusion_eval.harness.tasks.folder import folder\n"
        "print(fusion_eval.__path__[0], folder(), get_model('fusion').__name__)"
    )
    done = environment.python("-c", code)
    assert done.stdout.split() == [str(ROOT / "fusion_eval"), str(ROOT / "tasks"), "FusionLM"], done.stderr
    assert not (
        environment.site_packages / "fusion_eval"
    ).exists()  # there is no copy of the tasks that could become outdated
    assert environment.lm_eval("validate", "--tasks", "fusion_demo").returncode == 0
    environment.pip("uninstall", "--yes", "fusion-eval")
    assert environment.leftovers() == []
