"""Run the console command in a process that a test starts; such a process must be able to import its target."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fusion_eval.cli import main as cli


def console(arguments: list[str], output: Path) -> None:
    """Run the command as pip's script does, and append what it prints to the file `output`."""
    with output.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(cli.main(arguments))
