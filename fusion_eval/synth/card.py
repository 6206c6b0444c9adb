"""The card of a data set: `README.md` with the YAML header that the hub and the `datasets` library read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fusion_eval import __version__
from fusion_eval.models.hub.names import HUB
from fusion_eval.synth.files import digest_of_parts
from fusion_eval.synth.job import Job
from fusion_eval.synth.licences import licence_of
from fusion_eval.synth.manifest import Counts, Manifest
from fusion_eval.text.escaping import escaped_table, fenced
from fusion_eval.text.file_names import safe_file_name
from fusion_eval.text.redaction import public_command

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
          (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"))  # fmt: skip
Example = tuple[str, str]
"""A prompt and its answer, as texts."""
_SHOWN = 300
"""Characters of an example."""


def dataset_card(
    job: Job, strategy: str, counts: Counts, manifest: Manifest, examples: Sequence[Example]
) -> str:
    """Return the card of one strategy's data set, whose files are in place."""
    folder = job.folder(strategy)
    configs = [_config("default", folder, "data")]
    if job.pairs:
        configs.append(_config("pairs", folder, "pairs"))
    header = _header(counts, configs)
    return (
        "\n\n".join(
            [
                header,
                f"# Synthetic data by {strategy}",
                f"{counts.rows:,} answers by the strategy `{strategy}` to prompts of `{_source(job)}`, "
                f"made by fusion_eval {__version__}.",
                _teachers(counts),
                "## What was dropped, and why\n\n" + _dropped(counts),
                "## Columns\n\n" + _columns(job),
                "## Examples\n\n" + _examples(examples),
                "## Cost\n\n" + _cost(counts),
                "## Made by\n\n" + _command(job),
            ]
        )
        + "\n"
    )


def index_card(job: Job, manifest: Manifest) -> str:
    """Return the card of a folder with a data set for each strategy."""
    folders = {name: safe_file_name(name) for name in job.strategies}
    configs = [_config(folder, job.output, f"{folder}/data") for folder in folders.values()]
    configs[0]["default"] = True
    if job.pairs:
        configs += [
            _config(f"{folders[name]}-pairs", job.output, f"{folders[name]}/pairs")
            for name, counts in manifest.strategies.items()
            if counts.pairs
        ]
    all_counts = list(manifest.strategies.values())
    total = Counts(rows=max(one.rows for one in all_counts))
    for one in all_counts:
        total.languages |= one.languages
        total.teachers |= one.teachers
    lines = [
        [name, f"{one.rows:,}", f"{sum(one.failed.values()):,}"] for name, one in manifest.strategies.items()
    ]
    table = escaped_table(["strategy", "rows", "failed or dropped"], lines, left=1)
    return (
        "\n\n".join(
            [
                _header(total, configs),
                "# Synthetic data by several strategies",
                f"Answers to prompts of `{_source(job)}`. All strategies used the same candidates for each prompt.",
                table,
                "Each folder has a card of its own.",
                "## Made by\n\n" + _command(job),
            ]
        )
        + "\n"
    )


def _config(name: str, root: Path, part: str) -> dict[str, Any]:
    """Return a configuration of the data set: the name of one of its parts.

    Its description has a hash of the rows, because the `datasets` library caches rows by the folder's name and the
    configuration. Without it, the library would take the rows of another folder of the same name.
    """
    return {
        "config_name": name,
        "description": f"rows {digest_of_parts(root / part)}",
        "data_files": [{"split": "train", "path": f"{part}/train-*"}],
    }


def size_category(rows: int) -> str:
    """Return the hub's name for a size."""
    return next((name for most, name in _SIZES if rows < most), "100M<n<1B")


def _header(counts: Counts, configs: Sequence[Mapping[str, Any]]) -> str:
    values: dict[str, Any] = {}
    if languages := sorted(language for language in counts.languages if language):
        values["language"] = languages
    licences = {licence_of(model).spdx for model in counts.teachers}
    if len(licences) == 1 and None not in licences:
        values["license"] = licences.pop()
    else:
        values |= {"license": "other", "license_name": "terms-of-the-teachers"}
    values |= {
        "size_categories": [size_category(counts.rows)],
        "task_categories": ["text-generation"],
        "tags": ["synthetic", "fusion_eval"],
        "configs": list(configs),
    }
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}---"


def _teachers(counts: Counts) -> str:
    lines = [
        [model, licence_of(model).text, f"{number:,}"] for model, number in sorted(counts.teachers.items())
    ]
    return "## Teachers\n\n" + escaped_table(["teacher", "terms of its output", "candidates"], lines, left=2)


def _dropped(counts: Counts) -> str:
    if not counts.failed:
        return "Nothing: every prompt has a row."
    lines = [[reason, f"{number:,}"] for reason, number in sorted(counts.failed.items())]
    return (
        escaped_table(["reason", "prompts"], lines, left=1)
        + "\n\nEach is a line of `failed.parquet`, with the reason in words. `error` is a prompt without an answer; the "
        "others are filters."
    )


def _columns(job: Job) -> str:
    text = (
        "`messages` holds the training text as chat messages."
        if job.format == "messages"
        else "`prompt` and `completion` hold the training text."
    )
    pairs = (
        " The configuration `pairs` has `prompt`, `chosen`, `rejected`, and the `gap` of their scores where both have one."
        if job.pairs
        else ""
    )
    return (
        f"{text} `candidates` holds each teacher's answer with its score and "
        "tokens; `chosen_candidate` is the place of the one that was taken, and empty where the strategy wrote a new text. "
        f"`fallback` says why a strategy could not do its work. `signature` says how the answer was made.{pairs}"
    )


def _examples(examples: Sequence[Example]) -> str:
    if not examples:
        return "There is no row."
    return "\n\n".join(
        f"Prompt:\n\n{fenced(prompt, _SHOWN)}\n\nAnswer:\n\n{fenced(answer, _SHOWN)}"
        for prompt, answer in examples
    )


def _cost(counts: Counts) -> str:
    dollars = "no price is known" if counts.cost is None else f"${counts.cost:.4f}"
    return f"{counts.prompt_tokens:,} tokens read, {counts.completion_tokens:,} written; {dollars}. {counts.fallbacks:,} fallbacks."


def _command(job: Job) -> str:
    return (
        f"    {public_command(job.command)}" if job.command else "The Python API, `fusion_eval.synthesize`."
    )


def _source(job: Job) -> str:
    return (
        job.prompts.rsplit("/", 1)[-1]
        if "/" in job.prompts and not job.prompts.startswith(HUB)
        else job.prompts
    )
