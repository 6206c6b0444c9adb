"""Makes lm_eval know our model types, tasks, filters and metrics. The bridge calls it; doing it twice is harmless.

Where the harness looks for plugins by itself (docs/plugins.md of its main branch), what is declared is left to it.
Tasks are no plugins there either, and a strategy without a model type of its own still gets one.
"""

from __future__ import annotations

import functools
import inspect
import site
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import Any, Literal

from fusion_eval.harness.tasks.folder import folder

BRIDGE = "_fusion_eval_bridge"
HOOK = "fusion_eval_bridge.pth"
MARK = "searches_fusion_eval"
FILTERS = {"judge": "fusion_eval.harness.judge_filter:JudgeFilter"}
"""By name, as the entry points declare them; each is imported when a task asks for it."""


def model_types() -> dict[str, EntryPoint | str]:
    """Every strategy as a model type, by name, not yet imported.

    The target is the `lm_eval.models` entry that the strategy's own package declares for it, else the
    class that `fusion_eval.harness.lm` makes of the strategy.
    """
    every = entry_points()
    declared = every.select(group="lm_eval.models")
    types: dict[str, EntryPoint | str] = {}
    for strategy in every.select(group="fusion_eval.strategies"):
        own = [e for e in declared if e.name == strategy.name and e.dist is strategy.dist]
        types.setdefault(strategy.name, own[0] if own else f"fusion_eval.harness.lm:strategy_{strategy.name}")
    return types


def register_models() -> None:
    """Register the model types that lm_eval does not find by itself; names that it knows stay as they are."""
    import lm_eval.api.registry
    import lm_eval.models  # the built-in types first: lm_eval adds them to an empty registry only

    known = lm_eval.api.registry.model_registry
    discovers = harness_discovers()
    for name, target in model_types().items():
        left_to_harness = discovers and isinstance(target, EntryPoint)
        if name not in known and not left_to_harness:
            known.register(name, target=target)


def register_filters() -> None:
    """Register our filters, not yet imported; names that lm_eval knows stay as they are."""
    import lm_eval.filters  # noqa: F401 - the built-in ones first
    from lm_eval.api.registry import filter_registry

    for name, target in FILTERS.items():
        if name not in filter_registry and not harness_discovers():
            filter_registry.register(name, target=target)


def register_metrics() -> None:
    """Register the metric and the aggregation `win_rate`; likewise."""
    from lm_eval.api.metrics import nanmean
    from lm_eval.api.registry import aggregation_registry, metric_registry

    if harness_discovers():
        return
    if "win_rate" not in aggregation_registry:
        aggregation_registry.register("win_rate", target=nanmean)
    if "win_rate" not in metric_registry:
        import fusion_eval.harness.win_rate_metric  # noqa: F401 - registers itself, as newer harnesses ask of a metric


def harness_discovers() -> bool:
    """Whether this lm_eval looks for entry points by itself, as its main branch does and 0.4.13 does not."""
    import lm_eval.api.registry

    return hasattr(lm_eval.api.registry, "import_plugins")


def add_task_folder() -> None:
    """Have every `TaskManager` with default tasks search our folder: after them, before the user's."""
    from lm_eval.tasks.manager import TaskManager

    plain = TaskManager.__init__
    if hasattr(plain, MARK):
        return
    signature = inspect.signature(plain)
    defaults = signature.parameters["include_path"].default, signature.parameters["include_defaults"].default

    @functools.wraps(plain)
    def with_our_folder(self: Any, *args: Any, **kwargs: Any) -> None:  # passed on as they are
        given = signature.bind(self, *args, **kwargs)
        theirs = given.arguments.get("include_path", defaults[0])
        if given.arguments.get("include_defaults", defaults[1]):
            given.arguments["include_path"] = _with_ours(theirs)
        plain(*given.args, **given.kwargs)
        self.include_path = theirs

    setattr(with_our_folder, MARK, True)
    TaskManager.__init__ = with_our_folder


def _with_ours(theirs: str | Path | Sequence[str | Path] | None) -> list[str | Path]:
    paths = [theirs] if isinstance(theirs, str | Path) else list(theirs or ())
    ours = folder()
    # Searched twice, each of our tasks would be reported as overriding itself.
    return paths if ours.resolve() in [Path(path).resolve() for path in paths] else [ours, *paths]


@dataclass(frozen=True, slots=True)
class Way:
    """How plain `lm_eval` comes to know us, and in words why, with the fix where it does not."""

    way: Literal["discovery", "bridge", "neither"]
    explanation: str


def active_way() -> Way:
    """What makes our model types known to lm_eval in this interpreter. Imports neither its tasks nor torch."""
    import lm_eval.api.registry
    import lm_eval.models

    bridged = BRIDGE in sys.modules
    if harness_discovers():
        by_hand = f"tasks need `--include_path {folder()}`: {_why_not()}"
        tasks = "the bridge adds the tasks" if bridged else by_hand
        return Way("discovery", f"lm_eval finds the model types by their entry points; {tasks}")
    if not bridged:
        return Way("neither", _why_not())
    missing = [name for name in model_types() if name not in lm_eval.api.registry.model_registry]
    if missing:
        return Way("neither", f"the bridge could not register {', '.join(missing)}: see the warning above")
    return Way(
        "bridge",
        f"the start-up hook {HOOK} adds model types, tasks, filters and metrics: this lm_eval looks for none",
    )


def _why_not() -> str:
    """Why the start-up hook did not run, and the fix."""
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
            f"{hook.parent} came in by PYTHONPATH or the like, where Python skips .pth files: "
            "install the package into the environment with pip"
        )
    return "the package was installed after this interpreter started: restart it (in a notebook, the kernel)"
