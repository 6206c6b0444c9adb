"""The Python API. `import fusion_eval as fe` offers each name here as `fe.NAME`.

Heavy imports happen when a function is called. Every function raises `FusionEvalError` for a user's mistake; the message
says what is wrong, where, and the fix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fusion_eval.api.analysis import analyze
from fusion_eval.api.comparisons import compare, read_runs
from fusion_eval.api.imports import import_pools
from fusion_eval.api.judging import judge
from fusion_eval.api.reports import charts, write_report
from fusion_eval.api.runs import check, export, run
from fusion_eval.api.synthesis import merge, synthesize
from fusion_eval.errors import FusionEvalError

if TYPE_CHECKING:
    from fusion_eval.strategies.direct import TracedAnswer, fuse, fuse_async, sample, sample_async

_DIRECT = ("TracedAnswer", "fuse", "fuse_async", "sample", "sample_async")
"""Names of a module that imports asyncio, which commands on finished runs do without."""

__all__ = [
    "FusionEvalError",
    "TracedAnswer",
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
    if name not in _DIRECT:
        raise AttributeError(f"module 'fusion_eval.api' has no attribute '{name}'")
    from fusion_eval.strategies import direct

    return getattr(direct, name)
