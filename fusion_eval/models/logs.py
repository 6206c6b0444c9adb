"""The logger of the package, and the environment variable `FUSION_EVAL_LOG` that sets its level.

`FUSION_EVAL_LOG=debug` shows every request on stderr, without its body and without any key.
"""

from __future__ import annotations

import logging
import os

from fusion_eval.errors import ConfigError, nearest
from fusion_eval.text.printable import terminal_line

log = logging.getLogger("fusion_eval")
VARIABLE = "FUSION_EVAL_LOG"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _PrintableFormatter(logging.Formatter):
    """Keep a message on one line, without control characters and CI commands, whatever a server sent."""

    def format(self, record: logging.LogRecord) -> str:
        return terminal_line(super().format(record))


def configure() -> None:
    """Set the log level from the environment; the default is `warning`.

    Raises:
        ConfigError: The environment names an unknown level.
    """
    name = os.environ.get(VARIABLE, "").strip().lower()
    if name and name not in _LEVELS:
        raise ConfigError(
            f"{VARIABLE}={name} is not a log level.{nearest(name, _LEVELS)} The levels are {', '.join(_LEVELS)}"
        )
    log.setLevel(_LEVELS[name or "warning"])
    if not any(isinstance(handler.formatter, _PrintableFormatter) for handler in log.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(_PrintableFormatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
        log.addHandler(handler)
        log.propagate = False  # the harness has a handler at the root, which would print each line again
