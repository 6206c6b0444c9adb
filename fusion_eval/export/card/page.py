"""`fusion-eval export --format card`: one page on how a result was made, and how far it carries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fusion_eval.export.card.limits import limits, totals_of
from fusion_eval.export.card.results import results
from fusion_eval.export.card.setup import first_prompt, setup_table, task_table
from fusion_eval.export.comparable import compared
from fusion_eval.export.subject import Subject, Written, written
from fusion_eval.report.summary import HOW_TO_READ, summary
from fusion_eval.runs.provenance import Provenance, read_provenance
from fusion_eval.runs.reading import Run
from fusion_eval.runs.results_file import section, text_or_none
from fusion_eval.text.escaping import escaped, fenced
from fusion_eval.text.redaction import without_paths

_PROMPT = 4_000
"""Characters of it that are shown."""
_COMMAND = 20_000
_AS_TYPED = "As it was typed, but paths are cut to their last part, and keys are left out."
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
        "What was run": _commands(runs),
        "How it was made": setup_table(runs, origins),
        "Tasks": task_table(runs, origins),
        "What it took": _cost(runs, origins),
        "A prompt as it was sent": _prompt(runs[0]),
        "What the numbers cannot say": _bullets(limits(runs, origins, found)),
    }
    title = f"# How this was measured: {escaped(', '.join(run.name for run in runs))}"
    return "\n\n".join([title, *(f"## {name}\n\n{text}" for name, text in sections.items() if text)]) + "\n"


def write_card(subject: Subject, folder: Path) -> Written:
    """`card.md` in `folder`. Raises `ConfigError` where it cannot be written."""
    return Written((written(folder, "card.md", card(subject)),))


def _commands(runs: Sequence[Run]) -> str:
    """Return the commands that the results files hold: `fusion-eval run` records its own. Empty if there are none."""
    configs = [section(run.files.newest_results(), "config") for run in runs]
    commands = [command for config in configs if (command := text_or_none(config.get("command")))]
    if not commands:
        return ""
    lines = [without_paths(command) for command in dict.fromkeys(commands)]
    return "\n\n".join([fenced("\n".join(lines), _COMMAND), _AS_TYPED])


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
