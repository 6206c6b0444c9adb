"""How our errors reach whoever runs the harness."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fusion_eval.errors import FusionEvalError


@contextmanager
def user_errors() -> Iterator[None]:
    """Under the harness's command line an error is one sentence and exit code 2; callers of its API get the exception."""
    try:
        yield
    except FusionEvalError as error:
        if "lm_eval._cli" not in sys.modules:  # which only the command line imports
            raise
        print(f"fusion_eval: {error}", file=sys.stderr)  # noqa: T201 - the command line's own channel
        raise SystemExit(2) from None
