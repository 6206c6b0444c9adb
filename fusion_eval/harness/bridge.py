"""The bridge: makes lm_eval find our model types, tasks, filters and metrics, where it looks for none by itself.

The wheel ships this file at its top level as `_fusion_eval_bridge.py`, and `fusion_eval_bridge.pth` calls
`install` at every start of the interpreter. So it imports nothing but `sys`, and waits: the package is
imported only once lm_eval's own modules have been.

PYTEST_DONT_REWRITE: pytest would warn in every session that it is loaded already.
"""

# No `from __future__ import annotations` here: it imports a module, at every start of every interpreter.
import sys

TYPE_CHECKING = False  # as in `typing`, which is not loaded yet; type checkers take the name for true
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
"""What to call in `fusion_eval.harness.registration`, by the module after whose first import."""


class LoaderWithCall:
    """A module's own loader, and one call of ours after it."""

    def __init__(self, spec: "ModuleSpec", loader: "Loader") -> None:
        self.spec = spec
        self.loader = loader

    def exec_module(self, module: "ModuleType") -> None:
        # From here on the module has its own loader again: nothing of ours stays behind in it.
        self.spec.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        FINDER.arrived(self.spec.name)
        call_after(self.spec.name)

    def __getattr__(self, name: str) -> object:
        return getattr(self.loader, name)


class Finder:
    """Asks the finders behind it for the modules that it waits for, and leaves when all have come."""

    def __init__(self) -> None:
        self.waiting = set(AFTER)

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None", target: "ModuleType | None" = None, /
    ) -> "ModuleSpec | None":
        """As the import system asks it; None for all modules but those in `AFTER`, and for them once they have come."""
        if fullname not in self.waiting:
            return None
        try:
            spec = self.ask_those_behind(fullname, path, target)
            if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
                spec.loader = LoaderWithCall(spec, spec.loader)  # type: ignore[assignment]  # a loader by duck
            return spec
        except Exception:
            return None  # the import machinery asks the same finders next, and reports what is wrong

    def ask_those_behind(
        self, fullname: str, path: "Sequence[str] | None", target: "ModuleType | None"
    ) -> "ModuleSpec | None":
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None

    def arrived(self, fullname: str) -> None:
        """Wait for it no longer."""
        self.waiting.discard(fullname)
        if not self.waiting and self in sys.meta_path:
            sys.meta_path.remove(self)


FINDER = Finder()


def install() -> None:
    """Start to wait; a second call changes nothing."""
    if FINDER.waiting and FINDER not in sys.meta_path:
        sys.meta_path.insert(0, FINDER)


def call_after(fullname: str) -> None:
    """Call what belongs after that module; whatever goes wrong in it, the import goes on, with a warning."""
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
