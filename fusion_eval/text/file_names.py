"""Names of files and folders that are safe on every system and still readable."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 120
"""Bytes of a name. File systems take 255, and other names are added to it."""
_UNSAFE = re.compile(r"[^\w.,=()+@ -]|^[. ]|[. ]$")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices."""


def safe_file_name(text: str) -> str:
    """Return a name for the file or folder that belongs to a text.

    A spec such as `rank_fusion(k=2)` stays as it is. Other characters are percent-encoded, and long texts are cut and
    get a hash, so two different texts have two different names.
    """
    name = _UNSAFE.sub(lambda match: _percent_encoded(match[0]), text)
    if _RESERVED.fullmatch(name):
        name = _percent_encoded(name[0]) + name[1:]
    if name and len(name.encode()) <= _LONGEST:
        return name
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
    start = name.encode()[: _LONGEST - 20].decode(errors="ignore").rstrip(". %")
    return f"{start}%-{digest}"


def _percent_encoded(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode(errors="surrogatepass"))
