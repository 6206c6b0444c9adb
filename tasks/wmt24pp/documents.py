"""Segments of WMT24++ (arXiv 2502.12404): what the YAML files beside this one load."""

from __future__ import annotations

import datasets

from fusion_eval.harness.tasks.hub_data import load as _load

_COLUMNS = ("source", "target", "is_bad_source", "document_id", "segment_id")


def load(language: str, configuration: str, split: str, **others: object) -> dict[str, datasets.Dataset]:
    """The segments of one language pair, without those whose source is marked as bad (as the paper leaves them out).

    These are markup, links and emoji, and the canary. The harness passes a task's whole metadata and `dataset_kwargs`.
    Raises what `hub_data.load` raises, and ValueError for data without a good segment.
    """
    rows = _load(language=language, configuration=configuration, split=split, columns=_COLUMNS, **others)[
        split
    ]
    good = rows.select([place for place, bad in enumerate(rows["is_bad_source"]) if not bad])
    if not good:
        raise ValueError(f"Every segment of {configuration} is marked as a bad source; copy them again")
    return {split: good}
