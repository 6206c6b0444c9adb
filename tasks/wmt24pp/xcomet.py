"""XCOMET-XL (arXiv 2310.10482) of a task's translations, as a filter: it sees all of them at once, so it works in batches.

Written for unbabel-comet 2.2, and tested against a stand-in with its interface; the model itself (3.5 billion
parameters, on the hub behind its terms of use) has not been run with it.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MODEL = "Unbabel/XCOMET-XL"
BATCH = 8

# Said when a task is loaded, before any answer is paid for.
if importlib.util.find_spec("comet") is None:
    raise ImportError("XCOMET needs the package unbabel-comet: pip install 'fusion-eval[comet]'")


class Xcomet:
    """A filter of the harness: in place of each translation its score from 0 to 1, with the source and the reference."""

    def apply(self, resps: Iterable[str], docs: Sequence[Mapping[str, str]]) -> list[float]:
        """One number per document, in their order."""
        segments = [
            {"src": doc["source"], "mt": answer.strip(), "ref": doc["target"]}
            for answer, doc in zip(resps, docs, strict=True)
        ]
        said = _model().predict(segments, batch_size=BATCH, gpus=1)  # or, where there is none, the CPU
        return [float(score) for score in said.scores]


@functools.cache
def _model() -> Any:
    """Loaded once for all languages; the first time it is downloaded, 14 GB."""
    import comet  # seconds, for the torch that it brings

    return comet.load_from_checkpoint(comet.download_model(MODEL))
