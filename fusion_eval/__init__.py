"""Best-of-N and Fusion-of-N as model types of lm-evaluation-harness, compared with honest statistics.

    import fusion_eval as fe

    comparison = fe.compare("out/single", "out/fusion")
    print(comparison)

The names below come from `fusion_eval.api`, which is imported when the first of them is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fusion_eval.api import (
        FusionEvalError,
        TracedAnswer,
        analyze,
        charts,
        check,
        compare,
        export,
        fuse,
        fuse_async,
        import_pools,
        judge,
        merge,
        read_runs,
        run,
        sample,
        sample_async,
        synthesize,
        write_report,
    )

__all__ = [
    "FusionEvalError",
    "TracedAnswer",
    "__version__",
    "analyze",
    "charts",
    "check",
    "compare",
    "export",
    "fuse",
    "fuse_async",
    "import_pools",
    "judge",
    "merge",
    "read_runs",
    "run",
    "sample",
    "sample_async",
    "synthesize",
    "write_report",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'fusion_eval' has no attribute '{name}'")
    from importlib import import_module

    # By name, not by an import statement: the modules below import this package for its version.
    return getattr(import_module("fusion_eval.api"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
