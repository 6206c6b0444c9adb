"""Make lm-eval know the model types, filters, metrics and tasks of this package.

The bridge calls these functions. Each may be called twice. Names that lm-eval knows already keep their meaning. An
lm-eval that discovers plugins by itself finds everything that entry points declare, so these functions leave it alone.
Two things have no entry point of their own and are registered there too: the task folder, and a strategy whose package
declares no model type.
"""

from __future__ import annotations

import site
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import Literal

from fusion_eval.harness import host
from fusion_eval.harness.tasks.folder import folder

BRIDGE = "_fusion_eval_bridge"
HOOK = "fusion_eval_bridge.pth"
FILTERS = {"judge": "fusion_eval.harness.judge_filter:JudgeFilter"}
"""Our filters by name, as the entry points declare them. Each is imported when a task asks for it."""


def model_types() -> dict[str, EntryPoint | str]:
    """Return every strategy as a model type, by name, without importing any.

    Returns:
        For each strategy, the `lm_eval.models` entry point that the strategy's own package declares. Without one, the
        name of a class that `fusion_eval.harness.lm` makes for the strategy.
    """
    installed = entry_points()
    declared = installed.select(group="lm_eval.models")
    types: dict[str, EntryPoint | str] = {}
    for strategy in installed.select(group="fusion_eval.strategies"):
        own = [entry for entry in declared if entry.name == strategy.name and entry.dist is strategy.dist]
        types.setdefault(strategy.name, own[0] if own else f"fusion_eval.harness.lm:strategy_{strategy.name}")
    return types


def register_models() -> None:
    """Register the model types that lm-eval does not find by itself."""
    discovers = host.discovers_plugins()
    for name, target in model_types().items():
        if not (discovers and isinstance(target, EntryPoint)):
            host.register("model", name, target)


def register_filters() -> None:
    """Register our filters, unless lm-eval discovers them."""
    if not host.discovers_plugins():
        for name, target in FILTERS.items():
            host.register("filter", name, target)


def register_metrics() -> None:
    """Register the metric and the aggregation `win_rate`, unless lm-eval discovers them."""
    if host.discovers_plugins():
        return
    from lm_eval.api.metrics import nanmean

    host.register("aggregation", "win_rate", nanmean)
    if not host.is_registered("metric", "win_rate"):
        import fusion_eval.harness.win_rate_metric  # noqa: F401 - the decorator of the metric registers it


def add_task_folder() -> None:
    """Let lm-eval find our tasks without `--include_path`."""
    host.search_by_default(folder())


@dataclass(frozen=True, slots=True)
class Way:
    """How plain `lm_eval` learns of this package, with an explanation, and the fix if it does not."""

    way: Literal["discovery", "bridge", "neither"]
    explanation: str


def active_way() -> Way:
    """Find out how lm-eval learns of this package in this interpreter, without importing lm-eval's tasks or torch."""
    bridged = BRIDGE in sys.modules
    if host.discovers_plugins():
        tasks = (
            f"the start-up hook {HOOK} adds only the task folder"
            if bridged
            else f"tasks need `--include_path {folder()}`: {_why_not_bridged()}"
        )
        return Way("discovery", f"lm_eval finds the model types by their entry points; {tasks}")
    if not bridged:
        return Way("neither", _why_not_bridged())
    missing = [name for name in model_types() if not host.is_registered("model", name)]
    if missing:
        return Way("neither", f"the bridge could not register {', '.join(missing)}: see the warning above")
    return Way(
        "bridge",
        f"the start-up hook {HOOK} adds model types, tasks, filters and metrics, because this lm_eval does not look "
        "for plugins. It imports one small module at start-up, and the package only after lm_eval itself",
    )


def _why_not_bridged() -> str:
    """Explain why the start-up hook did not run, and say what to do."""
    if sys.flags.no_site:
        return f"the interpreter was started with -S, which skips {HOOK}: start it without"
    try:
        package = distribution("fusion-eval")
    except PackageNotFoundError:
        return "the package is on the path but not installed: run `pip install -e .` in its checkout"
    hook = Path(str(package.locate_file(HOOK))).resolve()
    if not hook.is_file():
        return f"{hook} is missing: reinstall the package with pip"
    site_folders = [*site.getsitepackages(), site.getusersitepackages()]
    if hook.parent not in [Path(site_folder).resolve() for site_folder in site_folders]:
        return (
            f"{hook.parent} is on the path through PYTHONPATH or the like, where Python skips .pth files: "
            "install the package into the environment with pip"
        )
    return "the package was installed after this interpreter started: restart it (in a notebook, the kernel)"
