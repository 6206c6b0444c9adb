"""The bridge: make lm-eval find our model types, tasks, filters and metrics where it does not discover plugins.

The wheel ships this file at its top level as `_fusion_eval_bridge.py`. `fusion_eval_bridge.pth` calls `install` at
every start of an interpreter; since Python 3.15, `fusion_eval_bridge.start` does so instead (PEP 829). Therefore this
file imports nothing but `sys`. It waits until lm-eval's own modules have been imported, and imports the package then.

PYTEST_DONT_REWRITE: otherwise pytest warns in every session that this module is imported already.
"""

# No `from __future__ import annotations`: it would import a module at every start of every interpreter.
import sys

TYPE_CHECKING = (
    False  # instead of `typing.TYPE_CHECKING`: typing is not imported yet, type checkers know the name
)
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

AFTER = {
    "lm_eval.models": "register_models",
    "lm_eval.filters": "register_filters",
    "lm_eval.api.metrics": "register_metrics",
    "lm_eval.tasks.manager": "add_task_folder",
}
"""The function of `fusion_eval.harness.registration` to call after the first import of each module."""


class LoaderWithCall:
    """Load a module with its own loader, then call the function that `AFTER` names for it."""

    def __init__(self, spec: "ModuleSpec", loader: "Loader") -> None:
        self.spec = spec
        self.loader = loader

    def exec_module(self, module: "ModuleType") -> None:
        """Execute the module, then make the call."""
        # The module gets its own loader back, so nothing of ours stays in it.
        self.spec.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        FINDER.stop_waiting_for(self.spec.name)
        call_after(self.spec.name)

    def __getattr__(self, name: str) -> object:
        return getattr(self.loader, name)


class Finder:
    """Find the modules of `AFTER` through the other finders, and remove itself once all have been imported."""

    def __init__(self) -> None:
        self.waiting = set(AFTER)

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None", target: "ModuleType | None" = None, /
    ) -> "ModuleSpec | None":
        """Return the spec of a module of `AFTER` with our loader around its own, None for all other modules."""
        if fullname not in self.waiting:
            return None
        try:
            spec = self.find_with_others(fullname, path, target)
            if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
                spec.loader = LoaderWithCall(spec, spec.loader)  # type: ignore[assignment]  # duck-typed loader
            return spec
        except Exception:
            return None  # the import system asks the same finders next, and reports what is wrong

    def find_with_others(
        self, fullname: str, path: "Sequence[str] | None", target: "ModuleType | None"
    ) -> "ModuleSpec | None":
        """Return the spec that the finders after this one find."""
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None

    def stop_waiting_for(self, fullname: str) -> None:
        """Leave this module alone from now on."""
        self.waiting.discard(fullname)
        if not self.waiting and self in sys.meta_path:
            sys.meta_path.remove(self)


FINDER = Finder()


def install() -> None:
    """Start to wait for lm-eval's modules; a second call changes nothing."""
    if FINDER.waiting and FINDER not in sys.meta_path:
        sys.meta_path.insert(0, FINDER)


def call_after(fullname: str) -> None:
    """Call the function that belongs to a module. If it fails, the import goes on with a warning."""
    try:
        from fusion_eval.harness import registration

        getattr(registration, AFTER[fullname])()
    except Exception as error:
        import logging

        logging.getLogger("fusion_eval").warning(
            "fusion_eval could not %s, and lm_eval goes on without (%s: %s); `fusion-eval doctor` says more.",
            AFTER[fullname].replace("_", " "),
            type(error).__name__,
            error,
        )
