"""The bridge makes plain lm_eval know our model types, tasks, filters and metrics, and breaks no interpreter.

Each test starts a fresh interpreter without site-packages (`-S`). A folder with the files of the wheel becomes a site
folder there. So the real `.pth` file starts the bridge, and the bridge waits for the real lm_eval.
"""

from __future__ import annotations

import json
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
OURS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
NAMES = sorted(OURS["lm_eval.models"])
REGISTRY = """
import json, lm_eval.models
from lm_eval.api.registry import get_model, model_registry
"""
PARTS = """
import json, sys, lm_eval.filters, lm_eval.tasks, lm_eval.api.registry as registry
from lm_eval.api.metrics import nanmean
from fusion_eval.harness.host import scores_each_repeat

def metric(name):  # (function, higher is better, aggregation)
    if scores_each_repeat():
        found = registry.metric_registry.get(name)
        return found.fn, found.higher_is_better, found.aggregation
    return registry.get_metric(name), registry.is_higher_better(name), registry.get_metric_aggregation(name)
"""
DISCOVERY = """
import importlib.metadata, lm_eval.api.registry as registry
calls, original = [], registry.get_model
def get_model(name):  # on the first look-up of a name, as docs/plugins.md of lm_eval's main branch says
    import lm_eval.models
    for entry in importlib.metadata.entry_points(group="lm_eval.models"):
        if entry.name not in registry.model_registry:
            registry.model_registry.register(entry.name, target=entry)
            calls.append(entry.name)
    return original(name)
registry.get_model, registry.import_plugins = get_model, lambda modules: None
"""


def install(folder: Path, name: str, groups: dict[str, dict[str, str]]) -> None:
    """Write the metadata that pip writes for a package with these entry points."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{g}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for g, points in groups.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    install(folder, "fusion-eval", OURS)
    shutil.copy(ROOT / "fusion_eval/harness/bridge.py", folder / "_fusion_eval_bridge.py")
    shutil.copy(ROOT / "fusion_eval/harness/bridge.pth", folder / "fusion_eval_bridge.pth")
    shutil.copy(ROOT / "fusion_eval/harness/bridge.start", folder / "fusion_eval_bridge.start")
    return folder


def start(
    site: Path, code: str, *, hooked: bool = True, flags: str = "-S"
) -> subprocess.CompletedProcess[str]:
    """Run the code in an interpreter that treats `site` as a site folder, or, not hooked, only as a path."""
    path = [str(site), str(ROOT), *(p for p in sys.path if Path(p).is_dir())]
    hook = f"import site; site.addsitedir({str(site)!r})\n" if hooked else ""
    return subprocess.run(
        [sys.executable, flags, "-c", hook + code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=60,
        cwd=site.parent,
    )


def answer(site: Path, code: str, *, hooked: bool = True, flags: str = "-S"):
    """Run the code, check that it writes nothing about us to stderr, and return what it prints as JSON."""
    done = start(site, code, hooked=hooked, flags=flags)
    assert done.returncode == 0, done.stderr
    assert "fusion" not in done.stderr
    return json.loads(done.stdout)


def test_the_hook_calls_a_function_and_executes_no_code_of_its_own():
    hook = (ROOT / "fusion_eval/harness/bridge.pth").read_text()
    entry_point = (ROOT / "fusion_eval/harness/bridge.start").read_text()
    module, function = entry_point.strip().split(":")
    # the form that PEP 829 gives for packages that also run on Pythons before 3.15
    assert hook == f"import {module}; {module}.{function}()\n"


def test_the_interpreter_starts_with_one_more_small_module(site, tmp_path):
    # given that `site` has read another .pth file already
    (tmp_path / "warm").mkdir()
    (tmp_path / "warm/warm.pth").write_text("import sys\n")
    warm = f"import sys, json, site; site.addsitedir({str(tmp_path / 'warm')!r}); before = set(sys.modules)\n"
    # when our .pth file is read
    ours = f"site.addsitedir({str(site)!r}); print(json.dumps(sorted(set(sys.modules) - before)))"
    # then the bridge is imported, but neither the package nor lm_eval nor any module of the standard library
    assert answer(site, warm + ours, hooked=False) == ["_fusion_eval_bridge"]


@pytest.mark.parametrize("broken", ["this is no Python", "raise RuntimeError"])
def test_a_broken_bridge_is_reported_and_the_interpreter_goes_on(site, broken):
    (site / "_fusion_eval_bridge.py").write_text(broken)
    done = start(site, "print(1)")
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert "fusion_eval_bridge.pth" in done.stderr


def test_strategies_become_model_types_after_those_of_lm_eval(site):
    code = REGISTRY + (
        f"import sys; targets = {{name: model_registry._objs[name].value for name in {NAMES}}}\n"
        "print(json.dumps([targets, 'fusion_eval.harness.lm' in sys.modules]))"
    )
    assert answer(site, code) == [OURS["lm_eval.models"], False]  # a class is imported when it is asked for


def test_modules_of_the_harness_keep_their_own_loaders(site):
    code = REGISTRY + "m = lm_eval.models; print(json.dumps([str(m.__spec__.loader), str(m.__loader__)]))"
    assert all("SourceFileLoader" in loader for loader in answer(site, code))


def test_the_bridge_still_waits_for_a_module_that_was_only_looked_up(site):
    code = "import importlib.util; importlib.util.find_spec('lm_eval.models')\n" + REGISTRY
    assert answer(site, code + "print(json.dumps('fusion' in model_registry))") is True


def test_if_registration_fails_lm_eval_goes_on_with_a_warning(site):
    break_it = "import sys; sys.modules['fusion_eval.harness.registration'] = None\n"
    done = start(site, break_it + REGISTRY + "print(json.dumps('hf' in model_registry))")
    assert (done.returncode, json.loads(done.stdout)) == (0, True)
    assert "could not register models" in done.stderr
    assert "`fusion-eval doctor`" in done.stderr
    assert "Traceback" not in done.stderr


def test_registering_twice_changes_nothing(site):
    again = "from fusion_eval.harness.registration import register_models as again; again(); again()\n"
    code = REGISTRY + "before = dict(model_registry.items())\n" + again
    assert answer(site, code + "print(json.dumps(before == dict(model_registry.items())))") is True


def test_a_model_type_of_lm_eval_wins_over_a_strategy_of_the_same_name(site):
    install(site, "bold", {"fusion_eval.strategies": {"hf": "bold:hf"}})
    code = REGISTRY + "print(json.dumps(model_registry._objs['hf']))"
    assert answer(site, code) == "lm_eval.models.huggingface:HFLM"


def test_a_third_partys_strategy_becomes_a_model_type(site):
    # given one strategy without a model type and one with
    strategies = {"longest-first": "third:lengthiest", "own": "third:own"}
    install(site, "third", {"fusion_eval.strategies": strategies, "lm_eval.models": {"own": "third:OwnLM"}})
    (site / "third.py").write_text("async def lengthiest(pool, tools): ...\n")
    # and a model type of the same name from another package
    install(site, "stranger", {"lm_eval.models": {"longest-first": "stranger:OtherLM"}})
    code = REGISTRY + (
        "from lm_eval.api.model import LM\n"
        "targets = [model_registry._objs['longest-first'], model_registry._objs['own'].value]\n"
        "print(json.dumps([*targets, issubclass(get_model('longest-first'), LM)]))"
    )
    assert answer(site, code) == ["fusion_eval.harness.lm:strategy_longest-first", "third:OwnLM", True]


def test_a_harness_that_discovers_plugins_finds_declared_types_by_itself(site):
    install(site, "third", {"fusion_eval.strategies": {"lengthiest": "third:lengthiest"}})
    code = DISCOVERY + (
        "import json, lm_eval.models\n"
        f"known = [name for name in {[*NAMES, 'lengthiest']} if name in registry.model_registry]\n"
        f"classes = [registry.get_model(name).__name__ for name in {[*NAMES, 'fusion']}]\n"
        "print(json.dumps([known, sorted(calls), classes]))"
    )
    known, discovered, classes = answer(site, code)
    assert known == ["lengthiest"]  # by the bridge, since no entry point declares it
    assert discovered == NAMES  # by the harness, each once
    targets = [OURS["lm_eval.models"][name] for name in [*NAMES, "fusion"]]
    assert classes == [pkgutil.resolve_name(target).__name__ for target in targets]


def test_discovery_after_the_bridge_causes_no_conflict(site):
    # given a release that discovers plugins without our noticing, so that the bridge registers first
    code = REGISTRY + (
        "from importlib.metadata import entry_points\n"
        "for e in entry_points(group='lm_eval.models'): model_registry.register(e.name, target=e)\n"
        "print(json.dumps(get_model('fusion').__name__))"
    )
    assert answer(site, code) == "FusionLM"


def test_the_filter_and_the_metric_are_known_after_those_of_lm_eval(site):
    code = PARTS + (
        "target = registry.filter_registry._objs['judge']\n"
        "light = not {'fusion_eval.harness.judge_filter', 'aiohttp', 'msgspec'} & set(sys.modules)\n"
        "function, higher_is_better, aggregation = metric('win_rate')\n"
        "same = registry.get_aggregation('win_rate') is aggregation is nanmean\n"
        "value = function(['any'], ['tie'])\n"
        "print(json.dumps([target, light, registry.get_filter('judge').__name__, same,"
        " value[0] if scores_each_repeat() else value, higher_is_better]))"
    )
    [declared] = OURS["lm_eval.filters"].values()  # a filter is imported once a task asks for it
    assert answer(site, code) == [declared, True, "JudgeFilter", True, 0.5, True]


def test_filters_metrics_and_aggregations_of_lm_eval_win(site):
    # given a harness that has all three names already, as a later release may
    taken = (
        "import lm_eval.api.registry as r\n"
        "r.filter_registry.register('judge', target='theirs:Filter')\n"
        "r.metric_registry.register('win_rate', target='theirs:metric')\n"
        "r.aggregation_registry.register('win_rate', target='theirs:mean')\n"
    )
    code = taken + PARTS + (
        "from fusion_eval.harness.registration import register_filters, register_metrics\n"
        "register_filters(), register_metrics()\n"
        "names = {'filter': 'judge', 'metric': 'win_rate', 'aggregation': 'win_rate'}\n"
        "print(json.dumps([getattr(registry, f'{kind}_registry')._objs[name] for kind, name in names.items()]))"
    )  # fmt: skip
    assert answer(site, code) == ["theirs:Filter", "theirs:metric", "theirs:mean"]


def test_a_harness_that_discovers_plugins_finds_the_filter_and_the_metric_by_itself(site):
    # given a harness that loads the entry points, as docs/plugins.md says
    code = DISCOVERY + PARTS + (
        "kinds = {'filters': 'judge', 'metrics': 'win_rate', 'aggregations': 'win_rate'}\n"
        "left = [name not in getattr(registry, f'{kind[:-1]}_registry') for kind, name in kinds.items()]\n"
        "found = {kind: importlib.metadata.entry_points(group=f'lm_eval.{kind}')[name].load()"
        " for kind, name in kinds.items()}\n"
        "print(json.dumps([left, found['filters'].__name__, found['aggregations'] is nanmean,"
        " metric('win_rate') == (found['metrics'], True, nanmean)]))"
    )  # fmt: skip
    assert answer(site, code) == [[True, True, True], "JudgeFilter", True, True]


def test_our_entry_points_follow_the_contract_of_the_harness(site):
    for name, value in OURS["lm_eval.models"].items():
        assert re.fullmatch(r"[\w.]+:\w+", value), name
    code = REGISTRY + (
        "from lm_eval.api.model import LM\n"
        f"print(json.dumps(all(issubclass(get_model(name), LM) for name in {NAMES})))"
    )
    assert answer(site, code) is True


SEARCHED = """
import json, sys, lm_eval.tasks
from pathlib import Path
from lm_eval.tasks import TaskManager
from lm_eval.tasks._index import TaskIndex
from fusion_eval.harness.registration import add_task_folder
from fusion_eval.harness.tasks.folder import folder
once = TaskManager.__init__
add_task_folder()
twice = TaskManager.__init__
ours, theirs = folder(), Path(lm_eval.tasks.__file__).parent
TaskIndex.build = lambda self, paths: searched.append([
    "ours" if p == ours else "defaults" if p == theirs else str(p) for p in paths]) or {}
searched, kept = [], []
for args, kwargs in [
    ([], {}),
    ([], {"include_path": "mine"}),
    ([None, ["mine", "too"]], {"metadata": {}}),
    ([], {"include_path": "mine", "include_defaults": False}),
    ([], {"include_path": [ours, "mine"]}),
]:
    kept.append(TaskManager(*args, **kwargs).include_path)
import lm_eval.api.metrics, lm_eval.filters, lm_eval.models
left = [f for f in sys.meta_path if type(f).__module__ == "_fusion_eval_bridge"]
print(json.dumps([searched, kept, len(left), once is twice], default=lambda path: "ours"))
"""


def test_our_tasks_are_searched_after_the_defaults_and_before_the_users(site):
    searched, kept, finders_left, once_is_twice = answer(site, SEARCHED)
    assert searched == [
        ["defaults", "ours"],
        ["defaults", "ours", "mine"],
        ["defaults", "ours", "mine", "too"],
        ["mine"],  # without the default tasks there are none of ours
        ["defaults", "ours", "mine"],  # our folder is searched once, even if the user names it
    ]
    assert kept == [None, "mine", ["mine", "too"], "mine", ["ours", "mine"]]  # as the user passed it
    assert once_is_twice  # adding the folder again changes nothing
    assert finders_left == 0  # all modules are imported, so the bridge has removed itself


WAY = """
import json, dataclasses
from fusion_eval.harness.registration import active_way
print(json.dumps(dataclasses.astuple(active_way())))
"""


def test_the_active_way_is_found(site):
    assert answer(site, WAY)[0] == "bridge"
    assert answer(site, DISCOVERY + WAY)[0] == "discovery"
    way, why = answer(site, DISCOVERY + WAY, hooked=False)
    assert way == "discovery"
    assert f"--include_path {ROOT / 'tasks'}" in why


def test_if_no_way_is_active_the_reason_and_the_fix_are_given(site):
    forget = (
        "import sys; sys.modules.pop('_fusion_eval_bridge', None)\n"  # of the environment that runs the tests
        "sys.meta_path[:] = [f for f in sys.meta_path if type(f).__module__ != '_fusion_eval_bridge']\n"
    )
    way, why = answer(site, WAY, hooked=False)
    assert (way, "-S" in why) == ("neither", True)
    way, why = answer(site, forget + WAY, hooked=False, flags="-s")
    assert (way, "PYTHONPATH" in why, str(site) in why) == ("neither", True, True)
    (site / "fusion_eval_bridge.pth").unlink()
    way, why = answer(site, forget + WAY, hooked=False, flags="-s")
    assert (way, "reinstall" in why) == ("neither", True)
