"""Find out quickly that the harness has no task of a name, from the text of its files.

Its own index parses all of its thousands of YAML files, which takes 20 times as long.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_NAMES = re.compile(rb"""^[ \t\-"']*(?:task|group|tag)["']?[ \t]*:[ \t]*["']?([^\s"'#]+)""", re.MULTILINE)
_NOT_YAML = (".py", ".pyc", ".md", ".json", ".jsonl", ".sh", ".txt", ".csv")
"""Files with tasks have any other name: what they include is called `_default_yaml`, or `flores`."""
_OTHER_FORMS = re.compile(r"[*?\[\]/\\@]|::|\.ya?ml$")
"""Patterns, paths, and the forms `task@format` and `group::task` of lm-eval 0.5."""


def may_be_a_task(name: str, root: Path | None = None) -> bool:
    """Return whether the harness may have a task, a group or a tag of a name. False is certain, True is not.

    Args:
        name: The name, as in `lm_eval --tasks`.
        root: The folder with the harness's task files. None for that of the installed harness.
    """
    text = _task_files(root or _folder())
    return not text or bool(_OTHER_FORMS.search(name)) or name.encode() in text


def task_names(root: Path | None = None) -> Collection[str]:
    """Return nearly all names of the harness's tasks, groups and tags, for a suggestion."""
    found = _NAMES.findall(_task_files(root or _folder()))
    return {name.decode(errors="replace") for name in found}


def _folder() -> Path | None:
    spec = find_spec("lm_eval")
    return Path(spec.origin).parent / "tasks" if spec and spec.origin else None


@cache
def _task_files(folder: Path | None) -> bytes:
    """Return the text of all files of a folder that may be YAML: 7 MB for the harness's."""
    parts = []
    for parent, _, names in os.walk(folder) if folder else ():
        for name in names:
            if not name.endswith(_NOT_YAML):
                with suppress(OSError):  # a dangling link, or a file that others may not read
                    parts.append((Path(parent) / name).read_bytes())
    return b"\n".join(parts)
