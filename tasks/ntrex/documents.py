"""Load the news sentences of NTREX-128 with professional translations.

The hub's davidstap/NTREX has one configuration per language (`eng_Latn`, `fra_Latn`, …), one split, `test`, with 1997
rows, and one column, `text`. Row n is the same sentence in all configurations. The hub does not say which sentences
belong to one document. If the English rows of a local copy have a column `document_id`, the documents of the task have
it, too; comparisons then know that sentences of a document are not independent.

    python documents.py PARALLEL.jsonl DIR

writes such a copy to DIR, for FUSION_EVAL_DATA=DIR. A line of PARALLEL.jsonl holds one text per language, by ISO code,
and the name of the document: {"doc": "bbc.1", "en": "…", "fr": "…", "de": "…"}.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from datasets import Dataset

from fusion_eval.harness.tasks.hub_data import Part, load_rows

REPOSITORY = "davidstap/NTREX"
SPLIT = "test"
CONFIGURATIONS = {
    "en": "eng_Latn",
    "fr": "fra_Latn",
    "de": "deu_Latn",
    "es": "spa_Latn",
    "ru": "rus_Cyrl",
    "it": "ita_Latn",
    "pt": "por_Latn",
    "ja": "jpn_Jpan",
    "ko": "kor_Hang",
    "zh": "zho_Hans",
    "ar": "arb_Arab",
}


def load(language: str, repository: str = REPOSITORY, **_metadata: object) -> dict[str, Dataset]:
    """Load the split `test` with `id` (the row), `source` (English), `target`, `language`, and `document_id` if known.

    Args:
        language: ISO code of the target language.
        repository: Name of the data set on the hub.
        **_metadata: Other metadata and `dataset_kwargs` of the task, which the harness passes along.

    Raises:
        ValueError: There is no translation into the language, or the data are not parallel.
    """
    if language not in CONFIGURATIONS or language == "en":
        raise ValueError(
            f"NTREX is translated from English into {', '.join(CONFIGURATIONS)}, not '{language}'"
        )
    parts = [Part(repository, CONFIGURATIONS[code], SPLIT) for code in ("en", language)]
    sources, targets = (load_rows(part) for part in parts)
    for rows, part in zip((sources, targets), parts, strict=True):
        if "text" not in rows.column_names:
            raise ValueError(f"The rows of {repository}, {part.configuration}, have no column text")
    if len(sources) != len(targets):
        raise ValueError(
            f"{repository} has {len(sources)} rows in {CONFIGURATIONS['en']} and {len(targets)} in "
            f"{CONFIGURATIONS[language]}, which should be the same sentences; copy both again"
        )
    columns = {
        "id": list(range(len(sources))),
        "source": sources["text"],
        "target": targets["text"],
        "language": [language] * len(targets),
    }
    if "document_id" in sources.column_names:
        columns["document_id"] = sources["document_id"]
    return {SPLIT: Dataset.from_dict(columns)}


def copy(parallel: Path, folder: Path) -> None:
    """Write a file of parallel lines (see above) to `folder` as a local copy in the form of the hub."""
    rows = [json.loads(line) for line in parallel.read_text(encoding="utf-8").split("\n") if line.strip()]
    for language, configuration in CONFIGURATIONS.items():
        documents = [
            {"text": row[language], **({"document_id": row["doc"]} if language == "en" else {})}
            for row in rows
        ]
        path = Part(REPOSITORY, configuration, SPLIT).file_in(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(document, ensure_ascii=False) for document in documents]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a local copy of NTREX from a file of parallel lines.")
    parser.add_argument("parallel", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    copy(arguments.parallel, arguments.folder)
