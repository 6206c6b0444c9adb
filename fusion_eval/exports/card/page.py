"""`fusion-eval export --format card`: write one page on how a result was made, and how far it carries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fusion_eval.exports.card.limits import limits, totals_of
from fusion_eval.exports.card.results import results
from fusion_eval.exports.card.setup import first_prompt, setup_table, task_table
from fusion_eval.exports.comparable import find_comparisons
from fusion_eval.exports.subject import ExportedFiles, Subject, write_text
from fusion_eval.report.summary import HOW_TO_READ, summary
from fusion_eval.runs.provenance import Provenance, read_provenance
from fusion_eval.runs.reading import Run
from fusion_eval.runs.results_file import section, text_or_none
from fusion_eval.text.escaping import escaped, fenced
from fusion_eval.text.redaction import without_paths

_LONGEST_PROMPT = 4_000
"""The number of its characters that are shown."""
_LONGEST_COMMAND = 20_000
_ABOUT_COMMANDS = "As it was typed, but paths are cut to their last part, and keys are left out."
_ABOUT_TOKENS = (
    "Tokens are read + written, with dollars, and with retries if there were any. Runs that sampled from one store share "
    "their pool, and each run counts it."
)


def card(subject: Subject) -> str:
    """Return the card as Markdown.

    It is made from the files of the runs alone: the same files give the same bytes, and it names no path of this machine.
    """
    runs, origins = subject.runs, [read_provenance(run) for run in subject.runs]
    comparisons = find_comparisons(subject)
    sections = {
        "Results": results(runs, comparisons),
        "What was run": _commands(runs),
        "How it was made": setup_table(runs, origins),
        "Tasks": task_table(runs, origins),
        "What it took": _cost(runs, origins),
        "A prompt as it was sent": _prompt(runs[0]),
        "What the numbers cannot say": _bullets(limits(runs, origins, comparisons)),
    }
    title = f"# How this was measured: {escaped(', '.join(run.name for run in runs))}"
    return "\n\n".join([title, *(f"## {name}\n\n{text}" for name, text in sections.items() if text)]) + "\n"


def write_card(subject: Subject, folder: Path) -> ExportedFiles:
    """Write `card.md` to `folder`.

    Raises:
        ConfigError: The file cannot be written.
    """
    return ExportedFiles((write_text(folder, "card.md", card(subject)),))


def _commands(runs: Sequence[Run]) -> str:
    """Return the commands that the results files hold: `fusion-eval run` records its own. Empty if there are none."""
    configs = [section(run.files.newest_results(), "config") for run in runs]
    commands = [command for config in configs if (command := text_or_none(config.get("command")))]
    if not commands:
        return ""
    lines = [without_paths(command) for command in dict.fromkeys(commands)]
    return "\n\n".join([fenced("\n".join(lines), _LONGEST_COMMAND), _ABOUT_COMMANDS])


def _cost(runs: Sequence[Run], origins: Sequence[Provenance]) -> str:
    totals = {run.name: totals_of(origin) for run, origin in zip(runs, origins, strict=True)}
    known = {name: total for name, total in totals.items() if total is not None}
    lines = [line for line in summary(known).splitlines() if line != HOW_TO_READ] if known else []
    if known:
        lines.append(_ABOUT_TOKENS)
    if unknown := [name for name, total in totals.items() if total is None]:
        lines.append(f"{', '.join(unknown)}: the results file has no tokens, dollars, retries or fallbacks")
    return _bullets(lines)


def _prompt(run: Run) -> str:
    prompt = first_prompt(run)
    if prompt is None:
        return "The sample file holds no prompt."
    task = next(iter(run.tasks))
    return "\n\n".join(
        [escaped(f"The prompt for the first document of {task}:"), fenced(prompt, _LONGEST_PROMPT)]
    )


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {escaped(line)}" for line in lines)
