"""Plain text in aligned columns, safe for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from fusion_eval.text.printable import printable


def decimals(*values: float) -> int:
    """Digits behind the point: metrics that end at 1 need more than those that end at 100."""
    return 2 if max(map(abs, values)) > 1 else 4


def text_table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns under a ruled head; the first `left` are aligned on the left, numbers on the right."""
    cells = [[printable(cell) for cell in line] for line in [head, *lines]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    ruler = "  ".join("-" * width for width in widths)
    texts = [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    return "\n".join([texts[0], ruler, *texts[1:]])
