"""Load the segments of WMT24++ (arXiv 2502.12404)."""

from __future__ import annotations

import datasets

from fusion_eval.harness.tasks import hub_data

_COLUMNS = ("source", "target", "is_bad_source", "document_id", "segment_id")


def load(language: str, configuration: str, split: str, **others: object) -> dict[str, datasets.Dataset]:
    """Load the segments of one language pair, without those whose source is marked as bad.

    The paper leaves these out as well: markup, links, emoji, and the canary string.

    Args:
        language: ISO code of the target language.
        configuration: The hub's name of the language pair, such as `en-de_DE`.
        split: Name of the split.
        **others: Other metadata and `dataset_kwargs` of the task, which the harness passes along.

    Raises:
        ValueError: Every segment is marked as bad.
    """
    rows = hub_data.load(language, configuration=configuration, split=split, columns=_COLUMNS, **others)[
        split
    ]
    good = rows.select([index for index, bad in enumerate(rows["is_bad_source"]) if not bad])
    if not good:
        raise ValueError(f"Every segment of {configuration} is marked as a bad source; copy them again")
    return {split: good}
