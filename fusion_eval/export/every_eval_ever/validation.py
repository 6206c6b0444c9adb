"""The shared schema's own validator over what was written, where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.text.printable import printable

_PACKAGE = "every_eval_ever"


def unvalidated() -> str | None:
    """Why nothing is validated here; None where the validator is installed."""
    if importlib.util.find_spec(_PACKAGE):
        return None
    return "not validated: pip install every-eval-ever, which needs Python 3.12"


def validate(folder: Path, paths: Sequence[Path]) -> None:
    """Files below `folder`, which holds `data/`. Raises `ConfigError` with the first fault."""
    validator = importlib.import_module(f"{_PACKAGE}.validator")
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    for name, path in names.items():
        report = validator.validate_file(
            path,
            repo_path=name,
            available_files=names,
            read_repo_file=lambda other: names[other].read_text(encoding="utf-8"),
            run_semantic_checks=True,
        )
        if not report.valid:
            fault = report.errors[0]
            raise ConfigError(
                f"{path} does not pass the validator of {_PACKAGE} ({printable(str(fault['loc']))}: "
                f"{printable(str(fault['msg']))}); do not publish it, and report this as a fault of fusion_eval"
            )
