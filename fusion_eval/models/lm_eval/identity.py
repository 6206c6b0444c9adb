"""What tells one harness model from another: its arguments without their secrets, and its weights on disk."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from fusion_eval.models.openai.errors import without_userinfo

_SECRET = re.compile(
    r"(?<!(?:bos|eos|end|pad|unk)_)token$|key|secret|passw|auth|header|credential", re.IGNORECASE
)
_HOW_IT_RUNS = {"batch_size", "max_batch_size", "device", "num_concurrent", "max_retries", "timeout"}
"""Arguments that decide how fast an answer comes, not which."""
_HOLDS_WEIGHTS = ("pretrained", "peft", "delta", "lora_local_path", "steer_path", "tokenizer")
_MODEL_FILES = {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".json", ".model", ".jinja", ".txt"}


def name_of(kind: str, arguments: Mapping[str, object]) -> str:
    """The model as users would write it, without secrets: `lm_eval:hf,pretrained=…`."""
    return ",".join([f"lm_eval:{kind}", *(f"{key}={value}" for key, value in _telling(arguments).items())])


def identity_of(kind: str, arguments: Mapping[str, object]) -> str:
    """Type, sorted arguments and a fingerprint of each model that lies on this disk."""
    told = json.dumps(_telling(arguments), sort_keys=True, ensure_ascii=False, default=str)
    paths = [(key, Path(str(arguments[key]))) for key in _HOLDS_WEIGHTS if arguments.get(key)]
    prints = [f"{key}:{fingerprint(path)}" for key, path in paths if path.exists()]
    return "|".join(["lm_eval", kind, told, *prints])


def fingerprint(path: Path) -> str:
    """Hash of a model file, or of those in a folder, names and all: weights that differ anywhere are another model."""
    files = (
        [path]
        if path.is_file()
        else sorted(p for p in path.iterdir() if p.suffix in _MODEL_FILES and p.is_file())
    )
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name if file != path else ''}\0".encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:32]


def secrets_in(arguments: Mapping[str, object]) -> tuple[str, ...]:
    """The values that must not be shown."""
    return tuple(str(value) for key, value in arguments.items() if _is_secret(key, value))


def _telling(arguments: Mapping[str, object]) -> dict[str, object]:
    return {
        key: _shown(value)
        for key, value in arguments.items()
        if key not in _HOW_IT_RUNS and not _is_secret(key, value)
    }


def _shown(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _shown(inner) for key, inner in value.items() if not _is_secret(str(key), inner)}
    return without_userinfo(value) if isinstance(value, str) and "://" in value else value


def _is_secret(name: str, value: object) -> bool:
    return not isinstance(value, (bool, int, float)) and _SECRET.search(name) is not None
