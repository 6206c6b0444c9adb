"""Well-formed HTTP responses of every kind, drawn by hypothesis."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

PLACES = st.lists(st.integers(0, 600), max_size=8)
"""Where to cut a response."""


def split(data: bytes, places: list[int]) -> list[bytes]:
    """Cut the data at these places."""
    places = [0, *sorted(place % len(data) for place in places), len(data)]
    return [data[i:j] for i, j in pairwise(places) if i < j]


@dataclass(frozen=True)
class Message:
    """A well-formed response: its bytes, and whether it ends with the connection."""

    data: bytes
    closes: bool = False


def _chunks(body: bytes, places: list[int]) -> bytes:
    parts = split(body, places) if body else []
    return b"".join(b"%x;note=1\r\n%b\r\n" % (len(part), part) for part in parts)


@st.composite
def messages(draw: st.DrawFn, framings: str = "length chunked close") -> Message:
    """Draw a response."""
    body = draw(st.binary(max_size=200)) * draw(st.sampled_from([1, 3, 100]))
    packing = draw(st.sampled_from(["", "gzip", "GZIP", "deflate", "raw", "members"]))
    names = st.text("abcXYZ-_09", min_size=1, max_size=9).map(lambda name: f"X-{name}".encode())
    values = st.text("aZ09 \t;=é日\xa0", max_size=12).map(lambda value: value.strip(" \t").encode())
    fields = draw(st.lists(st.tuples(names, values), max_size=5))
    match packing:
        case "gzip" | "GZIP":
            body = gzip.compress(body, mtime=0)
        case "members":
            body = gzip.compress(body[:5], mtime=0) + gzip.compress(body[5:], mtime=0)
        case "deflate":
            body = zlib.compress(body)
        case "raw":
            packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            body = packer.compress(body) + packer.flush()
    if packing:
        name = {"raw": "deflate", "members": "gzip"}.get(packing, packing)
        fields.append((b"Content-Encoding", name.encode()))
    framing = draw(st.sampled_from(framings.split()))
    if framing == "length":
        fields.append((b"content-length", b"%d" % len(body)))
    if framing == "chunked":
        fields.append((b"Transfer-Encoding", b"chunked"))
        body = _chunks(body, draw(PLACES)) + b"0\r\n" + draw(st.sampled_from([b"", b"X-T: t\r\n"])) + b"\r\n"
    status = draw(st.sampled_from([200, 201, 203, 299, 400, 404, 429, 500, 503, 599]))
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\nX-I: i\r\n\r\n"]))
    lines = b"".join(b"%b: %b\r\n" % field for field in draw(st.permutations(fields)))
    head = b"HTTP/1.1 %d Some words\r\n%b\r\n" % (status, lines)
    return Message(interim + head + body, framing == "close")
