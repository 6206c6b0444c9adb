"""Load data sets of the hub at once, or say in one sentence why not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import datasets

from fusion_eval.errors import ConfigError
from fusion_eval.models.hub.connection import cache_only, hub_answers
from fusion_eval.models.hub.names import HubName
from fusion_eval.text.redaction import safe_message


class HubError(OSError):
    """A data set cannot be loaded. The message is the reason, in one line.

    Args:
        reason: Why.
        offline: Whether the hub was not reached, so that another name would not help.
    """

    def __init__(self, reason: str, *, offline: bool = False) -> None:
        super().__init__(reason)
        self.offline = offline


def load(path: str, configuration: str | None, split: str | None, **options: Any) -> Any:
    """Load a data set from the hub or from a folder; from the hub's cache if the hub does not answer.

    Args:
        path: `owner/name`, or a folder.
        configuration: The configuration; None for the only one.
        split: The split; None for all.
        **options: Other options of `datasets.load_dataset`.

    Raises:
        HubError: It cannot be loaded. The message is the reason that the library gave, or says that the hub was not reached.
    """
    reached = HubName(path).is_folder or hub_answers()
    try:
        with _quiet_client(), nullcontext() if reached else cache_only():
            return datasets.load_dataset(path, configuration, split=split, **options)
    except Exception as error:  # the library raises errors of many kinds
        if reached:
            raise HubError(safe_message(str(error)) or type(error).__name__) from error
        absent = "it does not answer"
        if datasets.config.HF_HUB_OFFLINE:
            absent = "HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set"
        raise HubError(f"{absent}, and its cache has no copy", offline=True) from error


def load_named(name: HubName, split: str | None = None, **options: Any) -> Any:
    """Load the data set that a user named.

    Args:
        name: The name.
        split: The split if the name gives none; None loads all.
        **options: Other options of `datasets.load_dataset`.

    Raises:
        ConfigError: It cannot be loaded; the message gives the nearest right name, or says that the hub was not reached.
    """
    try:
        return load(name.path, name.config, name.split or split, **options)
    except HubError as error:
        if error.offline:
            raise ConfigError(
                f"The data set {name} cannot be loaded from the Hugging Face hub ({error}); go online, or name a file of it"
            ) from error
        raise name.cannot_load(error) from error


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Silence the hub's client, which logs each of its tries, while one error message says enough."""
    client = logging.getLogger("huggingface_hub")
    level = client.level
    client.setLevel(logging.ERROR)
    try:
        yield
    finally:
        client.setLevel(level)
