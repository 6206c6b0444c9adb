"""Name and identity of a harness model: its arguments without secrets, and its weights on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from fusion_eval.text.redaction import is_secret, without_userinfo

_RUNTIME_ARGUMENTS = {"batch_size", "max_batch_size", "device", "num_concurrent", "max_retries", "timeout"}
"""Arguments that change the speed of an answer, not the answer."""
_WEIGHT_ARGUMENTS = ("pretrained", "peft", "delta", "lora_local_path", "steer_path", "tokenizer")
_MODEL_FILES = {".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".json", ".model", ".jinja", ".txt"}


def name_of(kind: str, arguments: Mapping[str, object]) -> str:
    """Return the model's name as users write it, without secrets: `lm_eval:hf,pretrained=…`."""
    return ",".join(
        [f"lm_eval:{kind}", *(f"{key}={value}" for key, value in _identifying_arguments(arguments).items())]
    )


def identity_of(kind: str, arguments: Mapping[str, object]) -> str:
    """Return the type, the sorted arguments and a fingerprint of each local file or folder with weights."""
    shown = json.dumps(_identifying_arguments(arguments), sort_keys=True, ensure_ascii=False, default=str)
    paths = [(key, Path(str(arguments[key]))) for key in _WEIGHT_ARGUMENTS if arguments.get(key)]
    fingerprints = [f"{key}:{fingerprint(path)}" for key, path in paths if path.exists()]
    return "|".join(["lm_eval", kind, shown, *fingerprints])


def fingerprint(path: Path) -> str:
    """Return a hash of a model file, or of the names and contents of the model files in a folder."""
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
    """Return the values that messages must not show."""
    return tuple(str(value) for key, value in arguments.items() if is_secret(key, value))


def _identifying_arguments(arguments: Mapping[str, object]) -> dict[str, object]:
    return {
        key: _without_secrets(value)
        for key, value in arguments.items()
        if key not in _RUNTIME_ARGUMENTS and not is_secret(key, value)
    }


def _without_secrets(value: object) -> object:
    if isinstance(value, Mapping):
        return {
            key: _without_secrets(inner) for key, inner in value.items() if not is_secret(str(key), inner)
        }
    return without_userinfo(value) if isinstance(value, str) else value
