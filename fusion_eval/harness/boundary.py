"""Turn our errors into what a user of lm-eval should see."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from fusion_eval.errors import FusionEvalError
from fusion_eval.harness import host
from fusion_eval.text.printable import terminal_line


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn an error into one sentence and exit code 2 under lm-eval's command line.

    Callers of lm-eval's Python API get the exception itself. An interruption ends the command with exit code 130.
    """
    try:
        yield
    except FusionEvalError as error:
        if not host.started_by_command_line():
            raise
        _exit(str(error), 2)
    except KeyboardInterrupt:
        if not host.started_by_command_line():
            raise
        _exit("interrupted. What is finished is kept; the same command goes on from there", 130)


def _exit(message: str, code: int) -> NoReturn:
    print(f"fusion_eval: {terminal_line(message)}", file=sys.stderr)  # noqa: T201 - the channel of a command line
    raise SystemExit(code) from None
