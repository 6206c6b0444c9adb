"""`synth.json`: which job a folder belongs to, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from fusion_eval import __version__
from fusion_eval.errors import ConfigError
from fusion_eval.runs.locking import LOCK
from fusion_eval.runs.writing import UNFINISHED, write_file
from fusion_eval.synth.job import Shard, digest_of
from fusion_eval.text.parse_errors import why_unreadable

FILE_NAME = "synth.json"
_HIDDEN = (LOCK, UNFINISHED)


class Counts(msgspec.Struct):
    """What came of one strategy's prompts."""

    rows: int = 0
    failed: dict[str, int] = {}
    """By reason: `error`, or the filter that dropped the row."""
    pairs: int = 0
    fallbacks: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = 0.0
    """US dollars of all answers with their pools; None if a price is unknown."""
    languages: dict[str, int] = {}
    teachers: dict[str, int] = {}
    """By model, how many usable candidates it gave."""

    def add_row(self, language: str | None, *, fell_back: bool, teachers: Iterable[str]) -> None:
        """Count a row. `teachers` names the model of each usable candidate."""
        self.rows += 1
        self.fallbacks += fell_back
        self.languages[language or ""] = self.languages.get(language or "", 0) + 1
        for teacher in teachers:
            self.teachers[teacher] = self.teachers.get(teacher, 0) + 1

    def add_cost(self, prompt_tokens: int, completion_tokens: int, cost: float | None) -> None:
        """Count what a result took. Without a price the sum is unknown, unless nothing was written."""
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        if cost is not None:
            self.cost = None if self.cost is None else self.cost + cost
        elif completion_tokens:
            self.cost = None


class Manifest(msgspec.Struct):
    """The content of `synth.json`."""

    job: dict[str, Any]
    digest: str
    shard: str
    version: str
    prompts: int | None = None
    """How many prompts the source has, over all shards; None until the job is done."""
    strategies: dict[str, Counts] = {}
    cost: float | None = None
    """US dollars of the whole job; a pool that strategies share counts once."""


def new_manifest(identity: Mapping[str, Any], shard: Shard) -> Manifest:
    """Return the manifest of a job that begins."""
    return Manifest(dict(identity), digest_of(identity), str(shard), __version__)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `synth.json`."""
    content = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    write_file(folder / FILE_NAME, content)


def claim_output(folder: Path, manifest: Manifest) -> None:
    """Check a folder as `check_output` does, and write there which job it belongs to, unless that stands there already."""
    check_output(folder, manifest)
    there = read_manifest(folder) if (folder / FILE_NAME).exists() else None
    if there is None or (there.digest, there.shard) != (manifest.digest, manifest.shard):
        write_manifest(folder, manifest)


def read_manifest(folder: Path) -> Manifest:
    """Read `synth.json`.

    Raises:
        ConfigError: There is none, or it cannot be read.
    """
    path = folder / FILE_NAME
    try:
        content = path.read_bytes()
        return msgspec.json.decode(content, type=Manifest)
    except FileNotFoundError:
        raise ConfigError(f"{folder} is no output of fusion-eval synth: it has no {FILE_NAME}") from None
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is damaged: {why_unreadable(error, content)}") from error


def check_output(folder: Path, manifest: Manifest) -> None:
    """Check that a folder is empty, holds the same job, or holds one that ended before it wrote any row.

    Raises:
        ConfigError: It holds another job or other files. The message says what differs.
    """
    if not folder.is_dir():
        return
    if not (folder / FILE_NAME).exists():
        others = sorted(path.name for path in folder.iterdir() if path.name not in _HIDDEN)
        if others:
            raise ConfigError(
                f"--output {folder} holds files that are not of this job ({', '.join(others[:3])}); name an empty folder"
            )
        return
    there = read_manifest(folder)
    if (there.digest, there.shard) == (manifest.digest, manifest.shard):
        return
    if there.prompts is None and not any(folder.rglob("train-*.parquet")):
        return  # its answers are in the store, and a mistake such as a wrong address can be put right here
    differing = [name for name in manifest.job if there.job.get(name) != manifest.job[name]]
    if there.shard != manifest.shard:
        differing.append("shard")
    name = differing[0] if differing else "job"
    was = there.shard if name == "shard" else there.job.get(name)
    now = manifest.shard if name == "shard" else manifest.job.get(name)
    difference = (
        "the files with prompts have changed since"
        if name == "content"
        else f"{name} was {_text(was)} there, and is {_text(now)} now"
    )
    raise ConfigError(
        f"--output {folder} holds another job: {difference}; name another folder, or repeat its command"
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
