"""A COMET model of the package unbabel-comet that rates translations without a reference, in this process."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fusion_eval.errors import ConfigError
from fusion_eval.models.lm_eval.identity import fingerprint
from fusion_eval.models.reward.batches import BatchedScorer, Score, enough_memory
from fusion_eval.models.reward.conversation import request_and_response
from fusion_eval.models.reward.weights import commit_of, identity_of
from fusion_eval.types import Prompt

_CHECKPOINT = Path("checkpoints", "model.ckpt")
"""Where a model's folder, and its repository on the hub, has its weights."""


class CometModel(BatchedScorer):
    """A COMET model by its name on the Hugging Face hub, or by its folder. It is loaded when it first scores.

    A conversation's last turn is the translation, and the turns before it are the source. The model cuts both to the
    tokens that it can read.

    Args:
        name: The name or the folder.
        batch_size: The most translations in a batch.
    """

    def __init__(self, name: str, batch_size: int = 8) -> None:
        weights = Path(name) / _CHECKPOINT
        identity = (
            fingerprint(weights) if weights.is_file() else identity_of(name, commit_of(name, "hparams.yaml"))
        )
        super().__init__(name, f"comet|{identity}", batch_size)
        self._loaded: Any = None

    def _scores(self, conversations: Sequence[Prompt]) -> list[Score]:
        samples = []
        for conversation in conversations:
            source, translation = request_and_response(conversation)
            samples.append({"src": source, "mt": translation.strip()})
        model = self._load()
        with enough_memory(
            f"comet:{self.name}", f"lower batch_size={self._batch_size}, or name a smaller model"
        ):
            prediction = model.predict(
                samples, batch_size=self._batch_size, gpus=_gpus(), progress_bar=False, num_workers=0
            )
        return [(float(score), 0) for score in prediction.scores]

    def _load(self) -> Any:
        if self._loaded is None:
            check_installed(self.name)
            import comet  # type: ignore[import-not-found] # an optional package

            weights = Path(self.name) / _CHECKPOINT
            try:
                model = comet.load_from_checkpoint(
                    str(weights) if weights.is_file() else comet.download_model(self.name)
                )
            except Exception as error:  # the package raises errors of all kinds, Exception itself among them
                reason = str(error).strip().partition("\n")[0]
                raise ConfigError(f"scorer=comet:{self.name} cannot be loaded: {reason}") from error
            if model.requires_references():
                raise ConfigError(
                    f"comet:{self.name} compares with references, and a scorer has none; name a model that needs none, "
                    "such as comet:Unbabel/wmt22-cometkiwi-da"
                )
            self._loaded = model
        return self._loaded


def check_installed(name: str) -> None:
    """Raise a ConfigError if unbabel-comet is not installed."""
    if importlib.util.find_spec("comet") is None:
        raise ConfigError(
            f"scorer=comet:{name} needs the package unbabel-comet: python -m pip install 'fusion-eval[comet]'"
        )


def _gpus() -> int:
    if importlib.util.find_spec("torch") is None:
        return 0
    import torch

    return int(torch.cuda.is_available())
