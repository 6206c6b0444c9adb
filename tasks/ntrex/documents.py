"""News sentences of NTREX-128 with professional translations: what the YAML files beside this one load.

The hub's davidstap/NTREX has a configuration per language (`eng_Latn`, `fra_Latn`, …), one split, `test`, of 1997 rows,
and one column, `text`; row n of all configurations is the same sentence. It does not say which sentences are of one
document. A local copy may: where its English rows have a column `document_id`, so do the task's documents, and
comparisons know that sentences of a document are not independent.

    python documents.py PARALLEL.jsonl DIR

makes such a copy in DIR (for FUSION_EVAL_DATA=DIR) of lines like {"doc": "bbc.1", "en": "…", "fr": "…", "de": "…"}:
a text per language, by ISO code, and the document's name.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from datasets import Dataset

from fusion_eval.harness.tasks.hub_data import load as _load

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
    """The split `test`: fields `id` (the row), `source` (English), `target`, `language`, `document_id` where known.

    The harness passes a task's whole metadata; the rest of it is not needed here. Raises what `hub_data.load` raises,
    and ValueError for a language that is not here, or data that are not parallel.
    """
    if language not in CONFIGURATIONS or language == "en":
        raise ValueError(
            f"NTREX is translated from English into {', '.join(CONFIGURATIONS)}, not '{language}'"
        )
    sources, targets = (
        _load(code, repository, CONFIGURATIONS[code], SPLIT)[SPLIT] for code in ("en", language)
    )
    for rows, code in ((sources, "en"), (targets, language)):
        if "text" not in rows.column_names:
            raise ValueError(f"The rows of {repository}, {CONFIGURATIONS[code]}, have no column text")
    if len(sources) != len(targets):
        raise ValueError(
            f"{repository} has {len(sources)} rows in {CONFIGURATIONS['en']} and {len(targets)} in "
            f"{CONFIGURATIONS[language]}, which should be the same sentences; copy both again"
        )
    columns = {
        "id": list(range(len(sources))),
        "source": sources["text"],
        "target": targets["text"],
        "language": targets["language"],
    }
    if "document_id" in sources.column_names:
        columns["document_id"] = sources["document_id"]
    return {SPLIT: Dataset.from_dict(columns)}


def copy(parallel: Path, folder: Path) -> None:
    """A local copy in `folder`, in the schema of the hub, of a file of parallel lines (see above)."""
    rows = [json.loads(line) for line in parallel.read_text(encoding="utf-8").split("\n") if line.strip()]
    for language, configuration in CONFIGURATIONS.items():
        documents = [
            {"text": row[language], **({"document_id": row["doc"]} if language == "en" else {})}
            for row in rows
        ]
        path = folder / REPOSITORY / configuration / f"{SPLIT}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(document, ensure_ascii=False) for document in documents]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A local copy of NTREX, of a file of parallel lines.")
    parser.add_argument("parallel", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    copy(asked.parallel, asked.folder)
