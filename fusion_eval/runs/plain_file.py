"""Open a file for reading as UTF-8, whatever it was packed or encoded with."""

from __future__ import annotations

import gzip
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import BinaryIO, cast

_GZIP = b"\x1f\x8b"
_LONGEST_UTF16 = 1 << 28
"""Bytes. Files in UTF-16, which PowerShell writes, are decoded in memory."""


def open_plain(path: Path) -> BinaryIO:
    """Open a file. The content of gzip is unpacked, also without `.gz` in the name, and UTF-16 becomes UTF-8.

    Raises:
        OSError: The file cannot be read.
        ValueError: It begins as UTF-16 and is none, or is too long for it.
    """
    with path.open("rb") as file:
        head = file.read(2)
        if head in (BOM_UTF16_LE, BOM_UTF16_BE):
            content = head + file.read(_LONGEST_UTF16)
            if len(content) > _LONGEST_UTF16:
                raise ValueError("it is too long for UTF-16; save it as UTF-8")
            return io.BytesIO(content.decode("utf-16").encode(errors="replace"))
    return cast("BinaryIO", gzip.open(path)) if head == _GZIP or path.suffix == ".gz" else path.open("rb")
