"""The house keeps its order: few rooms, small files, documented names, and every registered name loads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import fusion_eval

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "fusion_eval"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MOST_ENTRIES = 24
MOST_LINES = 250
MOST_TEST_LINES = 400
HEAVY = ("lm_eval", "pandas", "litellm", "scipy", "numpy", "torch", "datasets")

modules = sorted(PACKAGE.rglob("*.py"))
registered = [
    EntryPoint(name, value, group)
    for group, entries in PROJECT["project"]["entry-points"].items()
    for name, value in entries.items()
]


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_top_of_the_package_has_few_entries() -> None:
    entries = sorted(path.name for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "py.typed"))
    assert len(entries) <= MOST_ENTRIES, (
        f"{len(entries)} entries; find rooms for some of: {', '.join(entries)}"
    )


def test_no_file_of_the_package_is_long() -> None:
    long = {str(path.relative_to(ROOT)): lines_of(path) for path in modules if lines_of(path) > MOST_LINES}
    assert not long, f"more than {MOST_LINES} lines; split by idea: {long}"


def test_no_test_file_is_long() -> None:
    files = (ROOT / "tests").rglob("*.py")
    long = {str(path.relative_to(ROOT)): lines_of(path) for path in files if lines_of(path) > MOST_TEST_LINES}
    assert not long, f"more than {MOST_TEST_LINES} lines; split by subject: {long}"


def undocumented(node: ast.Module | ast.ClassDef, owner: str) -> list[str]:
    """Return the public names in a module or class that have no docstring."""
    missing = [] if ast.get_docstring(node) else [owner]
    for child in node.body:
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        overloaded = any(
            isinstance(mark, ast.Name) and mark.id == "overload" for mark in child.decorator_list
        )
        if child.name.startswith("_") or overloaded:
            continue
        name = f"{owner}.{child.name}"
        if isinstance(child, ast.ClassDef):
            missing += undocumented(child, name)
        elif not ast.get_docstring(child):
            missing.append(name)
    return missing


def test_every_public_name_has_a_docstring() -> None:
    missing = [
        name
        for path in modules
        for name in undocumented(
            ast.parse(path.read_text(encoding="utf-8")),
            ".".join(path.relative_to(ROOT).with_suffix("").parts),
        )
    ]
    assert not missing, f"no docstring: {', '.join(missing)}"


@pytest.mark.parametrize("entry", registered, ids=lambda entry: f"{entry.group}.{entry.name}")
def test_every_registered_name_loads(entry: EntryPoint) -> None:
    assert entry.load() is not None


def test_every_exported_name_exists() -> None:
    names = getattr(fusion_eval, "__all__", [])
    missing = [name for name in names if not hasattr(fusion_eval, name)]
    assert not missing, f"in fusion_eval.__all__, but not in the package: {', '.join(missing)}"


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import json, sys, fusion_eval; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout)) & set(HEAVY)
    assert not loaded, (
        f"import fusion_eval imports {', '.join(sorted(loaded))}; import them where they are used"
    )


def test_the_version_is_written_in_one_place() -> None:
    assert "version" in PROJECT["project"]["dynamic"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "fusion_eval/__init__.py"
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert not any(line.startswith("version:") for line in citation.splitlines())
