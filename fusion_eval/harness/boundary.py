"""How our errors reach whoever runs the harness."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from fusion_eval.errors import FusionEvalError


@contextmanager
def user_errors() -> Iterator[None]:
    """Under the harness's command line an error is one sentence and exit code 2; callers of its API get the exception."""
    try:
        yield
    except FusionEvalError as error:
        if "lm_eval._cli" not in sys.modules:  # which only the command line imports
            raise
        _leave(str(error), 2)
    except KeyboardInterrupt:
        if "lm_eval._cli" not in sys.modules:
            raise
        _leave("interrupted. What is finished is kept; the same command goes on from there", 130)


def _leave(sentence: str, code: int) -> NoReturn:
    print(f"fusion_eval: {sentence}", file=sys.stderr)  # noqa: T201 - the command line's own channel
    raise SystemExit(code) from None
