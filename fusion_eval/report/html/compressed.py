"""Compress data for the page. A browser reads it with DecompressionStream."""

from __future__ import annotations

import base64
import gzip


def compressed(data: bytes) -> str:
    """Return data compressed by gzip, as base64: text without any character that means something in HTML.

    The same data give the same text, since no time is written.
    """
    return base64.b64encode(gzip.compress(data, compresslevel=6, mtime=0)).decode("ascii")
