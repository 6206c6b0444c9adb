"""The console command as the target of a process that a test starts, and so in a module that this process can import."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fusion_eval.cli.main import main as cli


def console(arguments: list[str], output: Path) -> None:
    """As the script that pip installs calls it; what it prints goes to a file."""
    with output.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(cli.main(arguments))
