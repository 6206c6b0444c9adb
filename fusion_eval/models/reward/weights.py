"""Tell the weights of reward models apart: by their content, or by their commit on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from fusion_eval.models.lm_eval.identity import fingerprint

_TIMEOUT = 10.0
"""Seconds for the hub's answer."""


def identity_of(name: str, commit: str | None) -> str:
    """Return what tells the weights of a model apart.

    Args:
        name: The name on the hub, or the folder.
        commit: The commit on the hub, as `commit_of` finds it.
    """
    folder = Path(name)
    if folder.is_dir():
        return fingerprint(folder)
    return f"{name}@{commit}" if commit else name


def commit_of(name: str, file: str = "config.json") -> str | None:
    """Return the commit of a model in the hub's cache, or else on the hub; None for a folder and an unknown name.

    Args:
        name: The name on the hub, or the folder.
        file: A small file that every such model has.
    """
    if Path(name).is_dir():
        return None
    from huggingface_hub import HfApi, try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(name, file)
        if isinstance(cached, str):
            return Path(cached).parent.name
        return HfApi().model_info(name, timeout=_TIMEOUT).sha
    except Exception:  # no such name, or no connection: loading the model then says what is wrong
        return None
