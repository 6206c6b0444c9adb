"""Pack a folder into one archive, and unpack it without trusting it. The same files give the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from fusion_eval.errors import ConfigError
from fusion_eval.runs.writing import whole_file
from fusion_eval.text.parse_errors import why_unreadable

SUMS = "SHA256SUMS"
"""The file with the checksums, a line for each file, as `sha256sum -c` reads it."""
_LARGEST = 2 << 30
"""The most bytes of all files together: a small archive of zeros could fill the disk."""
_LARGEST_SMALL, _LARGEST_RATIO = 16 << 20, 200
"""A larger content than the first may have so many bytes for each byte of the archive. Samples compress far less."""
_MOST_FILES = 100_000
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Other kinds are unpacked in memory as a whole."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def pack(folder: Path, archive: Path) -> Path:
    """Write all files of `folder`, with their checksums, into `archive`.

    Raises:
        ConfigError: The archive cannot be written.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    lines = [f"{_sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    with whole_file(archive) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in [*files, folder / SUMS]:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, packed.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of `archive` into an empty folder.

    Raises:
        ConfigError: This is no archive that `pack` wrote, or it is damaged.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            _check_size(archive, entries)
            if any(entry.compress_type not in _COMPRESSIONS for entry in entries):
                raise ConfigError(
                    f"{archive} has a compression that fusion-eval export does not use, and is not unpacked"
                )
            names = [_inside(archive, entry.filename) for entry in entries]
            if len({name.lower() for name in names}) < len(names):
                raise ConfigError(f"{archive} holds a file twice")
            for entry, name in zip(entries, names, strict=True):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(entry) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)  # zipfile stops at the size that was added up above
    except FileNotFoundError as error:
        raise ConfigError(f"There is no bundle {archive}") from error
    except (
        OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError
    ) as error:  # fmt: skip # zipfile raises all of these for damaged or encrypted files
        raise ConfigError(
            f"{archive} is no bundle that fusion-eval export wrote, or is damaged: {why_unreadable(error)}"
        ) from error


def _check_size(archive: Path, entries: Sequence[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)
    if len(entries) > _MOST_FILES or size > _LARGEST:
        raise ConfigError(f"{archive} unpacks to more than {_LARGEST >> 30} GiB, or {_MOST_FILES:,} files")
    if size > max(_LARGEST_SMALL, _LARGEST_RATIO * archive.stat().st_size):
        raise ConfigError(
            f"{archive} unpacks to more than {_LARGEST_RATIO} times its size, which no bundle does, and is not unpacked"
        )


def wrong_sums(folder: Path) -> list[str]:
    """Return a sentence for each file that differs from `SHA256SUMS`.

    Raises:
        ConfigError: There is no `SHA256SUMS`.
    """
    expected = _sums(folder)
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {SUMS}
    return [
        *(f"{name} is in {SUMS}, but is missing" for name in sorted(set(expected) - present)),
        *(f"{name} is not in {SUMS}" for name in sorted(present - set(expected))),
        *(
            f"{name} is not the file that was packed: its checksum differs"
            for name in sorted(present & set(expected))
            if _sha256(folder / name) != expected[name]
        ),
    ]


def _sums(folder: Path) -> Mapping[str, str]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The bundle has no {SUMS} that can be read, so fusion-eval did not write it"
        ) from error
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _inside(archive: Path, name: str) -> str:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or not parts or ".." in parts or _has_other_meaning(name):
        raise ConfigError(f"{archive} has a file that would land outside of its folder, and is not unpacked")
    return name


def _has_other_meaning(name: str) -> bool:
    """Tell whether a name could mean a drive, a stream or another folder on this system."""
    drive = any(part[1:2] == ":" for part in PurePosixPath(name).parts)
    return drive or "\\" in name or "\0" in name or (os.name == "nt" and ":" in name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
