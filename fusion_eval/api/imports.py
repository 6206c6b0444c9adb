"""Import what other tools have sampled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fusion_eval.api.argument_types import checks_types

if TYPE_CHECKING:
    from fusion_eval.imports.importing import ImportResult


@checks_types
def import_pools(
    source: str | Path,
    output: str | Path,
    *,
    kind: str | None = None,
    columns: Mapping[str, str] | None = None,
    allow_partial: bool = False,
) -> ImportResult:
    """Make runs of pools, answers and judgements of other tools.

    Args:
        source: A file, a folder, or `hf:OWNER/NAME[/CONFIG][:SPLIT]`.
        output: Folder to write runs and tasks to.
        kind: The kind of the source, such as "inspect"; None looks at the content.
        columns: For plain JSON lines: `{"prompt": COLUMN, "answer": COLUMN, …}`.
        allow_partial: Leave out items whose pools have holes, and lines of the harness that are cut off, and note it, instead
            of raising an error.

    Returns:
        The folders of the runs and of the tasks, and what the user should know.

    Raises:
        FusionEvalError: The source cannot be read, or a pool has holes; the message names file and line.
    """
    from fusion_eval.imports.importing import import_source

    return import_source(str(source), Path(output), kind, columns, allow_partial=allow_partial)
