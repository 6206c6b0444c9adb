"""Print the CPU time of starting the program, beside that of Python and of its slowest import.

Usage: python tests/bench/start_up.py [RUN RUN]
"""

from __future__ import annotations

import resource
import subprocess
import sys

REPEATS = 3


def cpu_seconds(arguments: list[str]) -> float:
    """Return the least user and system time of a few runs, since other programs disturb each of them."""
    times = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def main(runs: list[str]) -> None:
    """Print one line for each command."""
    program = ["-c", "import sys; from fusion_eval.cli.main import main; sys.exit(main(sys.argv[1:]))"]
    commands = {
        "python -c pass": ["-c", "pass"],
        "python -c 'import scipy.stats'": ["-c", "import scipy.stats"],
        "fusion-eval --help": [*program, "--help"],
    }
    if runs:
        commands["fusion-eval compare"] = [*program, "compare", *runs]
    for name, arguments in commands.items():
        print(f"{cpu_seconds(arguments):6.2f} s  {name}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
