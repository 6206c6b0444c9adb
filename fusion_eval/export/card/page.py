"""`fusion-eval export --format card`: one page on how a result was made, and how far it carries."""

from __future__ import annotations

from pathlib import Path

from fusion_eval.export.card.command import HARNESS_MODEL, REBUILT, commands
from fusion_eval.export.card.limits import limits, totals_of
from fusion_eval.export.card.results import results
from fusion_eval.export.card.setup import first_prompt, setup_table, task_table
from fusion_eval.export.comparable import compared
from fusion_eval.export.subject import Subject, Written, written
from fusion_eval.report.summary import HOW_TO_READ, summary
from fusion_eval.runs.provenance import Provenance, read_provenance
from fusion_eval.runs.reading import Run
from fusion_eval.text.markdown import escaped, fenced

_PROMPT = 4_000
"""Characters of it that are shown."""
_COMMAND = 20_000
_TOKENS = (
    "Tokens are read + written, with dollars, and retries where there were any. Runs that sampled from one store share their "
    "pool, and each counts it."
)


def card(subject: Subject) -> str:
    """Markdown, of the files of the runs alone: the same files give the same bytes, and no path of the machine is in it."""
    runs, origins = subject.runs, [read_provenance(run) for run in subject.runs]
    found = compared(subject)
    sections = {
        "Results": results(runs, found),
        "What was run": _commands(runs, origins),
        "How it was made": setup_table(runs, origins),
        "Tasks": task_table(runs, origins),
        "What it took": _cost(runs, origins),
        "A prompt as it was sent": _prompt(runs[0]),
        "What the numbers cannot say": _bullets(limits(runs, origins, found)),
    }
    title = f"# How this was measured: {escaped(', '.join(run.name for run in runs))}"
    return "\n\n".join([title, *(f"## {name}\n\n{text}" for name, text in sections.items())]) + "\n"


def write_card(subject: Subject, folder: Path) -> Written:
    """`card.md` in `folder`. Raises `ConfigError` where it cannot be written."""
    return Written((written(folder, "card.md", card(subject)),))


def _commands(runs: tuple[Run, ...], origins: list[Provenance]) -> str:
    rebuilt = commands(runs, origins)
    cut = f" {HARNESS_MODEL}" if any("lm_eval:" in line for line in rebuilt) else ""
    return "\n\n".join([fenced("\n".join(rebuilt), _COMMAND), REBUILT + cut])


def _cost(runs: tuple[Run, ...], origins: list[Provenance]) -> str:
    counted = {run.name: totals_of(origin) for run, origin in zip(runs, origins, strict=True)}
    known = {name: total for name, total in counted.items() if total is not None}
    lines = [line for line in summary(known).splitlines() if line != HOW_TO_READ] if known else []
    if known:
        lines.append(_TOKENS)
    if untold := [name for name, total in counted.items() if total is None]:
        lines.append(f"{', '.join(untold)}: the results file has no tokens, dollars, retries or fallbacks")
    return _bullets(lines)


def _prompt(run: Run) -> str:
    text = first_prompt(run)
    first = escaped(f"The first document of {next(iter(run.tasks))}, with all that stands before its answer:")
    return "The sample file holds no prompt." if text is None else f"{first}\n\n{fenced(text, _PROMPT)}"


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {escaped(line)}" for line in lines)
