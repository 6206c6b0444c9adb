"""Score translations with XCOMET-XL (arXiv 2310.10482) in a filter, which sees all of a task's answers as one batch.

The filter is written for unbabel-comet 2.2 and tested against a fake of its interface. It has not been run with the
model itself, which has 3.5 billion parameters and terms of use to accept on the hub.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MODEL = "Unbabel/XCOMET-XL"
BATCH = 8

# Fail when the task is loaded, before any answer is paid for.
if importlib.util.find_spec("comet") is None:
    raise ImportError(
        "XCOMET needs the package unbabel-comet: pip install 'fusion-eval[comet]', or name the tasks wmt24pp, which are "
        "scored by chrF and BLEU"
    )


class Xcomet:
    """A filter of the harness that replaces each translation by its XCOMET score, from 0 to 1."""

    def apply(self, resps: Iterable[str], docs: Sequence[Mapping[str, str]]) -> list[float]:
        """Return one score per document, computed from source, translation and reference."""
        segments = [
            {"src": doc["source"], "mt": answer.strip(), "ref": doc["target"]}
            for answer, doc in zip(resps, docs, strict=True)
        ]
        prediction = _model().predict(segments, batch_size=BATCH, gpus=1)
        return [float(score) for score in prediction.scores]


@functools.cache
def _model() -> Any:
    """Load the model once for all languages. The first time, 14 GB are downloaded."""
    import comet  # slow, because it imports torch

    return comet.load_from_checkpoint(comet.download_model(MODEL))
