"""`FUSION_EVAL_LOG=debug`: every call on stderr, without its body or any key."""

from __future__ import annotations

import logging
import os

from fusion_eval.errors import ConfigError, nearest, printable

log = logging.getLogger("fusion_eval")
VARIABLE = "FUSION_EVAL_LOG"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever a server said."""
        return printable(super().format(record))


def configure() -> None:
    """Do as the environment says; warnings alone where it says nothing. Raises `ConfigError` for an unknown level."""
    said = os.environ.get(VARIABLE, "").strip().lower()
    if said and said not in _LEVELS:
        raise ConfigError(
            f"{VARIABLE}={said} is no level.{nearest(said, _LEVELS)} There are {', '.join(_LEVELS)}"
        )
    log.setLevel(_LEVELS[said or "warning"])
    if not any(isinstance(handler.formatter, _Line) for handler in log.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(_Line("%(asctime)s %(name)s %(levelname)s: %(message)s"))
        log.addHandler(handler)
        log.propagate = False  # the harness has a handler of its own at the root, which would say it again
